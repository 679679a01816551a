//! A migrated database in a folder of its own, a manual clock, and a bus that reports its subscribers.

use std::sync::Arc;

use contract::{Db, DbOptions, InProcessBus, ManualClock, Services, TokenKeys, Tx};
use entities::authority::Authority;
use entities::{user, user_change};
use migrations::{Migrator, MigratorTrait};
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::events::ObservedBus;

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR_US: i64 = 1_767_225_600_000_000;

/// The services that domains are built from, with empty tables.
pub struct TestServices {
    /// The argument of a domain's `schema`.
    pub services: Services,
    /// The clock, which the test moves.
    pub clock: Arc<ManualClock>,
    /// The folder of the database, deleted on drop.
    pub folder: TempDir,
    /// One permit for each subscriber that has asked for its first event.
    pub(crate) listening: Arc<Semaphore>,
}

impl TestServices {
    /// Services at that time, with the default bounds of the server.
    pub async fn new(now_us: i64) -> Self {
        Self::with_events_max(now_us, InProcessBus::EVENTS_MAX).await
    }

    /// Like [`new`](Self::new), with subscribers that may fall only `events_max` events behind.
    pub async fn with_events_max(now_us: i64, events_max: usize) -> Self {
        Self::open(tempfile::tempdir().expect("a folder"), now_us, events_max).await
    }

    /// Like [`new`](Self::new), in that folder.
    pub async fn in_folder(folder: TempDir, now_us: i64) -> Self {
        Self::open(folder, now_us, InProcessBus::EVENTS_MAX).await
    }

    async fn open(folder: TempDir, now_us: i64, events_max: usize) -> Self {
        let path = folder.path().join("agora.db");
        let listening = Arc::new(Semaphore::new(0));
        let bus = Arc::new(ObservedBus {
            bus: InProcessBus::new(events_max),
            listening: listening.clone(),
        });
        let db = Db::open(DbOptions::new(path), bus.clone())
            .await
            .expect("the database opens");
        db.migrate(async |connection| Migrator::up(connection, None).await)
            .await
            .expect("the tables are made");
        let clock = Arc::new(ManualClock::at_us(now_us));
        let services = Services {
            db,
            clock: clock.clone(),
            bus,
            order_log: Arc::new(contract::TableLog),
            keys: Arc::new(TokenKeys::ephemeral()),
            expiry: Arc::default(),
            shared_reads: Arc::default(),
        };
        Self {
            services,
            clock,
            folder,
            listening,
        }
    }

    /// Adds a person, who gets the next id.
    pub async fn add_user(&self, username: &'static str) {
        let join = async move |tx: &Tx| Ok(user::insert(tx, user::Model::with_username(username, NEW_YEAR_US)).await?);
        let joined = self.services.db.write(join).await;
        assert!(matches!(joined, Ok(Ok(_))), "{joined:?}");
    }

    /// Deactivates the person's account.
    pub async fn deactivate(&self, id: i64) {
        let change = async move |tx: &Tx| Ok(user_change::deactivate(tx, &Authority::Full, id, NEW_YEAR_US).await?);
        self.services.db.write(change).await.expect("the account ends");
    }

    /// Executes SQL that changes rows beside the domain, in ways that the domain and the constraints never allow.
    pub async fn corrupt(&self, sql: &str) {
        let sql = format!("PRAGMA ignore_check_constraints = 1; {sql}; PRAGMA ignore_check_constraints = 0");
        let change = async move |tx: &Tx| Ok(tx.execute_unprepared(&sql).await?);
        self.services.db.write(change).await.expect("the change is made");
    }
}
