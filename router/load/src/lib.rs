//! A load test: many simulated people use all services of a running Agora at once, over GraphQL and REST, and compare every
//! answer with what they did.
//!
//! The crate is a client of the public API. It knows no table and no type of the server, so it can judge what the server says.

mod bazaar;
mod caller;
mod conservation;
mod display;
mod http;
mod memory;
mod options;
mod own_server;
mod person;
mod recorder;
mod report;
mod run;
mod scenario;
mod stress;
mod values;
mod watch;
mod world;

pub use bazaar::{BazaarOptions, BazaarReport, BazaarRow, BazaarServer, cache_of, play_bazaar};
pub use caller::Patience;
pub use display::Display;
pub use http::{Target, TargetError};
pub use memory::MemorySource;
pub use options::{Credential, Extent, Options};
pub use own_server::{OwnServer, OwnServerError};
pub use recorder::{Finding, FindingKind, Lost, Recording, Second, StepFigures, Totals};
pub use report::{Check, Report};
pub use run::{LoadError, run};
