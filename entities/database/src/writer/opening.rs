//! Opening the file: it has all acknowledged commits and is not damaged, or the operator accepts the loss.

use std::sync::Arc;

use crate::commit_record::CommitRecord;
use crate::deadline::Deadline;
use crate::sqlite_error::is_corruption;
use crate::{Application, DbOptions, Error, Result, Tx};

/// Opens the file and checks it; also returns the record of its commits.
pub(super) fn open_checked<A: Application>(
    options: &DbOptions,
    deadline: &Arc<Deadline>,
) -> Result<(Tx<A>, CommitRecord)> {
    check(options, deadline).map_err(|error| match &error {
        Error::Driver(cause) if is_corruption(cause) => {
            let path = options.path.display();
            Error::Unusable(format!("{path} is damaged: {cause}. Restore it from a backup"))
        }
        _ => error,
    })
}

fn check<A: Application>(options: &DbOptions, deadline: &Arc<Deadline>) -> Result<(Tx<A>, CommitRecord)> {
    let tx = Tx::open(options, Arc::clone(deadline))?;
    let unusable = |error: std::io::Error| Error::Unusable(format!("the note of the last commit: {error}"));
    let (commit_record, acknowledged) = CommitRecord::open(&options.path).map_err(unusable)?;
    let commits = tx.commit_count()?;
    // The count wraps around.
    let lost = acknowledged.map_or(0, |acknowledged| acknowledged.wrapping_sub(commits));
    if lost > 0 {
        let why = format!(
            "{} lacks the last {lost} commits that were acknowledged: its -wal file is missing, truncated or damaged, or an \
             older file took its place. Put the files back; or start once with --accept-data-loss true, which gives these \
             changes up",
            options.path.display()
        );
        require_accepted_data_loss(options, why)?;
    }
    if !options.check_time.is_zero() {
        deadline.set(options.check_time);
        let found = tx.quick_check();
        deadline.clear();
        match found? {
            None => tracing::info!("the database is large; the check covered only a part of it in time"),
            Some(found) if found.is_empty() => {}
            Some(found) => {
                let why = format!(
                    "{} is damaged: {}. Restore it from a backup; or start with --accept-data-loss true as it is",
                    options.path.display(),
                    found.join("; ")
                );
                require_accepted_data_loss(options, why)?;
            }
        }
    }
    commit_record.write(commits).map_err(unusable)?;
    Ok((tx, commit_record))
}

fn require_accepted_data_loss(options: &DbOptions, why: String) -> Result<()> {
    if !options.accept_data_loss {
        return Err(Error::Unusable(why));
    }
    tracing::error!("data loss is accepted: {why}");
    Ok(())
}
