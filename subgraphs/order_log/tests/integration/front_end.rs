//! The front end of the replicas, over real sockets: it finds the leader, follows it, and waits for it within a
//! deadline.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use order_log::command::{CommandOutcome, LogCommand, LoggedTrade, Price, Shares, TradeSide};
use order_log::{FrontEnd, OrderLogSettings, ReplicaId, SharedSecret};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::cluster::{Cluster, PATIENCE, SECRET, decided, settings, url, within};

fn front_end(urls: BTreeMap<ReplicaId, String>, settings: OrderLogSettings) -> FrontEnd {
    FrontEnd::new(urls, Arc::new(SharedSecret(SECRET.to_owned())), settings).expect("a front end")
}

fn patient() -> Instant {
    Instant::now() + PATIENCE
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(500)
}

fn record(key: &str) -> LogCommand {
    LogCommand::Record {
        key: key.to_owned(),
        attempt: key.to_owned(),
        trade: LoggedTrade {
            shares: Shares {
                name: "GameStart".to_owned(),
                side: TradeSide::Buy,
                quantity: 10,
            },
            price: Price {
                minor: 1599,
                currency: "USD".to_owned(),
            },
            trader_id: Some(7),
            at_us: 5,
        },
    }
}

fn recorded(number: i64, key: &str) -> CommandOutcome {
    CommandOutcome::Recorded {
        number,
        attempt: key.to_owned(),
    }
}

async fn commit(front_end: &FrontEnd, keys: &[&str]) -> Vec<CommandOutcome> {
    let commands: Vec<_> = keys.iter().map(|key| record(key)).collect();
    decided(front_end, &commands).await
}

async fn forwarded(front_end: &FrontEnd, id: ReplicaId, request: Request<Body>) -> (StatusCode, Value) {
    let answer = within("an answer", front_end.forward(id, request)).await;
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn asked(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    request.body(body.into()).expect("a request")
}

/// Serves these routes, which imitate a replica.
async fn pretended(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = url(&listener);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// The routes of a fake replica that answers pings and names `id` as the leader.
fn claims_to_lead(id: ReplicaId) -> Router {
    let says = json!({ "success": { "code": 200, "message": "acknowledge new leader", "leader-id": id } });
    Router::new()
        .route("/ping", get(async || Json(json!({}))))
        .route("/leader-broadcast", post(async move || Json(says.clone())))
}

#[tokio::test]
async fn a_batch_commits_in_sequence_and_is_read_back_whole() {
    let cluster = Cluster::of_three().await;
    let front_end = front_end(cluster.urls(), settings());
    assert_eq!(front_end.leader(), None);

    let leader = front_end.ready(patient()).await.expect("a leader");
    assert_eq!(leader, cluster.leader().await);
    assert_eq!(front_end.leader(), Some(leader));
    let outcomes = commit(&front_end, &["a", "b", "a", "c"]).await;

    let expected = [recorded(0, "a"), recorded(1, "b"), recorded(0, "a"), recorded(2, "c")];
    assert_eq!(outcomes, expected);
    let ledger = cluster.replica(leader).trades_after(-1).await.expect("a ledger");
    assert_eq!(ledger.len(), 3);
    assert_eq!(front_end.trades_after(-1, patient()).await.expect("orders"), ledger);
    assert_eq!(front_end.trades_after(1, patient()).await.expect("orders"), ledger[2..]);
    assert_eq!(front_end.trades_after(2, patient()).await.expect("orders"), []);
    let order = front_end.trade_by_number(1, patient()).await.expect("an answer");
    assert_eq!(order.as_ref(), Some(&ledger[1]));
    assert_eq!(front_end.trade_by_number(3, patient()).await.expect("an answer"), None);
    assert_eq!(front_end.trade_by_number(-1, patient()).await.expect("an answer"), None);
}

#[tokio::test]
async fn invalid_commands_are_refused_before_any_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let front_end = front_end(BTreeMap::from([(1, url(&listener))]), settings());
    let too_many = vec![record("a"); front_end.settings().batch_max + 1];
    for commands in [&too_many[..], &[record("")]] {
        let refused = front_end.commit(commands, patient()).await;
        assert!(matches!(refused, Err(order_log::Error::Refused(_))), "{refused:?}");
    }
    assert_eq!(front_end.commit(&[], patient()).await.expect("nothing"), []);
}

#[tokio::test]
async fn a_new_leader_replaces_a_stopped_one_and_keeps_numbers() {
    let mut cluster = Cluster::of_three().await;
    let urls = cluster.urls();
    let front_end = front_end(urls.clone(), settings());
    assert_eq!(commit(&front_end, &["a"]).await, [recorded(0, "a")]);

    let first = cluster.leader().await;
    cluster.stop(first).await;
    // The first command is a retry under its key, as of a client that lost the answer.
    let outcomes = commit(&front_end, &["a", "b"]).await;
    assert_eq!(outcomes, [recorded(0, "a"), recorded(1, "b")]);
    let second = front_end.leader().expect("a leader");
    assert_ne!(second, first);

    cluster.start_again(first, urls).await;
    cluster.stop(second).await;
    let outcomes = commit(&front_end, &["b", "c"]).await;
    assert_eq!(outcomes, [recorded(1, "b"), recorded(2, "c")]);
    assert!(cluster.running.contains_key(&front_end.leader().expect("a leader")));
    cluster.ready().await;
    let ledgers = cluster.ledgers(2).await;
    assert!(ledgers.iter().all(|ledger| *ledger == ledgers[0]));
    assert_eq!(front_end.trades_after(-1, patient()).await.expect("orders"), ledgers[0]);
}

#[tokio::test]
async fn a_lost_majority_is_reported_in_time_and_can_return() {
    let quick = OrderLogSettings {
        answer_timeout: Duration::from_secs(1),
        ..settings()
    };
    let mut cluster = Cluster::with(quick.clone()).await;
    let urls = cluster.urls();
    let front_end = front_end(urls.clone(), quick);
    assert_eq!(commit(&front_end, &["a"]).await, [recorded(0, "a")]);
    let first = cluster.leader().await;
    cluster.stop(first).await;
    let second = cluster.leader().await;
    cluster.stop(second).await;

    let unavailable =
        |error: &order_log::Error| matches!(error, order_log::Error::Unavailable | order_log::Error::NoLeader);
    let decided = within("an answer", front_end.commit(&[record("b")], soon())).await;
    assert!(decided.as_ref().is_err_and(unavailable), "{decided:?}");
    let led = within("an answer", front_end.ready(soon())).await;
    assert!(led.as_ref().is_err_and(unavailable), "{led:?}");
    let orders = within("an answer", front_end.trades_after(-1, soon())).await;
    assert!(orders.as_ref().is_err_and(unavailable), "{orders:?}");
    let proposed = within("an answer", front_end.propose_leader(first, soon())).await;
    assert!(proposed.as_ref().is_err_and(unavailable), "{proposed:?}");
    // The remaining replica can return the orders that it has, but cannot know whether there are more.
    let order = within("an answer", front_end.trade_by_number(0, patient())).await;
    assert_eq!(order.expect("an answer").expect("an order").number, 0);
    let order = within("an answer", front_end.trade_by_number(1, soon())).await;
    assert!(order.as_ref().is_err_and(unavailable), "{order:?}");

    // A request fails at once while the majority is known to be lost. A retry after its return succeeds.
    let again = async {
        loop {
            match front_end.commit(&[record("b")], patient()).await {
                Ok(outcomes) => return outcomes,
                Err(error) => assert!(unavailable(&error), "{error:?}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let (outcomes, ()) = tokio::join!(within("commands are decided", again), async {
        cluster.start_again(first, urls.clone()).await;
    });
    assert_eq!(outcomes, [recorded(1, "b")]);
}

#[tokio::test]
async fn a_working_leader_is_not_displaced() {
    // Uses timeouts that a busy machine meets, so that there is no other reason for an election.
    let cluster = Cluster::with(OrderLogSettings::default()).await;
    let front_end = front_end(cluster.urls(), OrderLogSettings::default());
    let (leader, term) = leading(&front_end).await;
    for id in 1..=3 {
        let leads = front_end.propose_leader(id, patient()).await.expect("a leader");
        assert_eq!(leads, leader);
    }
    assert_eq!(leading(&front_end).await, (leader, term));
    let unknown = front_end.propose_leader(4, patient()).await;
    assert!(matches!(unknown, Err(order_log::Error::Refused(_))), "{unknown:?}");
}

/// The one replica that leads, and its term.
async fn leading(front_end: &FrontEnd) -> (ReplicaId, u64) {
    let statuses = front_end.statuses().await;
    let mut leaders = statuses.iter().filter(|status| status.leader);
    let leader = leaders.next().expect("a leader");
    assert!(leaders.next().is_none(), "{statuses:?}");
    (leader.id, leader.term)
}

#[tokio::test]
async fn removing_a_replica_again_succeeds() {
    let cluster = Cluster::of_three().await;
    let front_end = front_end(cluster.urls(), settings());
    let before = within("the members", front_end.members(patient())).await;
    assert_eq!(before.expect("the members"), cluster.urls());
    let removed = cluster.follower().await;
    for _ in 0..2 {
        let done = within("it is removed", front_end.remove_replica(removed, patient())).await;
        done.expect("removed");
    }
    let mut left = cluster.urls();
    left.remove(&removed);
    let after = within("the members", front_end.members(patient())).await;
    assert_eq!(after.expect("the members"), left);
}

#[tokio::test]
async fn a_replica_that_does_not_answer_is_not_alive() {
    let mut cluster = Cluster::of_three().await;
    let front_end = front_end(cluster.urls(), settings());
    commit(&front_end, &["a"]).await;
    let stopped = cluster.follower().await;
    cluster.stop(stopped).await;
    cluster.ledgers(0).await;
    let statuses = front_end.statuses().await;
    assert_eq!(statuses.iter().map(|status| status.id).collect::<Vec<_>>(), [1, 2, 3]);
    for status in statuses {
        let there = status.id != stopped;
        assert_eq!((status.alive, status.ready), (there, there));
        assert_eq!(status.applied, if there { 0 } else { -1 });
        assert!(there || !status.leader);
    }
}

#[tokio::test]
async fn one_leader_discovery_serves_all_waiting_requests() {
    static PINGS: AtomicUsize = AtomicUsize::new(0);
    let never = async || {
        PINGS.fetch_add(1, SeqCst);
        std::future::pending::<StatusCode>().await
    };
    let address = pretended(Router::new().route("/ping", get(never))).await;
    let patient_settings = OrderLogSettings {
        ping_timeout: PATIENCE,
        ..settings()
    };
    let front_end = front_end(BTreeMap::from([(1, address)]), patient_settings);
    let until = soon();
    let waiting = (0..50).map(|_| {
        let front_end = front_end.clone();
        async move { front_end.ready(until).await }
    });
    let waited = within("all are answered", futures_util::future::join_all(waiting)).await;
    assert!(waited.iter().all(Result::is_err));
    assert_eq!(PINGS.load(SeqCst), 1);
}

#[tokio::test]
async fn a_hanging_or_false_leader_delays_no_commit() {
    let cluster = Cluster::of_three().await;
    // Accepts connections and answers nothing, as a stopped process does.
    let hangs = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    // Answers pings and claims to lead, but no majority follows it.
    let cut_off = claims_to_lead(8).route("/raft/read", post(async || StatusCode::SERVICE_UNAVAILABLE));
    let mut urls = cluster.urls();
    urls.insert(8, pretended(cut_off).await);
    urls.insert(9, url(&hangs));
    let front_end = front_end(urls, settings());
    assert_eq!(commit(&front_end, &["a"]).await, [recorded(0, "a")]);
    assert_eq!(front_end.leader(), Some(cluster.leader().await));
}

#[tokio::test]
async fn an_unconfigured_leader_is_reached_through_a_follower() {
    let cluster = Cluster::of_three().await;
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    let only = BTreeMap::from([(follower, cluster.urls()[&follower].clone())]);
    let front_end = front_end(only, settings());
    assert_eq!(commit(&front_end, &["a"]).await, [recorded(0, "a")]);
    assert_eq!(front_end.leader(), Some(leader));
}

#[tokio::test]
async fn a_deposed_leader_that_names_the_new_one_is_believed() {
    let cluster = Cluster::of_three().await;
    let leader = cluster.leader().await;
    let named = json!({ "id": leader, "url": cluster.urls()[&leader] });
    let deposed = claims_to_lead(9)
        .route("/raft/read", post(async || Json(Value::Null)))
        .route(
            "/raft/commit",
            post(async move || (StatusCode::MISDIRECTED_REQUEST, Json(named.clone()))),
        );
    let front_end = front_end(BTreeMap::from([(9, pretended(deposed).await)]), settings());
    assert_eq!(front_end.ready(patient()).await.expect("a leader"), 9);
    assert_eq!(commit(&front_end, &["a"]).await, [recorded(0, "a")]);
    assert_eq!(front_end.leader(), Some(leader));
}

#[tokio::test]
async fn only_documented_routes_are_forwarded() {
    let mut cluster = Cluster::of_three().await;
    let front_end = front_end(cluster.urls(), settings());
    let buy = || {
        let mut request = asked("POST", "/buy", r#"{"name":"GameStart","quantity":1}"#);
        let headers = request.headers_mut();
        headers.insert("content-type", "application/json".parse().expect("a type"));
        headers.insert("idempotency-key", "one".parse().expect("a key"));
        request
    };
    for id in [1, 2, 3, 1] {
        let (status, answer) = forwarded(&front_end, id, buy()).await;
        assert_eq!((status.as_u16(), &answer["order_number"]), (200, &json!(0)));
    }
    let order = json!({ "number": 0, "name": "GameStart", "quantity": 1, "type": "buy" });
    for path in ["/orders/0", "/orders/0/", "/lookup-order/0?and=more"] {
        let answer = forwarded(&front_end, 2, asked("GET", path, "")).await;
        assert_eq!(answer, (StatusCode::OK, order.clone()), "{path}");
    }
    let (status, answer) = forwarded(&front_end, 3, asked("GET", "/ping", "")).await;
    assert_eq!((status.as_u16(), &answer["success"]["server-id"]), (200, &json!(3)));
    let (status, answer) = forwarded(&front_end, 1, asked("POST", "/sync", r#"{"lastID":-1}"#)).await;
    assert_eq!(
        (status.as_u16(), &answer["transactions"]["0"]["type"]),
        (200, &json!("buy"))
    );

    // With our credential, a replica would serve all of these.
    for path in [
        "/",
        "/raft/status",
        "/raft/status/",
        "//raft/status",
        "/orders/../raft/status",
        "/orders/..\\raft\\status",
        "/orders/%2e%2e/",
        "/orders/",
        "/orders/1/2",
    ] {
        let (status, answer) = forwarded(&front_end, 1, asked("GET", path, "")).await;
        let not_found = json!({ "error": { "code": 404, "message": "not found" } });
        assert_eq!((status.as_u16(), answer), (404, not_found), "{path}");
    }
    assert_eq!(forwarded(&front_end, 4, asked("GET", "/ping", "")).await.0, 404);
    let wrong = within("an answer", front_end.forward(1, asked("GET", "/buy", ""))).await;
    assert_eq!(wrong.status(), 405);
    assert_eq!(wrong.headers()["allow"], "POST");
    let large = "x".repeat(front_end.settings().body_bytes_max + 1);
    let (status, answer) = forwarded(&front_end, 1, asked("POST", "/buy", large)).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (413, &json!(413)));

    cluster.stop(1).await;
    let dead = within("an answer", front_end.forward(1, asked("GET", "/ping", ""))).await;
    assert_eq!(dead.status(), 503);
    assert_eq!(dead.headers()["retry-after"], "1");
    assert_eq!(dead.headers()["content-type"], "application/json");
}

#[test]
fn invalid_addresses_are_refused_at_once() {
    for wrong in [
        "",
        "127.0.0.1:1",
        "/order",
        "ftp://127.0.0.1:1",
        "http://127.0.0.1:1/?a=b",
    ] {
        let urls = BTreeMap::from([(1, wrong.to_owned())]);
        let refused = FrontEnd::new(urls, Arc::new(SharedSecret(SECRET.to_owned())), settings());
        assert!(refused.is_err(), "{wrong}");
    }
    let refused = FrontEnd::new(BTreeMap::new(), Arc::new(SharedSecret(SECRET.to_owned())), settings());
    assert!(refused.is_err());
}
