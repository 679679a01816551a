//! Whether this server can serve requests: the checks of `GET /ready`.
//!
//! `GET /health` says that the process lives and its storage works. `GET /ready` tries the parts that a request needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contract::{Bus, Delivery, Event, Services, Topic};
use futures_util::StreamExt;
use order_log::FrontEnd;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;
use crate::reload_status::ReloadStatus;

/// The checks of a server. Cheap to clone.
#[derive(Clone)]
pub struct Readiness(Arc<State>);

struct State {
    /// The database and the bus; `None` for a router over remote subgraphs.
    services: Option<Services>,
    order_replicas: Option<FrontEnd>,
    /// The reloads of the supergraph file of a router.
    reloads: Option<ReloadStatus>,
    /// One of them is cancelled when the end of the process has begun.
    ends: [CancellationToken; 2],
    time_max: Duration,
    /// The last report, and when its checks began.
    last: Mutex<Option<(Instant, Arc<Report>)>>,
    probes: AtomicU64,
}

/// The warning of a router that serves an older graph than its file has.
const SUPERGRAPH_REFUSED: &str =
    "the supergraph file is refused, and the last good one is served; the log has the reason";

/// The name of a check, and the reason that it fails.
type CheckResult = (&'static str, Option<&'static str>);

/// The results of the checks.
#[derive(Debug)]
pub struct Report {
    /// The checks, in a fixed order.
    pub checks: Vec<Check>,
    /// Facts that an operator should know although the server is ready. They tell a stranger nothing about files either.
    pub warnings: Vec<&'static str>,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// The reason that it fails; `None` if it passes. It tells a stranger nothing about files or addresses: the log has the details.
    pub failure: Option<&'static str>,
}

impl Report {
    /// Whether every check passes.
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| check.failure.is_none())
    }
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readiness").finish_non_exhaustive()
    }
}

impl Readiness {
    /// Checks these parts, and whether the process of that gateway ends. No check takes longer than `time_max`.
    pub fn new(services: &Services, order_replicas: Option<FrontEnd>, gateway: &Gateway, time_max: Duration) -> Self {
        Self::over(Some(services.clone()), order_replicas, None, gateway, time_max)
    }

    /// Checks only whether the process of that gateway ends: the subgraphs of a router are parts of the answers, not of the process.
    /// Warns when the supergraph file is refused.
    pub fn of_router(gateway: &Gateway, reloads: &ReloadStatus) -> Self {
        Self::over(None, None, Some(reloads.clone()), gateway, Duration::ZERO)
    }

    fn over(
        services: Option<Services>,
        order_replicas: Option<FrontEnd>,
        reloads: Option<ReloadStatus>,
        gateway: &Gateway,
        time_max: Duration,
    ) -> Self {
        Self(Arc::new(State {
            services,
            order_replicas,
            reloads,
            ends: [gateway.draining.clone(), gateway.shutdown.clone()],
            time_max,
            last: Mutex::default(),
            probes: AtomicU64::default(),
        }))
    }

    /// Runs the checks. Callers at the same time share them, so that many of them cost no more than a few; the checks begin after
    /// the call in any case.
    pub async fn check(&self) -> Arc<Report> {
        let arrived = Instant::now();
        let mut last = self.0.last.lock().await;
        if let Some((begun, report)) = &*last
            && *begun > arrived
        {
            return Arc::clone(report);
        }
        let begun = Instant::now();
        let report = Arc::new(self.0.run().await);
        *last = Some((begun, Arc::clone(&report)));
        report
    }
}

impl State {
    async fn run(&self) -> Report {
        let failed = |is_bad: bool, why| is_bad.then_some(why);
        let (services, order_leader) = tokio::join!(
            async {
                match &self.services {
                    Some(services) => self.check_services(services).await.to_vec(),
                    None => Vec::new(),
                }
            },
            self.order_leader()
        );
        let ends = self.ends.iter().any(CancellationToken::is_cancelled);
        let mut checks = vec![("serving", failed(ends, "the server is shutting down"))];
        checks.extend(services);
        if self.order_replicas.is_some() {
            checks.push(("order_leader", order_leader));
        }
        let checks = checks.into_iter().map(|(name, failure)| Check { name, failure });
        let is_refused = self.reloads.as_ref().is_some_and(ReloadStatus::is_refused);
        Report {
            checks: checks.collect(),
            warnings: is_refused.then_some(SUPERGRAPH_REFUSED).into_iter().collect(),
        }
    }

    /// Checks the database and the bus.
    async fn check_services(&self, services: &Services) -> [CheckResult; 4] {
        let (database, migrations, events) = tokio::join!(
            self.database(services),
            self.migrations(services),
            self.events(services)
        );
        let is_failing = services.db.storage().failure_reason().is_some();
        [
            ("storage", is_failing.then_some("the storage fails")),
            ("database", database),
            ("migrations", migrations),
            ("events", events),
        ]
    }

    /// Reads from the database.
    async fn database(&self, services: &Services) -> Option<&'static str> {
        match timeout(self.time_max, migrations::answers(services.db.read())).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready: the database does not answer");
                Some("the database does not answer")
            }
            Err(_) => Some("the database does not answer in time"),
        }
    }

    /// Compares the applied migrations with those of this program.
    async fn migrations(&self, services: &Services) -> Option<&'static str> {
        match timeout(self.time_max, migrations::is_newest(services.db.read())).await {
            Ok(Ok(true)) => None,
            Ok(Ok(false)) => Some("the tables are not at the newest migration of this program"),
            Ok(Err(_)) | Err(_) => Some("the list of migrations cannot be read"),
        }
    }

    /// Sends an event through the bus.
    async fn events(&self, services: &Services) -> Option<&'static str> {
        let bus: &dyn Bus = &*services.bus;
        let mut probes = bus.subscribe_to(Topic::Probes);
        let number = self.probes.fetch_add(1, Ordering::Relaxed);
        bus.publish(Event::Probe(number));
        let arrives = async {
            while let Some(delivery) = probes.next().await {
                if matches!(&delivery, Delivery::Event(event) if **event == Event::Probe(number)) {
                    return true;
                }
            }
            false
        };
        let arrived = timeout(self.time_max, arrives).await.unwrap_or(false);
        (!arrived).then_some("an event did not arrive")
    }

    /// Waits until a majority of the order replicas follows a leader.
    async fn order_leader(&self) -> Option<&'static str> {
        let front_end = self.order_replicas.as_ref()?;
        let led = front_end.ready(Instant::now() + self.time_max).await;
        led.err().map(|_| "no majority of the order replicas follows a leader")
    }
}
