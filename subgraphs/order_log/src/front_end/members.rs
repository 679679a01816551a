//! The members of the cluster, read and changed through the leader.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{FrontEnd, left};
use crate::leader::{Change, Task};
use crate::network::PeerError;
use crate::order::ReplicaId;
use crate::replica::Error;

impl FrontEnd {
    /// The members and their addresses, as the log has them.
    ///
    /// # Errors
    /// `Unavailable` when no majority answers before the deadline.
    pub async fn members(&self, until: Instant) -> Result<BTreeMap<ReplicaId, String>, Error> {
        self.read(Change::PATH, until).await
    }

    /// Adds a running replica: first it catches up, then it votes. An id is never used twice.
    ///
    /// # Errors
    /// `Refused` while another change is in progress. `Unavailable` when it is not done before the deadline; it may be
    /// done later.
    pub async fn add_replica(&self, id: ReplicaId, url: &str, until: Instant) -> Result<(), Error> {
        self.change(&Change::Add(id, url.to_owned()), until).await
    }

    /// Removes a replica.
    ///
    /// # Errors
    /// As [`Self::add_replica`].
    pub async fn remove_replica(&self, id: ReplicaId, until: Instant) -> Result<(), Error> {
        self.change(&Change::Remove(id), until).await
    }

    /// The change is idempotent, so it may be sent again.
    async fn change(&self, change: &Change, until: Instant) -> Result<(), Error> {
        loop {
            let (leader, found) = self.leader_until(until).await?;
            let within = Change::within(self.settings()).min(left(until));
            match self.inner.peers.post(&leader.url, Change::PATH, change, within).await {
                Ok(()) => return Ok(()),
                Err(PeerError::Refused(why)) => return Err(Error::Refused(why)),
                Err(error) => tracing::debug!(%error, leader = leader.id, "the leader did not confirm the change"),
            }
            self.failed(found);
            self.pause(until).await;
        }
    }
}
