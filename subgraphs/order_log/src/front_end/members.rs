//! The members of the cluster, read and changed through the leader.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{FrontEnd, time_left};
use crate::command::ReplicaId;
use crate::leader::{LeaderTask, MembershipChange};
use crate::network::PeerError;
use crate::replica::Error;

impl FrontEnd {
    /// The members and their addresses, as the log has them.
    ///
    /// # Errors
    /// `Unavailable` when no majority answers before the deadline.
    pub async fn members(&self, deadline: Instant) -> Result<BTreeMap<ReplicaId, String>, Error> {
        self.read(MembershipChange::PATH, deadline).await
    }

    /// Adds a running replica: first it catches up, then it votes. An id is never used twice.
    ///
    /// # Errors
    /// `Refused` while another change is in progress. `Unavailable` when it is not done before the deadline; it may be
    /// done later.
    pub async fn add_replica(&self, id: ReplicaId, url: &str, deadline: Instant) -> Result<(), Error> {
        self.change(&MembershipChange::Add(id, url.to_owned()), deadline).await
    }

    /// Removes a replica.
    ///
    /// # Errors
    /// As [`Self::add_replica`].
    pub async fn remove_replica(&self, id: ReplicaId, deadline: Instant) -> Result<(), Error> {
        self.change(&MembershipChange::Remove(id), deadline).await
    }

    /// The change is idempotent, so it may be sent again.
    async fn change(&self, change: &MembershipChange, deadline: Instant) -> Result<(), Error> {
        loop {
            let (leader, generation) = self.wait_for_leader(deadline).await?;
            let timeout = MembershipChange::timeout(self.settings()).min(time_left(deadline));
            match self
                .inner
                .peers
                .post(&leader.url, MembershipChange::PATH, change, timeout)
                .await
            {
                Ok(()) => return Ok(()),
                Err(PeerError::Refused(why)) => return Err(Error::Refused(why)),
                Err(error) => tracing::debug!(%error, leader = leader.id, "the leader did not confirm the change"),
            }
            self.drop_leader(generation);
            self.pause(deadline).await;
        }
    }
}
