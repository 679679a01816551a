//! A migrated database in a folder of its own, a clock that stands still, a bus that tells who listens.

use std::sync::Arc;

use contract::{Db, DbOptions, InProcessBus, ManualClock, Services, TokenKeys};
use migrations::{Migrator, MigratorTrait};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::events::TellingBus;

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR_US: i64 = 1_767_225_600_000_000;

/// What domains are built from, with nothing in the tables.
pub struct TestServices {
    /// What a domain's `schema` takes.
    pub services: Services,
    /// The time, to be moved by the test.
    pub clock: Arc<ManualClock>,
    /// Where the database is; it goes when this goes.
    pub folder: TempDir,
    /// One permit for each subscriber that has asked for its first event.
    pub(crate) listening: Arc<Semaphore>,
}

impl TestServices {
    /// At that time, with subscribers that may fall that many events behind.
    pub async fn new(now_us: i64, events_max: usize) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"), now_us, events_max).await
    }

    /// As [`new`](Self::new), in that folder.
    pub async fn in_folder(folder: TempDir, now_us: i64, events_max: usize) -> Self {
        let path = folder.path().join("agora.db");
        let db = Db::open(DbOptions::at(path)).await.expect("the database opens");
        db.migrate(async |connection| Migrator::up(connection, None).await)
            .await
            .expect("the tables are made");
        let clock = Arc::new(ManualClock::at_us(now_us));
        let listening = Arc::new(Semaphore::new(0));
        let bus = TellingBus {
            bus: InProcessBus::new(events_max),
            listening: listening.clone(),
        };
        let services = Services {
            db,
            clock: clock.clone(),
            bus: Arc::new(bus),
            orders: Arc::new(contract::TableLog),
            keys: Arc::new(TokenKeys::ephemeral()),
        };
        Self {
            services,
            clock,
            folder,
            listening,
        }
    }
}
