//! The server's background tasks.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use contract::{Result, Retention, Services};
use futures_util::FutureExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::ledger_check::LedgerCheck;

/// The pause before a failed task starts again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// The tasks of one server.
pub struct Workers {
    tasks: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Workers {
    /// Starts the tasks, which run until `shutdown`. With `demo`, one of them changes stock prices.
    pub fn start(
        services: &Services,
        ledger_check: &LedgerCheck,
        settings: &config::WorkerSettings,
        shutdown: &CancellationToken,
        demo: bool,
    ) -> Self {
        let mut workers = Self {
            tasks: JoinSet::new(),
            shutdown: shutdown.clone(),
        };
        let (on, every) = (services.clone(), Duration::from_millis(settings.expiry_ms));
        workers.spawn_restarting("expiring overdue orders and authorizations", move || {
            expire_overdue(on.clone(), every)
        });
        let (on, every) = (services.clone(), Duration::from_millis(settings.sweep_ms));
        let retention = Retention {
            key_hours: settings.idempotency_key_hours,
            session_hours: settings.ended_session_hours,
            rows_max: settings.sweep_rows_max,
        };
        workers.spawn_restarting("sweeping", move || sweep(on.clone(), retention, every));
        let on = services.clone();
        workers.spawn_restarting("executing triggered orders", move || {
            brokerage::execute_triggered(on.clone())
        });
        let on = services.clone();
        workers.spawn_restarting("numbering trades", move || {
            let on = on.clone();
            async move { on.order_log.clone().work(on).await }
        });
        let (on, every) = (services.clone(), Duration::from_millis(settings.storage_ms));
        workers.spawn_restarting("looking after the storage", move || check_storage(on.clone(), every));
        let (check, every) = (ledger_check.clone(), Duration::from_millis(settings.ledger_check_ms));
        if !every.is_zero() {
            workers.spawn_restarting("checking the ledger", move || {
                let check = check.clone();
                async move {
                    check.repeat(every).await;
                    Ok(())
                }
            });
        }
        let (on, every) = (services.clone(), Duration::from_millis(settings.price_feed_ms));
        if demo && !every.is_zero() {
            workers.spawn_restarting("the price feed", move || move_prices(on.clone(), every));
        }
        workers
    }

    /// Waits until all tasks have ended. Call it after the shutdown began and before the database closes.
    pub async fn join(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Runs `work` until the shutdown, and restarts it when it fails.
    fn spawn_restarting<F>(&mut self, name: &'static str, work: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            shutdown
                .run_until_cancelled(retry_until_done(name, RESTART_PAUSE, work))
                .await
                .unwrap_or_default();
        });
    }
}

/// Runs `work` until it succeeds. Logs an error or a panic and, after `pause`, starts it again.
async fn retry_until_done<F>(name: &'static str, pause: Duration, work: impl Fn() -> F)
where
    F: Future<Output = Result<()>>,
{
    loop {
        // A panic can leave only the work's own state half changed, and that state is dropped with it.
        match AssertUnwindSafe(async { work().await }).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!(worker = name, error = error.details(), "a worker failed and restarts"),
            Err(_) => tracing::error!(worker = name, "a worker panicked and restarts"),
        }
        tokio::time::sleep(pause).await;
    }
}

/// Periodically expires overdue items, so that their watchers receive the events although no request touches them.
async fn expire_overdue(services: Services, every: Duration) -> Result<()> {
    loop {
        services.expire_overdue().await?;
        tokio::time::sleep(every).await;
    }
}

/// Periodically checks that the files and tables exist, whether a full disk has room again, and whether the signing keys changed.
async fn check_storage(services: Services, every: Duration) -> Result<()> {
    loop {
        services.keys.refresh();
        services.db.check_storage().await?;
        match migrations::missing_objects(services.db.read()).await {
            Ok(missing) if missing.is_empty() => {}
            Ok(missing) => services
                .db
                .storage()
                .record_damage(format!("the database has no {}", missing.join(", "))),
            Err(error) => services.db.storage().record_failure(&error),
        }
        tokio::time::sleep(every).await;
    }
}

/// Periodically deletes expired rows.
async fn sweep(services: Services, retention: Retention, every: Duration) -> Result<()> {
    loop {
        let rows = services.sweep(retention).await?;
        if rows > 0 {
            tracing::debug!(rows, "expired rows deleted");
        }
        tokio::time::sleep(every).await;
    }
}

async fn move_prices(services: Services, every: Duration) -> Result<()> {
    exchange::demo::price_feed(&services, every, StdRng::from_os_rng()).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use contract::{Delivery, Error, Event};
    use futures_util::StreamExt;
    use testing::{NEW_YEAR_US, TestServices};

    use super::*;
    use crate::config::DataFolder;

    const BUSY: config::WorkerSettings = config::WorkerSettings {
        price_feed_ms: 1,
        expiry_ms: 1,
        storage_ms: 1,
        ledger_check_ms: 0,
        sweep_ms: 1,
        sweep_rows_max: 500,
        idempotency_key_hours: 48,
        ended_session_hours: 24,
    };

    /// A check that does not begin with these settings.
    fn unused_check(on: &TestServices) -> LedgerCheck {
        let files = DataFolder::new("unused".as_ref()).table_files();
        LedgerCheck::new(files, Arc::clone(&on.services.clock))
    }

    async fn exchange() -> TestServices {
        let on = TestServices::new(NEW_YEAR_US).await;
        exchange::demo::seed(&on.services).await.unwrap();
        on
    }

    #[tokio::test]
    async fn prices_move_in_the_demo_until_the_shutdown() {
        let on = exchange().await;
        let shutdown = CancellationToken::new();
        let mut events = on.services.bus.subscribe();
        let workers = Workers::start(&on.services, &unused_check(&on), &BUSY, &shutdown, true);
        for _ in 0..3 {
            let Some(Delivery::Event(event)) = events.next().await else {
                panic!("the bus ended")
            };
            assert!(
                matches!(*event, Event::Invalidated { typename: "Stock", .. }),
                "{event:?}"
            );
        }
        shutdown.cancel();
        workers.join().await;
        on.services.db.close().await.unwrap();
    }

    #[tokio::test]
    async fn prices_do_not_move_outside_a_demo_or_without_the_feed() {
        let on = exchange().await;
        let off = config::WorkerSettings {
            price_feed_ms: 0,
            ..BUSY
        };
        for (settings, demo, wanted) in [(&BUSY, true, 6), (&BUSY, false, 5), (&off, true, 5)] {
            let shutdown = CancellationToken::new();
            let workers = Workers::start(&on.services, &unused_check(&on), settings, &shutdown, demo);
            assert_eq!(workers.tasks.len(), wanted);
            shutdown.cancel();
            workers.join().await;
        }
    }

    #[tokio::test]
    async fn a_worker_that_fails_or_panics_restarts() {
        let begun = AtomicUsize::new(0);
        let work = || async {
            match begun.fetch_add(1, Ordering::SeqCst) {
                0 => Err(Error::Unavailable("not yet")),
                1 => panic!("on purpose"),
                _ => Ok(()),
            }
        };
        retry_until_done("a test", Duration::ZERO, work).await;
        assert_eq!(begun.into_inner(), 3);
    }
}
