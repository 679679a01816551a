//! Three replicas that suffer a fault while clients trade.

use std::collections::BTreeMap;

use order_log::ReplicaId;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

use super::agreement;
use super::clients::{AcknowledgedTrade, Clients};
use super::network::{Cut, Network, REPLICAS};
use super::process::{Process, ProcessConfig, Times};
use super::retrying_client::{KeyedTrade, RetryingClient};
use crate::sqlite_catalog::SqliteCatalog;

/// Name, price in cents and quantity of the stocks; they never sell out.
pub const STOCKS: [(&str, i64, i64); 2] = [("GameStart", 1599, 1_000_000), ("FishCo", 1999, 1_000_000)];
/// The environment variable with the seed of all random choices.
const SEED: &str = "AGORA_ORDER_SEED";
/// The time within which trades are accepted again after a fault is repaired.
const HEALED_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

pub struct Trial<N> {
    pub front: RetryingClient,
    pub catalog: SqliteCatalog,
    pub folder: TempDir,
    pub chance: StdRng,
    pub network: N,
    processes: BTreeMap<ReplicaId, Process>,
    times: Times,
    acknowledged: Vec<AcknowledgedTrade>,
    rounds: usize,
}

impl<N: Network> Trial<N> {
    pub fn start(network: N) -> Self {
        Self::with(network, &STOCKS, Times::of_tests())
    }

    pub fn with(network: N, stocks: &[(&str, i64, i64)], times: Times) -> Self {
        let seed = std::env::var_os(SEED).map_or_else(
            || rand::rng().random(),
            |seed| seed.to_str().and_then(|seed| seed.parse().ok()).expect("a number"),
        );
        println!("{SEED}={seed}");
        let folder = tempfile::tempdir().expect("a folder");
        let urls = REPLICAS.map(|id| (id, format!("http://{}", network.address(id))));
        let mut trial = Self {
            front: RetryingClient::new(urls.into()),
            catalog: SqliteCatalog::open(&folder.path().join("catalog.sqlite"), stocks).expect("a catalog"),
            folder,
            chance: StdRng::seed_from_u64(seed),
            network,
            processes: BTreeMap::new(),
            times,
            acknowledged: Vec::new(),
            rounds: 0,
        };
        for id in REPLICAS {
            trial.start_replica(id);
        }
        trial
    }

    /// Starts a replica, for the first time or again.
    pub fn start_replica(&mut self, id: ReplicaId) {
        let config = ProcessConfig {
            id,
            folder: self.folder.path().to_owned(),
            address: self.network.address(id),
            urls: self.network.urls(id),
            times: self.times,
        };
        let process = Process::start(&config, &self.network.before(id));
        self.processes.insert(id, process);
    }

    pub fn process(&mut self, id: ReplicaId) -> &mut Process {
        self.processes.get_mut(&id).expect("a replica")
    }

    /// Makes or repairs a cut.
    pub fn cut(&self, cut: Cut, leader: ReplicaId, lost: bool) {
        for (from, to) in cut.ways(leader) {
            self.network.lose(from, to, lost);
        }
    }

    /// Lets clients trade while `fault` happens and is repaired. Then checks that every replica accepts trades soon,
    /// and that all agree.
    pub async fn under_load(&mut self, fault: impl AsyncFnOnce(&mut Self, &Clients)) {
        self.rounds += 1;
        let clients = Clients::start(&self.front, self.rounds, &mut self.chance);
        clients.answered(20).await;
        fault(self, &clients).await;
        self.accepts_trades_soon().await;
        let acknowledged = clients.stop().await;
        self.acknowledged.extend(acknowledged);
        agreement::all_replicas_hold(self.folder.path(), &self.front, &self.catalog, &self.acknowledged).await;
    }

    /// This timeout is the promise under test, so it is shorter than the other ones.
    async fn accepts_trades_soon(&mut self) {
        let trades = REPLICAS.map(|id| {
            let (front, round) = (self.front.clone(), self.rounds);
            async move {
                let wanted = KeyedTrade {
                    key: format!("round {round} healed {id}"),
                    name: STOCKS[0].0,
                    side: order_log::command::TradeSide::Buy,
                    quantity: 1,
                };
                let number = front.traded_at(id, &wanted).await;
                AcknowledgedTrade { wanted, number }
            }
        });
        let accepted = tokio::time::timeout(HEALED_WITHIN, futures_util::future::join_all(trades)).await;
        let accepted = accepted.expect("every replica accepts trades within 10 seconds");
        self.acknowledged.extend(accepted);
    }
}
