//! Resolution of orphaned reservations: the leader confirms or cancels them.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::batch::Proposals;
use crate::catalog::Reservation;
use crate::command::{CommandOutcome, LogCommand};
use crate::replica::Core;
use crate::trade::TradeError;

/// Resolves reservations periodically while this replica leads: those that were there in the previous pass too.
pub(crate) async fn run(core: Arc<Core>, proposals: Arc<Proposals>) {
    let mut seen = HashSet::new();
    loop {
        tokio::time::sleep(core.settings.orphan_scan_interval).await;
        if !core.leads() || !core.is_ready() {
            seen.clear();
            continue;
        }
        match pass(&core, &proposals, &seen).await {
            Ok(now) => seen = now,
            Err(error) => tracing::warn!(%error, "cannot resolve orphaned reservations"),
        }
    }
}

async fn pass(
    core: &Arc<Core>,
    proposals: &Proposals,
    seen: &HashSet<Reservation>,
) -> Result<HashSet<Reservation>, TradeError> {
    let reserved = core
        .dependencies
        .catalog
        .reserved(None, core.settings.orphan_scan_rows_max)
        .await?;
    // Most reservations are about to be finished by their own requests. One that two passes see has been open for longer.
    let mut due = Vec::new();
    for reservation in reserved.iter().filter(|reservation| seen.contains(reservation)) {
        due.push(resolve(core, proposals, &reservation.attempt, core.deadline()));
    }
    // Concurrent calls share few entries of the log, and a reservation that cannot be resolved does not delay the
    // others.
    for error in join_all(due).await.into_iter().filter_map(Result::err) {
        tracing::warn!(%error, "cannot resolve an orphaned reservation");
    }
    Ok(reserved.into_iter().collect())
}

/// Asks the log for the outcome of an attempt, and confirms or cancels its reservation accordingly. An attempt that is
/// not in the log gets a tombstone there before its shares are released: the request that made it may only be slow.
pub(crate) async fn resolve(
    core: &Arc<Core>,
    proposals: &Proposals,
    attempt: &str,
    deadline: Instant,
) -> Result<CommandOutcome, TradeError> {
    let cancel = LogCommand::Cancel {
        attempt: attempt.to_owned(),
    };
    let outcome = proposals.commit(cancel, deadline).await?;
    match &outcome {
        CommandOutcome::Recorded { number, .. } => core.dependencies.catalog.confirm(attempt, *number).await?,
        CommandOutcome::Cancelled | CommandOutcome::Mismatch => core.dependencies.catalog.cancel(attempt).await?,
    }
    Ok(outcome)
}
