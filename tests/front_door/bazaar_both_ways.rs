//! Every documented behaviour of the bazaar's routes, with a server whose database numbers the trades and with one
//! whose three replicas number them. Both answer exactly the same.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::killed::server::Server;

/// The longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request and the response that the contract specifies.
struct RestCall {
    line: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    status: u16,
    answer: Value,
    allow: Option<&'static str>,
}

fn call(line: &str, body: impl ToString, status: u16, answer: Value) -> RestCall {
    RestCall {
        line: line.to_owned(),
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string(),
        status,
        answer,
        allow: None,
    }
}

impl RestCall {
    fn keyed(mut self, key: &str) -> Self {
        self.headers.push(("idempotency-key", key.to_owned()));
        self
    }

    fn typed(mut self, media: &str) -> Self {
        self.headers[0].1 = media.to_owned();
        self
    }

    fn allowing(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }
}

fn error(status: u16, message: &str) -> Value {
    json!({ "error": { "code": status, "message": message } })
}

fn done(message: &str) -> Value {
    json!({ "success": { "code": 200, "message": message } })
}

fn number(n: i64) -> Value {
    json!({ "order_number": n, "transaction-number": n, "transaction_number": n })
}

fn shown(n: i64) -> Value {
    json!({ "data": number(n) })
}

fn trade(name: &str, quantity: i64, side: &str) -> Value {
    json!({ "name": name, "quantity": quantity, "type": side })
}

fn shares(name: &str, quantity: i64) -> Value {
    json!({ "name": name, "quantity": quantity })
}

const ORDERS: &str = "POST /bazaar/orders";
const BUY: &str = "POST /bazaar/order/1/buy";
const SELL: &str = "POST /bazaar/order/1/sell";
const UPDATE: &str = "POST /bazaar/catalog/update";

/// Returns a successful request to each route. The next trade gets the number `n`.
fn successes(n: i64) -> Vec<RestCall> {
    let stock = json!({ "name": "MenhirCo", "price": 9.99, "quantity": 100 });
    let order = json!({ "number": n, "name": "MenhirCo", "quantity": 3, "type": "buy" });
    let left = |quantity: i64| json!({ "name": "MenhirCo", "price": 9.99, "quantity": quantity });
    vec![
        call("GET /bazaar/stocks/MenhirCo", "", 200, json!({ "data": stock })),
        call("GET /bazaar/catalog/lookup/MenhirCo", "", 200, stock),
        call(ORDERS, trade("MenhirCo", 3, "buy"), 200, shown(n)),
        call(ORDERS, trade("MenhirCo", 1, "sell"), 200, shown(n + 1)),
        call(BUY, shares("MenhirCo", 2), 200, number(n + 2)),
        call(SELL, shares("MenhirCo", 4), 200, number(n + 3)),
        call("POST /bazaar/order/1/buy/", shares("MenhirCo", 1), 200, number(n + 4)),
        call(ORDERS, "name=MenhirCo&quantity=1&type=buy", 200, shown(n + 5)).typed("application/x-www-form-urlencoded"),
        call(
            UPDATE,
            trade("MenhirCo", 10, "buy"),
            200,
            done("successfully updated stock"),
        ),
        call(
            UPDATE,
            trade("MenhirCo", 4, "sell"),
            200,
            done("successfully updated stock"),
        ),
        call("GET /bazaar/catalog/lookup/MenhirCo", "", 200, left(92)),
        call(
            "POST /bazaar/invalidate/MenhirCo",
            "",
            200,
            done("successfully removed stock"),
        ),
        call("GET /bazaar/stocks/MenhirCo/", "", 200, json!({ "data": left(92) })),
        call(&format!("GET /bazaar/orders/{n}"), "", 200, json!({ "data": order })),
        call(&format!("GET /bazaar/order/1/orders/{n}"), "", 200, order.clone()),
        call(&format!("GET /bazaar/order/1/lookup-order/{n}/"), "", 200, order),
        call(&format!("HEAD /bazaar/order/1/orders/{n}"), "", 200, Value::Null),
        call(
            "GET /bazaar/order/1/ping",
            "",
            200,
            json!({ "success": { "code": 200, "message": "pong", "server-id": 1 } }),
        ),
        call(
            "POST /bazaar/order/1/push",
            json!({ "nextID": n + 3, "entry": trade("MenhirCo", 4, "sell"), "term": [] }),
            200,
            done("pushed entry to database"),
        ),
    ]
}

/// Returns the refused requests of each route. They change no data and use no number.
fn refusals(n: i64) -> Vec<RestCall> {
    let mut calls = Vec::new();
    let not_found = "requested stock could not be traded because it could not be found";
    for (line, side, no_stock, too_few) in [
        (ORDERS, Some("buy"), not_found, "could not trade stock"),
        (BUY, None, "stock not found", "could not trade stock"),
        (UPDATE, Some("buy"), "stock not found", "failed to update stock"),
    ] {
        calls.extend(refused_trades(line, side, no_stock, too_few));
    }
    let full = shares("GameStart", i64::from(i32::MAX));
    calls.push(call(SELL, full, 409, error(409, "could not trade stock")));
    for wrong in ["BUY", "hold", ""] {
        let body = trade("GameStart", 1, wrong);
        calls.push(call(ORDERS, body, 400, error(400, "type must be one of buy, sell")));
    }
    calls.extend(missing_rows());
    calls.extend(refused_replica_calls(n));
    calls.extend(unknown_paths());
    calls
}

/// Returns the refused requests of one route that trades: its side when the body names it, and its messages.
fn refused_trades(line: &str, side: Option<&str>, no_stock: &str, too_few: &str) -> Vec<RestCall> {
    let mut calls = Vec::new();
    let body = |name: &str, quantity: Value| {
        let mut body = json!({ "name": name, "quantity": quantity });
        if let Some(side) = side {
            body["type"] = side.into();
        }
        body
    };
    let required = match side {
        Some(_) => "name is required; quantity is required; type is required",
        None => "name is required; quantity is required",
    };
    calls.extend([
        call(line, body("Unlisted", json!(1)), 404, error(404, no_stock)),
        call(line, body("menhirco", json!(1)), 404, error(404, no_stock)),
        call(line, body("GameStart", json!(2_000_000)), 409, error(409, too_few)),
        call(line, "{}", 400, error(400, required)),
        call(line, "[]", 400, error(400, "the body must be a JSON object")),
        call(line, "{\"name\":", 400, error(400, "the body must be a JSON object")),
        call(
            line,
            body("GameStart", json!(1)),
            415,
            error(415, "the body must be application/json"),
        )
        .typed("text/plain"),
    ]);
    for (quantity, why) in [
        (json!(0), "must be from 1 to 2147483647"),
        (json!(-1), "must be from 1 to 2147483647"),
        (json!(2_147_483_648_u64), "must be from 1 to 2147483647"),
        (json!("1"), "must be an integer"),
        (json!(true), "must be an integer"),
        (json!(1.5), "must be an integer"),
    ] {
        let why = format!("quantity {why}");
        calls.push(call(line, body("GameStart", quantity), 400, error(400, &why)));
    }
    for name in [json!(7), json!(""), json!("  ")] {
        let mut body = body("GameStart", json!(1));
        body["name"] = name;
        // The messages of both servers are compared. The contract leaves the wording open.
        calls.push(call(line, body, 400, Value::Null));
    }
    let key = |key: &str, why: &str| {
        let wrong = error(400, &format!("Idempotency-Key {why}"));
        call(line, body("GameStart", json!(1)), 400, wrong).keyed(key)
    };
    calls.push(key(" ", "must not be blank"));
    calls.push(key(&"k".repeat(256), "must have at most 255 characters"));
    calls.push(key("one", "must be given once").keyed("two"));
    calls
}

/// Returns look-ups of orders and stocks that do not exist.
fn missing_rows() -> Vec<RestCall> {
    let mut calls = Vec::new();
    for missing in ["999999", "-1", "abc", "1.0", "2147483648", "99999999999999999999"] {
        let why = error(404, &format!("could not find order with number {missing}"));
        for path in ["orders", "order/1/orders", "order/1/lookup-order"] {
            calls.push(call(&format!("GET /bazaar/{path}/{missing}"), "", 404, why.clone()));
        }
    }
    for line in [
        "GET /bazaar/stocks/Unlisted",
        "GET /bazaar/catalog/lookup/Unlisted",
        "POST /bazaar/invalidate/Unlisted",
    ] {
        calls.push(call(line, "", 404, error(404, "stock not found")));
    }
    calls
}

/// Returns the refused requests of the routes by which replicas call each other.
fn refused_replica_calls(n: i64) -> Vec<RestCall> {
    let mut calls = Vec::new();
    let unrecorded = "the log does not have this trade under this number";
    for (id, entry) in [
        (n - 1, trade("MenhirCo", 400, "sell")),
        (n + 90, trade("MenhirCo", 4, "sell")),
        (n - 1, trade("Unlisted", 4, "sell")),
    ] {
        let body = json!({ "nextID": id, "entry": entry });
        calls.push(call("POST /bazaar/order/1/push", body, 409, error(409, unrecorded)));
    }
    for (line, body, why) in [
        ("push", "{}", "nextID is required; entry is required"),
        (
            "push",
            r#"{"nextID":-1,"entry":{"name":"FishCo","quantity":1,"type":"buy"}}"#,
            "nextID must be from 0 to 2147483647",
        ),
        ("push", r#"{"nextID":0,"entry":[]}"#, "entry must be an object"),
        ("sync", "{}", "lastID is required"),
        ("sync", r#"{"lastID":-2}"#, "lastID must be from -1 to 2147483647"),
        ("sync", r#"{"lastID":"1"}"#, "lastID must be an integer"),
        ("leader-broadcast", "{}", "leader-id is required"),
        (
            "leader-broadcast",
            r#"{"leader-id":99}"#,
            "leader-id must be the id of a replica",
        ),
    ] {
        let line = format!("POST /bazaar/order/1/{line}");
        calls.push(call(&line, body, 400, error(400, why)));
    }
    calls
}

/// Returns requests with a wrong method or path.
fn unknown_paths() -> Vec<RestCall> {
    let mut calls = Vec::new();
    for (line, allow) in [
        ("GET /bazaar/orders", "POST"),
        ("GET /bazaar/order/1/buy", "POST"),
        ("GET /bazaar/order/1/sync", "POST"),
        ("POST /bazaar/order/1/ping", "GET, HEAD"),
        ("DELETE /bazaar/order/1/orders/0", "GET, HEAD"),
        ("GET /bazaar/catalog/update", "POST"),
    ] {
        let why = error(405, &format!("this path answers {allow}"));
        calls.push(call(line, "", 405, why).allowing(allow));
    }
    for line in [
        "GET /bazaar/order/1",
        "GET /bazaar/order/9/ping",
        "GET /bazaar/order/1/raft/status",
        "POST /bazaar/buy",
    ] {
        calls.push(call(line, "", 404, error(404, "there is no such path")));
    }
    calls
}

/// Returns requests in which one key stands for one trade, whichever route repeats it.
fn keys(n: i64) -> Vec<RestCall> {
    let mismatch = || error(422, "this idempotency key was used for another request");
    let (fish, other) = (shares("FishCo", 2), shares("FishCo", 3));
    let longest = "k".repeat(255);
    vec![
        call(ORDERS, trade("FishCo", 2, "buy"), 200, shown(n)).keyed("front first"),
        call(BUY, &fish, 200, number(n)).keyed("front first"),
        call(ORDERS, trade("FishCo", 2, "buy"), 200, shown(n)).keyed("front first"),
        call(SELL, &fish, 422, mismatch()).keyed("front first"),
        call(BUY, &other, 422, mismatch()).keyed("front first"),
        call(BUY, shares("BoarCo", 2), 422, mismatch()).keyed("front first"),
        call(UPDATE, trade("FishCo", 2, "buy"), 422, mismatch()).keyed("front first"),
        call(BUY, &fish, 200, number(n + 1)).keyed("replica first"),
        call(ORDERS, trade("FishCo", 2, "buy"), 200, shown(n + 1)).keyed("replica first"),
        call(ORDERS, trade("FishCo", 2, "sell"), 422, mismatch()).keyed("replica first"),
        call(SELL, &fish, 200, number(n + 2)).keyed(&longest),
        call(ORDERS, trade("FishCo", 2, "sell"), 200, shown(n + 2)).keyed(&longest),
        call(
            UPDATE,
            trade("FishCo", 1, "buy"),
            200,
            done("successfully updated stock"),
        )
        .keyed("catalog first"),
        call(
            UPDATE,
            trade("FishCo", 1, "buy"),
            200,
            done("successfully updated stock"),
        )
        .keyed("catalog first"),
        call(BUY, shares("FishCo", 1), 422, mismatch()).keyed("catalog first"),
        // A refused request leaves its key free.
        call(
            BUY,
            shares("FishCo", 2_000_000),
            409,
            error(409, "could not trade stock"),
        )
        .keyed("refused first"),
        call(ORDERS, trade("FishCo", 1, "buy"), 200, shown(n + 3)).keyed("refused first"),
    ]
}

/// Sends a request and returns its status, `Allow` header and JSON. Checks that the response is JSON and must not be
/// cached.
async fn answered(url: &str, call: &RestCall) -> (u16, Option<String>, Value) {
    let (method, path) = call.line.split_once(' ').expect("a method and a path");
    let method: Method = method.parse().expect("a method");
    let mut request = reqwest::Client::new().request(method.clone(), format!("{url}{path}"));
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    let response = request.body(call.body.clone()).send().await.expect("an answer");
    let status = response.status().as_u16();
    let header = |name: &str| Some(response.headers().get(name)?.to_str().expect("text").to_owned());
    assert_eq!(
        header("content-type").as_deref(),
        Some("application/json"),
        "{}",
        call.line
    );
    assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{}", call.line);
    assert_eq!(header("link"), None, "{}", call.line);
    let allow = header("allow");
    let body = response.text().await.expect("a body");
    let body = match method {
        Method::HEAD => Value::Null,
        _ => serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {} {body}", call.line)),
    };
    (status, allow, body)
}

/// Returns replica 1's trades after `last`, once it has all trades up to `through`: a replica may lag behind its
/// leader.
async fn missed(url: &str, last: i64, through: i64) -> Value {
    let asked = call("POST /bazaar/order/1/sync", json!({ "lastID": last }), 200, Value::Null);
    let through = through.to_string();
    let caught_up = async {
        loop {
            let (status, _, body) = answered(url, &asked).await;
            assert_eq!(status, 200, "{body}");
            if body["transactions"].get(&through).is_some() {
                return body;
            }
        }
    };
    let body = tokio::time::timeout(PATIENCE, caught_up).await;
    body.unwrap_or_else(|_| panic!("replica 1 does not get trade {through}"))
}

/// The number of trades that [`next_number`] makes.
const PROBES: i64 = 2;

/// Returns the number of the next trade. Only a trade reveals it reliably, so one share is bought and sold again.
async fn next_number(url: &str) -> i64 {
    let mut last = 0;
    for side in ["buy", "sell"] {
        let probe = call(ORDERS, trade("FishCo", 1, side), 200, Value::Null);
        let (status, _, body) = answered(url, &probe).await;
        assert_eq!(status, 200, "{body}");
        last = body["data"]["order_number"].as_i64().expect("a number");
    }
    last + 1
}

/// Waits until this many replicas have caught up.
async fn ready(server: &Server, replicas: usize) {
    for replica in 1..=replicas {
        let ping = call(&format!("GET /bazaar/order/{replica}/ping"), "", 200, Value::Null);
        let pong = async { while answered(&server.url, &ping).await.0 != 200 {} };
        let pong = tokio::time::timeout(PATIENCE, pong).await;
        pong.unwrap_or_else(|_| panic!("replica {replica} does not catch up"));
    }
}

/// Runs all calls and returns the responses.
async fn transcript(server: &Server) -> Vec<String> {
    let url = &server.url;
    let first = next_number(url).await;
    let mut said = Vec::new();
    for (calls, used) in [(successes as fn(i64) -> Vec<RestCall>, 6), (refusals, 0), (keys, 4)] {
        let n = next_number(url).await;
        for call in calls(n) {
            let (status, allow, body) = answered(url, &call).await;
            let told = format!("{} {} {:?}", call.line, call.body, call.headers);
            assert_eq!(status, call.status, "{told}: {body}");
            if call.answer != Value::Null {
                assert_eq!(body, call.answer, "{told}");
            }
            assert_eq!(allow.as_deref(), call.allow, "{told}");
            said.push(format!("{told}: {status} {body}"));
        }
        assert_eq!(next_number(url).await, n + used + PROBES, "as many numbers as trades");
    }
    let next = next_number(url).await;
    let mut all = missed(url, first - 1, next - 1).await;
    let leader = all["leader-id"].as_i64().expect("a leader");
    assert!((1..=3).contains(&leader), "{all}");
    // The replicas elect the leader. The broadcast is answered with the elected one.
    let chosen = call(
        "POST /bazaar/order/1/leader-broadcast",
        json!({ "leader-id": 1 }),
        200,
        Value::Null,
    );
    let (status, _, mut body) = answered(url, &chosen).await;
    assert_eq!((status, &body["success"]["leader-id"]), (200, &json!(leader)), "{body}");
    body["success"]["leader-id"] = json!("the leader");
    all["leader-id"] = json!("the leader");
    said.extend([body.to_string(), all.to_string()]);
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bazaar_behaves_the_same_with_and_without_replicas() {
    let (one, other) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let without = transcript(&Server::quiet(one.path())).await;
    let replicated = Server::with_quiet_replicas(other.path(), 3);
    ready(&replicated, 3).await;
    let with = transcript(&replicated).await;
    for (without, with) in without.iter().zip(&with) {
        assert_eq!(without, with);
    }
    assert_eq!(without.len(), with.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_at_all_services_concurrently_is_one_trade() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::with_quiet_replicas(folder.path(), 3);
    ready(&server, 3).await;
    let n = next_number(&server.url).await;
    for round in 0..5 {
        let key = format!("round {round}");
        let mut requests = vec![call(ORDERS, trade("FishCo", 2, "buy"), 200, shown(n + round)).keyed(&key)];
        for replica in 1..=3 {
            let line = format!("POST /bazaar/order/{replica}/buy");
            requests.push(call(&line, shares("FishCo", 2), 200, number(n + round)).keyed(&key));
        }
        let answers = join_all(requests.iter().map(|request| answered(&server.url, request))).await;
        for (request, (status, _, body)) in requests.iter().zip(answers) {
            assert_eq!((status, &body), (200, &request.answer), "{}", request.line);
        }
    }
    let ledgers = join_all((1..=3).map(async |replica| {
        let line = format!("POST /bazaar/order/{replica}/sync");
        let asked = call(&line, json!({ "lastID": n - 1 }), 200, Value::Null);
        loop {
            let (_, _, body) = answered(&server.url, &asked).await;
            if body["transactions"].as_object().is_some_and(|all| all.len() >= 5) {
                return body["transactions"].to_string();
            }
        }
    }))
    .await;
    assert_eq!(
        BTreeSet::from_iter(ledgers).len(),
        1,
        "all replicas have the same five trades"
    );
}
