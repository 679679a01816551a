//! Clients that trade until they are stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use order_log::command::TradeSide;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::retrying_client::{KeyedTrade, RetryingClient};
use super::trial::STOCKS;
use crate::cluster::within;

/// How many trades run concurrently.
pub const CLIENTS: usize = 16;

/// A trade and the number in its answer.
#[derive(Clone, Debug)]
pub struct AcknowledgedTrade {
    pub wanted: KeyedTrade,
    pub number: i64,
}

/// Running clients.
pub struct Clients {
    stop: Arc<AtomicBool>,
    answers: watch::Sender<usize>,
    running: Vec<JoinHandle<Vec<AcknowledgedTrade>>>,
}

impl Clients {
    /// Starts the clients; each round has its own keys.
    pub fn start(front: &RetryingClient, round: usize, chance: &mut StdRng) -> Self {
        let (stop, answers) = (Arc::new(AtomicBool::new(false)), watch::Sender::new(0));
        let client = |n| {
            let chance = StdRng::seed_from_u64(chance.random());
            let name = format!("round {round} client {n}");
            tokio::spawn(client(front.clone(), name, chance, stop.clone(), answers.clone()))
        };
        let running = (0..CLIENTS).map(client).collect();
        Self { stop, answers, running }
    }

    /// Waits for this number of further answers.
    pub async fn answered(&self, more: usize) {
        let mut answers = self.answers.subscribe();
        let enough = *answers.borrow() + more;
        let reached = answers.wait_for(|answers| *answers >= enough);
        within("trades go on", reached).await.expect("clients");
    }

    /// Lets each client finish its current trade, and returns all answered trades.
    pub async fn stop(self) -> Vec<AcknowledgedTrade> {
        self.stop.store(true, SeqCst);
        let mut acknowledged = Vec::new();
        for client in self.running {
            acknowledged.extend(client.await.expect("a client"));
        }
        acknowledged
    }
}

async fn client(
    front: RetryingClient,
    name: String,
    mut chance: StdRng,
    stop: Arc<AtomicBool>,
    answers: watch::Sender<usize>,
) -> Vec<AcknowledgedTrade> {
    let mut acknowledged = Vec::new();
    while !stop.load(SeqCst) {
        let wanted = KeyedTrade {
            key: format!("{name} trade {}", acknowledged.len()),
            name: STOCKS[chance.random_range(0..STOCKS.len())].0,
            side: if chance.random() {
                TradeSide::Buy
            } else {
                TradeSide::Sell
            },
            quantity: chance.random_range(1..=5),
        };
        let number = front.traded(chance.random_range(0..3), &wanted).await;
        acknowledged.push(AcknowledgedTrade { wanted, number });
        answers.send_modify(|answers| *answers += 1);
    }
    acknowledged
}
