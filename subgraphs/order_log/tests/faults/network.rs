//! What lies between the replicas.

use std::collections::BTreeMap;

use order_log::ReplicaId;

/// The replicas of every trial.
pub const REPLICAS: [ReplicaId; 3] = [1, 2, 3];

/// A network of which each way between two replicas can be cut by itself. The clients' ways are never cut.
pub trait Network {
    /// Where a replica listens, and clients find it.
    fn address(&self, id: ReplicaId) -> String;

    /// Where a replica finds all of them.
    fn urls(&self, id: ReplicaId) -> BTreeMap<ReplicaId, String>;

    /// The words of a command line that put a replica into this network.
    fn before(&self, id: ReplicaId) -> Vec<String>;

    /// Loses everything that one replica sends to another, without telling either, or stops doing so.
    fn lose(&self, from: ReplicaId, to: ReplicaId, lost: bool);
}

/// What replicas lose sight of, seen from the one that leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The leader and the others hear nothing of each other.
    LeaderApart,
    /// Nobody hears the leader, which hears everybody.
    LeaderMute,
    /// The leader hears nobody, and everybody hears it.
    LeaderDeaf,
    /// The leader and one of the others hear nothing of each other; the third hears both.
    PairApart,
    /// One of the others hears nobody, and everybody hears it.
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

    /// The ways, from one replica to another, that are cut.
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
