//! Reservations that nobody finished: whoever leads finishes or cancels them.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::batch::Proposals;
use crate::catalog::Reservation;
use crate::order::{Command, Outcome};
use crate::replica::Core;
use crate::trade::TradeError;

/// Looks again and again, while this replica leads, for reservations that are still there since the last time.
pub(crate) async fn run(core: Arc<Core>, proposals: Arc<Proposals>) {
    let mut seen = HashSet::new();
    loop {
        tokio::time::sleep(core.settings.settle_every).await;
        if !core.leads() || !core.is_ready() {
            seen.clear();
            continue;
        }
        match pass(&core, &proposals, &seen).await {
            Ok(now) => seen = now,
            Err(error) => tracing::warn!(%error, "reservations could not be settled"),
        }
    }
}

async fn pass(
    core: &Arc<Core>,
    proposals: &Proposals,
    seen: &HashSet<Reservation>,
) -> Result<HashSet<Reservation>, TradeError> {
    let reserved = core
        .around
        .catalog
        .reserved(None, core.settings.settle_rows_max)
        .await?;
    // Most reservations are about to be finished by who made them; one that is seen twice has been there for a while.
    let mut due = Vec::new();
    for reservation in reserved.iter().filter(|reservation| seen.contains(reservation)) {
        due.push(settle(core, proposals, &reservation.attempt, core.until()));
    }
    // Together they are few entries of the log, and one that cannot be settled keeps nobody else's shares.
    for error in join_all(due).await.into_iter().filter_map(Result::err) {
        tracing::warn!(%error, "a reservation could not be settled");
    }
    Ok(reserved.into_iter().collect())
}

/// Has the log say what became of an attempt, and the catalog do accordingly. What is not in the log gets a tombstone there
/// before the shares are given back: whoever made the reservation may only have been slow.
pub(crate) async fn settle(
    core: &Arc<Core>,
    proposals: &Proposals,
    attempt: &str,
    until: Instant,
) -> Result<Outcome, TradeError> {
    let cancel = Command::Cancel {
        attempt: attempt.to_owned(),
    };
    let outcome = proposals.decide(cancel, until).await?;
    match &outcome {
        Outcome::Recorded { number, .. } => core.around.catalog.confirm(attempt, *number).await?,
        Outcome::Cancelled | Outcome::Mismatch => core.around.catalog.cancel(attempt).await?,
    }
    Ok(outcome)
}
