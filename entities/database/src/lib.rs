//! The database of one application: durable writes on one thread, and reads beside them.
//!
//! The crate knows neither tables nor events nor callers. An [`Application`] gives it the types of its events and
//! errors; [`Db::read`] and [`Db::write`] are the two entry points.

mod application;
mod commit_record;
mod connect;
mod copy;
mod db;
mod db_connection;
mod deadline;
mod error;
mod job;
mod models;
mod options;
mod outbox;
mod private_file;
mod read_only;
mod reader;
mod row;
mod snapshot;
mod sqlite_error;
mod statement;
mod statement_span;
mod stats;
mod storage;
mod tx;
mod value;
mod writer;

pub use application::Application;
pub use commit_record::{RecordedCommits, path_of_log, record_commits, recorded_commits};
pub use copy::copy_database;
pub use db::Db;
pub use db_connection::DbConnection;
pub use error::{Error, Result, Unavailability};
pub use models::ReadEntity;
pub use options::DbOptions;
pub use private_file::{FileVersion, folder_of, replace_private_file, update_private_file};
pub use read_only::{check_commits, open_read_only};
pub use reader::{Reader, share_transactions};
pub use snapshot::{Snapshot, SnapshotError};
pub use sqlite_error::{is_read_timeout, is_storage_failure};
pub use statement::StatementEffect;
pub use stats::{DbStats, WriteDistributions};
pub use storage::StorageHealth;
pub use tx::Tx;
