//! Every bound and every time of a replica.

use std::time::Duration;

/// What can be set of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often a leader says that it leads. A message to another replica may take as long.
    pub heartbeat: Duration,
    /// How long the others wait for that before they elect; each waits a random time up to twice this.
    pub election: Duration,
    /// After how many entries of the log what is applied of it is thrown away.
    pub compact_after: u64,
    /// How many applied entries are kept all the same, so that who was away for a moment needs no copy of the whole.
    pub entries_kept: u64,
    /// How many orders become one entry of the log, with one write to each disk.
    pub batch_max: usize,
    /// How many orders wait to become one.
    pub proposals_waiting_max: usize,
    /// How long the leader is given for one entry before it is asked again, or somebody else.
    pub commit_within: Duration,
    /// How long a request waits for a majority before it is told to try again.
    pub answer_within: Duration,
    /// For how long what a majority said of its leader is good: a trade that comes later asks again before it is carried out.
    pub heard_within: Duration,
    /// How long no leader may be known and no majority answer until requests fail at once.
    pub leaderless_within: Duration,
    /// How long a trade without a key, which the log was told of, waits until its outcome is known.
    pub outcome_within: Duration,
    /// How many requests may wait for the replicas at once; one more fails at once.
    pub waiting_max: usize,
    /// How often a leader looks for reservations that nobody finished. One that it sees twice is finished or cancelled.
    pub settle_every: Duration,
    /// How many reservations a leader looks at in one go.
    pub settle_rows_max: usize,
    /// How long a connection to another replica may take to be made.
    pub connect_within: Duration,
    /// How long another replica may take to say how it is.
    pub ping_within: Duration,
    /// How long a copy of the whole ledger may be on its way.
    pub snapshot_within: Duration,
    /// The most bytes of a copy of the whole ledger.
    pub snapshot_bytes_max: u64,
    /// About how many bytes of log are sent at once.
    pub append_bytes: usize,
    /// The most bytes of a message between replicas, copies of the ledger aside.
    pub message_bytes_max: usize,
    /// The most bytes of a client's request.
    pub body_bytes_max: usize,
    /// How long a request's body may take to arrive.
    pub body_within: Duration,
    /// The most orders that one answer of `/sync` holds.
    pub sync_rows_max: usize,
    /// How many statements wait for the file.
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
