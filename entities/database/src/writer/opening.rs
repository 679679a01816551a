//! Opening the file: it has all acknowledged commits and is not damaged, or the operator accepts the loss.

use std::path::Path;
use std::sync::Arc;

use crate::commit_record::{CommitRecord, RecordedCommits, path_of_record};
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
    let unusable = |error: std::io::Error| Error::Unusable(format!("the record of the commits: {error}"));
    let recorded = CommitRecord::read(&options.path).map_err(unusable)?;
    let tx = Tx::open(options, Arc::clone(deadline))?;
    let commits = tx.commit_count()?;
    require_all_commits(options, &tx, recorded, commits)?;
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
    if !matches!(recorded, RecordedCommits::Count(_)) {
        CommitRecord::replace(&options.path, commits).map_err(unusable)?;
    }
    let commit_record = CommitRecord::open(&options.path).map_err(unusable)?;
    commit_record.write(commits).map_err(unusable)?;
    Ok((tx, commit_record))
}

/// Refuses a database that lacks commits which its record has, or whose record cannot tell.
fn require_all_commits<A: Application>(
    options: &DbOptions,
    tx: &Tx<A>,
    recorded: RecordedCommits,
    commits: i32,
) -> Result<()> {
    let has_schema = tx.has_schema()?;
    if let Some(why) = lost_commits(&options.path, recorded, commits, has_schema) {
        require_accepted_data_loss(options, why)?;
    } else if recorded == RecordedCommits::Missing {
        tracing::info!("the database has no record of its commits yet; this start creates it");
    }
    Ok(())
}

/// Returns why the database at `path`, with that number of commits, lacks commits that were acknowledged or may lack some.
pub(crate) fn lost_commits(path: &Path, recorded: RecordedCommits, commits: i32, has_schema: bool) -> Option<String> {
    let (record, path) = (path_of_record(path), path.display());
    let record = record.display();
    let unknown = "so it cannot be told whether the database lacks acknowledged commits. Put the file back; or start once \
                   with --accept-data-loss true, which takes the database as it is";
    match recorded {
        RecordedCommits::Count(acknowledged) => {
            // The count wraps around.
            let lost = acknowledged.wrapping_sub(commits);
            (lost > 0).then(|| {
                format!(
                    "{path} lacks the last {lost} commits that were acknowledged: its -wal file is missing, truncated or \
                     damaged, or an older file took its place. Put the files back; or start once with --accept-data-loss \
                     true, which gives these changes up"
                )
            })
        }
        RecordedCommits::Unreadable => Some(format!("{record} holds no number of commits, {unknown}")),
        // Builds that recorded no commits counted none either.
        RecordedCommits::Missing if commits == 0 && has_schema => None,
        RecordedCommits::Missing => Some(format!("{record} is missing beside an existing database, {unknown}")),
    }
}

fn require_accepted_data_loss(options: &DbOptions, why: String) -> Result<()> {
    if !options.accept_data_loss {
        return Err(Error::Unusable(why));
    }
    tracing::error!("data loss is accepted: {why}");
    Ok(())
}
