//! All limits and timeouts of a replica.

use std::time::Duration;

/// The settings of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often a leader sends a heartbeat. A message to another replica may take as long.
    pub heartbeat: Duration,
    /// How long the others wait for a heartbeat before they start an election; each waits a random time up to twice
    /// this.
    pub election: Duration,
    /// After how many entries the log is compacted: applied entries are deleted.
    pub compact_after: u64,
    /// How many applied entries a compaction keeps, so that a replica that was away for a moment needs no snapshot.
    pub entries_kept: u64,
    /// How many orders become one entry of the log, with one write to each disk.
    pub batch_max: usize,
    /// How many orders wait for the next entry.
    pub proposals_waiting_max: usize,
    /// How long the leader has for one entry before the request is sent again, to it or to a new leader.
    pub commit_within: Duration,
    /// How long a request waits for a majority before it is told to try again.
    pub answer_within: Duration,
    /// How long a majority's confirmation of its leader is valid: a later trade asks again before it is executed.
    pub heard_within: Duration,
    /// How long the leader may be unknown, without a majority that answers, before requests fail at once.
    pub leaderless_within: Duration,
    /// How long a trade without a key waits for its outcome after it was sent to the log.
    pub outcome_within: Duration,
    /// How many requests may wait for the replicas; further ones fail at once.
    pub waiting_max: usize,
    /// How often a leader looks for orphaned reservations. It resolves those that it sees twice.
    pub settle_every: Duration,
    /// How many reservations a leader reads in one pass.
    pub settle_rows_max: usize,
    /// The connect timeout for another replica.
    pub connect_within: Duration,
    /// How long another replica may take to report its status.
    pub ping_within: Duration,
    /// How long the transfer of a snapshot may take.
    pub snapshot_within: Duration,
    /// The most bytes of a snapshot.
    pub snapshot_bytes_max: u64,
    /// About how many bytes of log are sent at once.
    pub append_bytes: usize,
    /// The most bytes of a message between replicas, except snapshots.
    pub message_bytes_max: usize,
    /// The most bytes of a client's request.
    pub body_bytes_max: usize,
    /// How long a request's body may take to arrive.
    pub body_within: Duration,
    /// The most orders that one answer of `/sync` holds.
    pub sync_rows_max: usize,
    /// How many statements may wait for the file.
    pub store_queue: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(250),
            election: Duration::from_millis(1000),
            compact_after: 5_000,
            entries_kept: 1_000,
            batch_max: 256,
            proposals_waiting_max: 4_096,
            commit_within: Duration::from_secs(2),
            answer_within: Duration::from_secs(10),
            heard_within: Duration::from_millis(100),
            leaderless_within: Duration::from_secs(1),
            outcome_within: Duration::from_secs(600),
            waiting_max: 512,
            settle_every: Duration::from_secs(2),
            settle_rows_max: 1_000,
            connect_within: Duration::from_secs(1),
            ping_within: Duration::from_secs(1),
            snapshot_within: Duration::from_secs(600),
            snapshot_bytes_max: 16 << 30,
            append_bytes: 1 << 20,
            message_bytes_max: 16 << 20,
            body_bytes_max: 64 << 10,
            body_within: Duration::from_secs(10),
            sync_rows_max: 10_000,
            store_queue: 1_024,
        }
    }
}
