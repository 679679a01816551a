//! All limits and timeouts of a replica.

use std::time::Duration;

/// The settings of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLogSettings {
    /// How often a leader sends a heartbeat. A message to another replica may take as long.
    pub heartbeat: Duration,
    /// How long the others wait for a heartbeat before they start an election; each waits a random time up to twice
    /// this.
    pub election_timeout: Duration,
    /// After how many entries the log is compacted: applied entries are deleted.
    pub compact_after: u64,
    /// How many applied entries a compaction keeps, so that a replica that was away for a moment needs no snapshot.
    pub entries_kept: u64,
    /// How many trades become one entry of the log, with one write to each disk.
    pub batch_max: usize,
    /// How many trades wait for the next entry.
    pub proposals_waiting_max: usize,
    /// How long the leader has for one entry before the request is sent again, to it or to a new leader.
    pub commit_timeout: Duration,
    /// How long a request waits for a majority before it is told to try again.
    pub answer_timeout: Duration,
    /// How long a majority's confirmation of its leader is valid: a later trade asks again before it is executed.
    pub confirmation_age_max: Duration,
    /// How long the leader may be unknown, without a majority that answers, before requests fail at once.
    pub leaderless_grace: Duration,
    /// How long a trade without a key waits for its outcome after it was sent to the log.
    pub outcome_timeout: Duration,
    /// How many requests may wait for the replicas; further ones fail at once.
    pub waiting_max: usize,
    /// How many numbers of trades may be missing from the table of trades. When there are as many, no further trades are
    /// numbered until some are written.
    pub unwritten_max: usize,
    /// How long a number waits for another write that takes it along into the table of trades.
    pub write_back_delay: Duration,
    /// How often a leader looks for orphaned reservations. It resolves those that it sees twice.
    pub orphan_scan_interval: Duration,
    /// How many reservations a leader reads in one pass.
    pub orphan_scan_rows_max: usize,
    /// The connect timeout for another replica.
    pub connect_timeout: Duration,
    /// How long another replica may take to report its status.
    pub ping_timeout: Duration,
    /// How long the transfer of a snapshot may take.
    pub snapshot_timeout: Duration,
    /// The most bytes of a snapshot.
    pub snapshot_bytes_max: u64,
    /// About how many bytes of log are sent at once.
    pub append_bytes: usize,
    /// The most bytes of a message between replicas, except snapshots.
    pub message_bytes_max: usize,
    /// The most bytes of a client's request.
    pub body_bytes_max: usize,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// The most trades that one answer of `/sync` holds.
    pub sync_rows_max: usize,
    /// How many statements may wait for the file.
    pub store_queue: usize,
}

impl Default for OrderLogSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(250),
            election_timeout: Duration::from_millis(1000),
            compact_after: 5_000,
            entries_kept: 1_000,
            batch_max: 256,
            proposals_waiting_max: 4_096,
            commit_timeout: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(10),
            confirmation_age_max: Duration::from_millis(100),
            leaderless_grace: Duration::from_secs(1),
            outcome_timeout: Duration::from_secs(600),
            waiting_max: 512,
            unwritten_max: 4_096,
            write_back_delay: Duration::from_millis(20),
            orphan_scan_interval: Duration::from_secs(2),
            orphan_scan_rows_max: 1_000,
            connect_timeout: Duration::from_secs(1),
            ping_timeout: Duration::from_secs(1),
            snapshot_timeout: Duration::from_secs(600),
            snapshot_bytes_max: 16 << 30,
            append_bytes: 1 << 20,
            message_bytes_max: 16 << 20,
            body_bytes_max: 64 << 10,
            body_timeout: Duration::from_secs(10),
            sync_rows_max: 10_000,
            store_queue: 1_024,
        }
    }
}
