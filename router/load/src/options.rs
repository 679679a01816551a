//! The arguments of a run.

use std::time::Duration;

use crate::caller::Patience;
use crate::display::Display;
use crate::http::Target;
use crate::memory::MemorySource;

/// How long a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Until this time is over and everyone has read everything back.
    Time(Duration),
    /// Until each place has had so many lives.
    Lives(u32),
}

/// The operator who lists the stocks, books and products of the run.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A service credential (`agora token --service NAME`).
    Service(String),
    /// An administrator's name and password.
    Administrator(String, String),
}

/// The arguments of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server.
    pub target: Target,
    /// The people at once.
    pub users: usize,
    /// How long.
    pub extent: Extent,
    /// The rounds of activities in a life.
    pub rounds: u32,
    /// The pause of a person between two activities.
    pub think: Duration,
    /// The seed of all choices.
    pub seed: u64,
    /// The clients that send bogus and hostile requests.
    pub hostile: usize,
    /// The operator.
    pub credential: Credential,
    /// How long to wait for the server.
    pub patience: Patience,
    /// Where the memory of the server is read, if at all.
    pub memory: Option<MemorySource>,
    /// Where the progress is shown.
    pub display: Display,
}
