//! Acknowledged means done: a server that is killed under load has lost nothing it answered, has done nothing twice, and
//! its books balance.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use agora::app::App;
use agora::config::Settings;
use contract::SystemClock;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{Books, Person};
use tokio_util::sync::CancellationToken;

const KILLS: usize = 300;
/// Requests at once.
const CLIENTS: usize = 12;
/// Tells the child where its data folder is.
const CHILD: &str = "AGORA_TEST_KILLED_SERVER";

/// No test of its own: the server that the test below starts and kills.
#[test]
#[ignore = "started and killed by a_server_killed_under_load_has_lost_nothing_and_done_nothing_twice"]
fn child_that_serves_until_it_is_killed() {
    let Some(data) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut settings = Settings::default();
        settings.server.data = data.into();
        settings.server.listen = "127.0.0.1:0".parse().expect("an address");
        settings.workers.price_feed_ms = 20;
        let app = App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
        agora::demo::seed(&app.services).await.expect("the demo's data");
        agora::serve::run(app, None, &settings, true).await.expect("Agora serves");
    });
}

/// A server in a process of its own.
struct Server {
    child: Child,
    url: String,
    _out: BufReader<ChildStdout>,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "--exact",
                "killed::child_that_serves_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(CHILD, data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        let url = loop {
            line.clear();
            let read = out.read_line(&mut line).expect("its output");
            assert!(read > 0, "the server did not get ready");
            let words: Vec<_> = line.split_whitespace().collect();
            if let ["GraphQL", url] = words[..] {
                break url.trim_end_matches("/graphql").to_owned();
            }
        };
        Self { child, url, _out: out }
    }

    fn kill(&mut self) {
        self.child.kill().expect("a running server");
        self.child.wait().expect("its end");
    }
}

impl Drop for Server {
    /// A test that fails leaves no server behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request under a key: whoever sends it again has to get the same answer.
#[derive(Clone, Debug)]
struct Call {
    person: usize,
    query: &'static str,
    variables: Value,
    /// What was answered, if anything was: nobody knows whether an unanswered one was carried out.
    answer: Option<Value>,
}

const DEPOSIT: &str = "mutation($amount: Money!, $key: String) { it: deposit(amount: $amount, idempotencyKey: $key) { id balanceAfter } }";
const WITHDRAW: &str = "mutation($amount: Money!, $key: String) { it: withdraw(amount: $amount, idempotencyKey: $key) { id balanceAfter } }";
const TRADE: &str = "mutation($stock: String!, $side: Side!, $key: String) {
    it: trade(stock: $stock, side: $side, quantity: 1, idempotencyKey: $key) { number side price } }";
const ORDER: &str =
    "mutation($input: PlaceOrderInput!, $key: String) { it: placeOrder(input: $input, idempotencyKey: $key) { id } }";

/// The people and what they trade.
struct Cast {
    /// Two investors and a broker.
    people: Vec<(i64, Person)>,
    stock: (String, String),
    grant: String,
}

/// The `n`th call of a client: the kinds take turns, each client beginning elsewhere.
fn call(cast: &Cast, client: usize, n: usize, key: String) -> Call {
    let investor = client % 2;
    let order = |input: Value| (ORDER, json!({ "input": input }));
    let stock = &cast.stock.0;
    let (person, (query, variables)) = match (client + n) % 8 {
        0 => (investor, (DEPOSIT, json!({ "amount": money("7.01") }))),
        1 => (investor, (WITHDRAW, json!({ "amount": money("3.99") }))),
        2 => (investor, (TRADE, json!({ "stock": cast.stock.1, "side": "BUY" }))),
        3 => (investor, (TRADE, json!({ "stock": cast.stock.1, "side": "SELL" }))),
        4 => (investor, order(json!({ "side": "BUY", "stock": stock, "quantity": 2 }))),
        5 => (
            investor,
            order(json!({ "side": "SELL", "stock": stock, "quantity": 1 })),
        ),
        6 => (
            2,
            order(json!({ "side": "BUY", "stock": stock, "quantity": 1, "authorization": cast.grant })),
        ),
        _ => {
            let limit = if n.is_multiple_of(2) { "1.00" } else { "1000.00" };
            let input =
                json!({ "side": "BUY", "stock": stock, "quantity": 1, "automated": true, "limitPrice": money(limit) });
            (investor, order(input))
        }
    };
    let mut call = Call {
        person,
        query,
        variables,
        answer: None,
    };
    call.variables["key"] = key.into();
    call
}

/// Sends calls until the server is gone; kills it after that many answers.
async fn load(server: Server, cast: &Arc<Cast>, round: usize, answers: usize) -> Vec<Call> {
    let url = server.url.clone();
    let server = Arc::new(Mutex::new(server));
    let answered = Arc::new(AtomicUsize::new(0));
    // A client must not wait for a dead server to hang up: reqwest's pool waits for ever for a connection that broke while
    // it was made.
    let dead = CancellationToken::new();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (cast, url, server) = (cast.clone(), url.clone(), server.clone());
        let (answered, dead) = (answered.clone(), dead.clone());
        clients.spawn(async move {
            let mut calls = Vec::new();
            for n in 0.. {
                let mut call = call(&cast, client, n, format!("round {round} client {client} call {n}"));
                let answer = dead.run_until_cancelled(send(&url, &cast, &call)).await.flatten();
                let gone = answer.is_none();
                call.answer = answer;
                calls.push(call);
                if gone {
                    break;
                }
                if answered.fetch_add(1, SeqCst) + 1 == answers {
                    server.lock().expect("the server").kill();
                    dead.cancel();
                }
            }
            calls
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

/// The answer, or nothing when the server is gone.
async fn send(url: &str, cast: &Cast, call: &Call) -> Option<Value> {
    let reply = cast.people[call.person]
        .1
        .moved_to(url)
        .try_graphql(call.query, &call.variables)
        .await?;
    assert_eq!(reply.code(), None, "{call:?}: {reply:?}");
    Some(reply.body["data"].clone())
}

/// Everything is sent again: what was answered is answered the same, what was not is done now, once.
async fn repeat(url: &str, cast: &Cast, calls: &mut [Call]) {
    let repeated = calls.iter_mut().map(async |call| {
        let again = send(url, cast, call).await.expect("a running server");
        let first = call.answer.get_or_insert_with(|| again.clone());
        assert_eq!(again, *first, "another answer to the same key");
    });
    join_all(repeated).await;
}

fn money(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}

async fn cast(url: &str) -> Cast {
    let nobody = Person::at(url);
    let admin = nobody.sign_in("admin").await;
    let list = "mutation($price: Money!) { listStock(input: { name: \"Crash & Sons\", price: $price, quantity: 1000000 }) { id name } }";
    let stock = admin.graphql_with(list, json!({ "price": money("10.00") })).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let stock = (text(stock.data("/listStock/id")), text(stock.data("/listStock/name")));
    let mut people = Vec::new();
    for (name, role, fee) in [
        ("ida", "INVESTOR", None),
        ("ivo", "INVESTOR", None),
        ("bea", "BROKER", Some(1.5)),
    ] {
        people.push(nobody.register(name, role, fee).await);
    }
    for (_, investor) in &people[..2] {
        investor
            .graphql_with(DEPOSIT, json!({ "amount": money("1000000000.00") }))
            .await
            .data("/it");
        let input = json!({ "side": "BUY", "stock": stock.0, "quantity": 200_000 });
        investor
            .graphql_with(ORDER, json!({ "input": input }))
            .await
            .data("/it");
    }
    let grant = "mutation($input: GrantInput!) { grantAuthorization(input: $input) { authorization { id } } }";
    let input = json!({ "kind": "CAPITAL", "broker": people[2].0.to_string(), "amount": money("500000000.00"), "endsAt": "2999-01-01T00:00:00Z" });
    let granted = people[0].1.graphql_with(grant, json!({ "input": input })).await;
    let grant = text(granted.data("/grantAuthorization/authorization/id"));
    Cast { people, stock, grant }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_has_lost_nothing_and_done_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start(&data);
    let cast = Arc::new(cast(&server.url).await);
    let shares = Books::of(&data).shares();
    let mut carried = Vec::new();

    for round in 0..KILLS {
        let mut calls = load(server, &cast, round, 5 + round * 7 % 60).await;

        let books = Books::of(&data);
        books.assert_balanced();
        assert_eq!(books.shares(), shares, "round {round}: shares came or went");

        server = Server::start(&data);
        repeat(&server.url, &cast, &mut calls).await;
        carried.extend(calls.into_iter().map(|call| (call.query, call.person)));
    }

    server.kill();
    let books = Books::of(&data);
    books.assert_balanced();
    let made = |query: &str| carried.iter().filter(|(made, _)| *made == query).count() as i64;
    let ids = cast
        .people
        .iter()
        .map(|(id, _)| id.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    // Before the first round each of the two investors had made one deposit and one order.
    for (query, before, rows) in [
        (
            DEPOSIT,
            2,
            "ledger_entry WHERE kind = 'DEPOSIT' AND wallet_id IN (SELECT id FROM wallet WHERE user_id IN ({ids}))",
        ),
        (
            WITHDRAW,
            0,
            "ledger_entry WHERE kind = 'WITHDRAWAL' AND wallet_id IN (SELECT id FROM wallet WHERE user_id IN ({ids}))",
        ),
        (
            TRADE,
            0,
            "exchange_order WHERE trader_id IN ({ids}) AND number NOT IN
             (SELECT exchange_number FROM brokerage_order WHERE exchange_number IS NOT NULL)",
        ),
        (ORDER, 2, "brokerage_order WHERE investor_id IN ({ids})"),
    ] {
        let rows = books.number(&format!("SELECT count(*) FROM {}", rows.replace("{ids}", &ids)));
        assert_eq!(rows, before + made(query), "each key had one effect: {query}");
    }
}
