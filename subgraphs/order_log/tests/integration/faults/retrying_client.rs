//! The clients' access to the replicas: it asks one after the other, repeatedly, with the same key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use order_log::command::TradeSide;
use order_log::{NodeStatus, ReplicaId};
use serde_json::{Value, json};

use super::POLL;
use crate::cluster::{SECRET, within};

/// The timeout for one replica's answer.
const ANSWER: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct RetryingClient {
    http: reqwest::Client,
    urls: Arc<BTreeMap<ReplicaId, String>>,
}

/// A requested trade with its key.
#[derive(Clone, Debug)]
pub struct KeyedTrade {
    pub key: String,
    pub name: &'static str,
    pub side: TradeSide,
    pub quantity: i64,
}

/// The answer of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeAnswer {
    /// The trade has this number.
    Number(i64),
    /// There are too few or too many shares.
    Refused,
    /// There was no answer, or the outcome is unknown.
    Nothing,
}

impl RetryingClient {
    pub fn new(urls: BTreeMap<ReplicaId, String>) -> Self {
        Self {
            http: reqwest::Client::new(),
            urls: Arc::new(urls),
        }
    }

    /// The response, if it arrives in time: a dead replica may never close its connection.
    async fn sent(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        let exchange = async {
            let response = request.bearer_auth(SECRET).send().await.ok()?;
            Some((response.status().as_u16(), response.json().await.ok()?))
        };
        tokio::time::timeout(ANSWER, exchange).await.ok()?
    }

    pub async fn status(&self, id: ReplicaId) -> Option<NodeStatus> {
        let request = self.http.get(format!("{}/raft/status", self.urls[&id]));
        let (_, status) = self.sent(request).await?;
        serde_json::from_value(status).ok()
    }

    /// The leader, once there is one.
    pub async fn leader(&self) -> ReplicaId {
        self.leader_but(None).await
    }

    /// The leader, once it is another one than `old`.
    pub async fn leader_but(&self, old: Option<ReplicaId>) -> ReplicaId {
        let leader = async {
            loop {
                let others = self.urls.keys().filter(|id| Some(**id) != old);
                let statuses = futures_util::future::join_all(others.map(|id| self.status(*id))).await;
                let leaders = statuses.into_iter().flatten().filter(|status| status.leader);
                if let Some(leader) = leaders.max_by_key(|status| status.term) {
                    return leader.id;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        within("a leader is elected", leader).await
    }

    /// Asks one replica once.
    pub async fn ask(&self, id: ReplicaId, wanted: &KeyedTrade) -> TradeAnswer {
        let body = json!({ "name": wanted.name, "quantity": wanted.quantity });
        let url = format!("{}/{}", self.urls[&id], wanted.side.as_str());
        let request = self.http.post(url).json(&body).header("Idempotency-Key", &wanted.key);
        match self.sent(request).await {
            Some((200, answer)) => TradeAnswer::Number(answer["order_number"].as_i64().expect("a number")),
            Some((409, _)) => TradeAnswer::Refused,
            None | Some((503, _)) => TradeAnswer::Nothing,
            Some(other) => panic!("{wanted:?}: {other:?}"),
        }
    }

    /// Asks one replica after the other until one answers.
    pub async fn traded(&self, first: usize, wanted: &KeyedTrade) -> i64 {
        let ids: Vec<_> = self.urls.keys().copied().collect();
        let answered = async {
            for n in first.. {
                match self.ask(ids[n % ids.len()], wanted).await {
                    TradeAnswer::Number(number) => return number,
                    TradeAnswer::Refused => panic!("there are enough shares for {wanted:?}"),
                    TradeAnswer::Nothing => tokio::time::sleep(POLL).await,
                }
            }
            unreachable!("the replicas go round for ever")
        };
        within("a trade is answered", answered).await
    }

    /// Asks this replica until it answers.
    pub async fn traded_at(&self, id: ReplicaId, wanted: &KeyedTrade) -> i64 {
        loop {
            match self.ask(id, wanted).await {
                TradeAnswer::Number(number) => return number,
                TradeAnswer::Refused => panic!("there are enough shares for {wanted:?}"),
                TradeAnswer::Nothing => tokio::time::sleep(POLL).await,
            }
        }
    }
}
