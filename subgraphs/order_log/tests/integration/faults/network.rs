//! The network between the replicas.

use std::collections::BTreeMap;

use order_log::ReplicaId;

/// The replicas of every trial.
pub const REPLICAS: [ReplicaId; 3] = [1, 2, 3];

/// A network in which each direction between two replicas can be cut separately. The clients' connections are never
/// cut.
pub trait Network {
    /// The address where a replica listens, for clients too.
    fn address(&self, id: ReplicaId) -> String;

    /// The addresses at which a replica reaches all replicas.
    fn urls(&self, id: ReplicaId) -> BTreeMap<ReplicaId, String>;

    /// The prefix of a command line that starts a replica in this network.
    fn before(&self, id: ReplicaId) -> Vec<String>;

    /// Drops everything that one replica sends to another, without telling either, or stops doing so.
    fn lose(&self, from: ReplicaId, to: ReplicaId, lost: bool);
}

/// The lost connections, seen from the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The leader and the others receive nothing from each other.
    LeaderApart,
    /// The others receive nothing from the leader, which receives everything.
    LeaderMute,
    /// The leader receives nothing from the others, which receive everything.
    LeaderDeaf,
    /// The leader and one of the others receive nothing from each other; the third replica is connected to both.
    PairApart,
    /// One of the others receives nothing, and all replicas receive its messages.
    FollowerDeaf,
}

impl Cut {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::LeaderApart,
        Self::LeaderMute,
        Self::LeaderDeaf,
        Self::PairApart,
        Self::FollowerDeaf,
    ];

    /// The cut directions, each from one replica to another.
    pub fn ways(self, leader: ReplicaId) -> Vec<(ReplicaId, ReplicaId)> {
        let others: Vec<_> = REPLICAS.into_iter().filter(|id| *id != leader).collect();
        let (first, second) = (others[0], others[1]);
        match self {
            Self::LeaderApart => vec![(leader, first), (leader, second), (first, leader), (second, leader)],
            Self::LeaderMute => vec![(leader, first), (leader, second)],
            Self::LeaderDeaf => vec![(first, leader), (second, leader)],
            Self::PairApart => vec![(leader, first), (first, leader)],
            Self::FollowerDeaf => vec![(leader, first), (second, first)],
        }
    }
}
