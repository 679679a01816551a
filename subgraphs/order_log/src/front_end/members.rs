//! Who takes part, asked and changed through the leader.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{FrontEnd, left};
use crate::leader::{Change, Task};
use crate::network::PeerError;
use crate::order::ReplicaId;
use crate::replica::Error;

impl FrontEnd {
    /// The replicas that take part, and where they are as the log has it.
    ///
    /// # Errors
    /// `Unavailable` when no majority says until then which they are.
    pub async fn members(&self, until: Instant) -> Result<BTreeMap<ReplicaId, String>, Error> {
        self.read(Change::PATH, until).await
    }

    /// Lets another replica take part, which has to run: first it catches up, then it votes. Ids are never used twice.
    ///
    /// # Errors
    /// `Refused` while another change is under way, `Unavailable` when it is not done until then; it may be later.
    pub async fn add_replica(&self, id: ReplicaId, url: &str, until: Instant) -> Result<(), Error> {
        self.change(&Change::Add(id, url.to_owned()), until).await
    }

    /// Goes on without a replica.
    ///
    /// # Errors
    /// As [`Self::add_replica`].
    pub async fn remove_replica(&self, id: ReplicaId, until: Instant) -> Result<(), Error> {
        self.change(&Change::Remove(id), until).await
    }

    /// To add what is there and to remove what is not changes nothing, so it may be sent again.
    async fn change(&self, change: &Change, until: Instant) -> Result<(), Error> {
        loop {
            let (leader, found) = self.leader_until(until).await?;
            let within = Change::within(self.settings()).min(left(until));
            match self.inner.peers.post(&leader.url, Change::PATH, change, within).await {
                Ok(()) => return Ok(()),
                Err(PeerError::Refused(why)) => return Err(Error::Refused(why)),
                Err(error) => tracing::debug!(%error, leader = leader.id, "the leader did not do it"),
            }
            self.failed(found);
            self.pause(until).await;
        }
    }
}
