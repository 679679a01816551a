//! The access rules of the exchange, the wallet, the brokerage with its authorizations, the shop and the community's
//! posts and votes. Each kind of caller sends every query, edge and mutation (docs/rest-contract/common.md#access).

mod scene;
mod shop;
mod votes;

use contract::ErrorCode;
use futures_util::StreamExt;
use serde_json::{Value, json};
use testing::Answer;
use tests::HttpClient;

use scene::Scene;

/// The callers, in the order of the table's columns: anonymous, an unrelated investor, a broker without
/// authorization, the authorized broker, a service, an administrator, and the investor who owns the objects. The
/// owner is last, because a mutation takes effect for the owner.
const COLUMNS: [&str; 7] = [
    "anonymous",
    "stranger",
    "other broker",
    "broker",
    "service",
    "admin",
    "investor",
];

/// The expected result for each caller: a value (`ok`), null (`-`), or the error's status.
type Row = (&'static str, [&'static str; 7]);

/// Every document may declare these variables, the objects of the investor: `$investor`, `$broker`, `$holding`, `$capital`
/// and `$shares` (authorizations), `$order`, `$pending` (orders), `$transaction`, `$stock`, `$number` (of a trade),
/// `$post`; and `$name`, which differs for each caller. The tested field has the alias `it`.
const READS: &[Row] = &[
    // Public data.
    (
        "query($stock: ID!) { it: stock(id: $stock) { price quantity } }",
        ["ok"; 7],
    ),
    ("{ it: stocks { nodes { name } } }", ["ok"; 7]),
    (
        "query($number: Int!) { it: exchangeOrder(number: $number) { quantity } }",
        ["ok"; 7],
    ),
    ("{ it: exchangeOrders { nodes { number } } }", ["ok"; 7]),
    ("{ it: orderReplicas { id } }", ["ok"; 7]),
    ("query($post: ID!) { it: post(id: $post) { title text } }", ["ok"; 7]),
    (
        "query($post: ID!) { on: post(id: $post) { it: author { username } } }",
        ["ok"; 7],
    ),
    (
        "query($post: ID!) { on: post(id: $post) { on: community { it: posts { nodes { title } } } } }",
        ["ok"; 7],
    ),
    ("{ it: recentPosts { nodes { title } } }", ["ok"; 7]),
    (r#"{ it: community(name: "ACCESS") { name } }"#, ["ok"; 7]),
    ("{ it: communities { nodes { name } } }", ["ok"; 7]),
    (
        "query($investor: ID!) { on: user(id: $investor) { it: posts { nodes { title } } } }",
        ["ok"; 7],
    ),
    // The trader of a trade is private.
    (
        "query($number: Int!) { on: exchangeOrder(number: $number) { it: trader { id } } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    // Look-ups by id.
    (
        "query($transaction: ID!) { it: transaction(id: $transaction) { amount } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        "query($holding: ID!) { it: holding(id: $holding) { free } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        "query($order: ID!) { it: brokerageOrder(id: $order) { quantity } }",
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        "query($pending: ID!) { it: brokerageOrder(id: $pending) { quantity } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        "query($capital: ID!) { it: authorization(id: $capital) { remaining } }",
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        "query($shares: ID!) { it: authorization(id: $shares) { remainingShares } }",
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    // Look-ups by id alone. $transaction and the others have the type in their ids.
    (
        "query($transaction: ID!) { it: node(id: $transaction) { id } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        "query($holding: ID!) { it: node(id: $holding) { ... on Holding { free } } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        "query($order: ID!) { it: node(id: $order) { __typename } }",
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        "query($pending: ID!) { it: node(id: $pending) { ... on BrokerageOrder { quantity } } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        "query($capital: ID!) { it: node(id: $capital) { ... on Authorization { remaining } } }",
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        "query($post: ID!) { it: nodes(ids: [$post]) { ... on Post { title } } }",
        ["ok"; 7],
    ),
    // The person's lists and edges.
    (
        "query($investor: ID!) { on: user(id: $investor) { it: wallet { balance } } }",
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        "query($investor: ID!) { on: user(id: $investor) { it: wallets { balance } } }",
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        "query($investor: ID!) { on: user(id: $investor) { it: holdings { nodes { free } } } }",
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        "query($investor: ID!) { on: user(id: $investor) { it: brokerageOrders { nodes { id } } } }",
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        "query($investor: ID!) { on: user(id: $investor) { it: portfolioValue } }",
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        "query($investor: ID!) { on: user(id: $investor) { it: authorizations { nodes { id } } } }",
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    // Edges from an object that one party may see to an object that only the other party may see.
    (
        "query($stock: ID!) { on: stock(id: $stock) { it: myHolding { free } } }",
        ["-", "-", "-", "-", "-", "-", "ok"],
    ),
    (
        "query($shares: ID!) { on: authorization(id: $shares) { it: holding { free } } }",
        ["-", "-", "-", "404", "ok", "ok", "ok"],
    ),
    (
        "query($shares: ID!) { on: authorization(id: $shares) { it: stock { price } } }",
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        "query($capital: ID!) { on: authorization(id: $capital) { on: investor { it: wallet { balance } } } }",
        ["-", "-", "-", "403", "ok", "ok", "ok"],
    ),
    (
        "query($order: ID!) { on: brokerageOrder(id: $order) { on: investor { it: holdings { nodes { free } } } } }",
        ["-", "-", "-", "403", "ok", "ok", "ok"],
    ),
    (
        "query($order: ID!) { on: brokerageOrder(id: $order) { it: authorization { remaining } } }",
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        "query($order: ID!) { on: brokerageOrder(id: $order) { it: exchangeOrder { number } } }",
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
];

const WRITES: &[Row] = &[
    (
        r#"mutation { it: deposit(amount: { amount: "1.00", currency: "USD" }) { id } }"#,
        ["401", "ok", "ok", "ok", "401", "ok", "ok"],
    ),
    (
        r#"mutation { it: withdraw(amount: { amount: "0.01", currency: "USD" }) { id } }"#,
        ["401", "ok", "ok", "ok", "401", "ok", "ok"],
    ),
    (
        r#"mutation($broker: ID!) { it: setBalance(userId: $broker, balance: { amount: "9.00", currency: "USD" }) { id } }"#,
        ["401", "403", "403", "403", "ok", "403", "403"],
    ),
    (
        r#"mutation { it: trade(stock: "Access Inc", side: BUY, quantity: 1) { number } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation($name: String!) { it: listStock(input: { name: $name, price: { amount: "1.00" }, quantity: 1 }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: setPrice(stock: "Access Inc", price: { amount: "10.00" }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: adjustStock(stock: "Access Inc", side: SELL, quantity: 1) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: invalidateStock(stock: "Access Inc") }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation($number: Int!) { it: acknowledgeOrder(number: $number, stock: "Access Inc", side: BUY, quantity: 10) }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: proposeLeader(replicaId: "1") { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        "mutation($stock: ID!, $capital: ID!) { it: placeOrder(input: { side: BUY, stock: $stock, quantity: 1, authorization: $capital }) { id } }",
        ["401", "400", "404", "ok", "403", "403", "400"],
    ),
    (
        "mutation($stock: ID!, $shares: ID!) { it: placeOrder(input: { side: SELL, stock: $stock, quantity: 1, authorization: $shares }) { id } }",
        ["401", "400", "404", "ok", "403", "403", "400"],
    ),
    (
        "mutation($stock: ID!) { it: placeOrder(input: { side: SELL, stock: $stock, quantity: 1 }) { id } }",
        ["401", "409", "400", "400", "403", "403", "ok"],
    ),
    (
        "mutation($holding: ID!) { it: commitShares(holdingId: $holding, committed: 9) { id } }",
        ["401", "404", "404", "404", "ok", "404", "ok"],
    ),
    (
        r#"mutation($broker: ID!) { it: grantAuthorization(input: { kind: CAPITAL, broker: $broker, amount: { amount: "0.01" }, endsAt: "2030-01-01T00:00:00Z" }) { created } }"#,
        ["401", "ok", "403", "403", "403", "403", "ok"],
    ),
    (
        r#"mutation($broker: ID!, $holding: ID!) { it: grantAuthorization(input: { kind: STOCK_HOLDING, broker: $broker, holding: $holding, shares: 1, endsAt: "2030-01-01T00:00:00Z" }) { created } }"#,
        ["401", "404", "403", "403", "403", "403", "ok"],
    ),
    (
        "mutation($pending: ID!) { it: cancelOrder(id: $pending) { id } }",
        ["401", "404", "404", "404", "404", "404", "ok"],
    ),
    (
        "mutation($capital: ID!) { it: revokeAuthorization(id: $capital) { id } }",
        ["401", "404", "404", "403", "403", "403", "ok"],
    ),
    (
        r#"mutation($investor: ID!) { it: updateUser(id: $investor, input: { surname: "Else" }) { id } }"#,
        ["401", "403", "403", "403", "ok", "403", "ok"],
    ),
    (
        r#"mutation { it: createPost(input: { title: "a", text: "b", community: "Access" }) { id } }"#,
        ["401", "ok", "ok", "ok", "400", "ok", "ok"],
    ),
    (
        r#"mutation { it: createPost(input: { title: "a", text: "b", community: "Access", username: "unknown" }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: createPost(input: { title: "a", text: "b", community: "Access", username: "unknown", at: "2026-01-01T00:00:00Z" }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    // The service has deleted the post, so the later callers do not find it.
    (
        "mutation($post: ID!) { it: deletePost(id: $post) }",
        ["401", "403", "403", "403", "ok", "404", "404"],
    ),
];

fn reads() -> impl Iterator<Item = &'static Row> {
    READS.iter().chain(shop::READS).chain(votes::READS)
}

fn writes() -> impl Iterator<Item = &'static Row> {
    WRITES.iter().chain(shop::WRITES).chain(votes::WRITES)
}

/// Sends each row as every caller and returns the results that differ from the table.
async fn differences(rows: impl Iterator<Item = &'static Row>) -> Vec<String> {
    let scene = Scene::set().await;
    let mut differences = Vec::new();
    for (document, expected) in rows {
        for ((caller, column), expected) in scene.callers.iter().zip(COLUMNS).zip(expected) {
            let mut variables = scene.variables.clone();
            variables["name"] = format!("Object of {column}").into();
            let answer = caller.query(document, variables).await;
            let answered = notation(&answer);
            if answered != *expected {
                differences.push(format!(
                    "{column}: {answered} instead of {expected}: {document}\n  {answer}"
                ));
            }
        }
    }
    differences
}

/// Returns an answer in the notation of the table.
fn notation(answer: &Answer) -> String {
    match answer.code() {
        "OK" if it(&answer["data"]) => "ok".to_owned(),
        "OK" => "-".to_owned(),
        code => {
            let known: ErrorCode = code.parse().expect(code);
            known.http_status().to_string()
        }
    }
}

/// Returns whether the value contains a non-null field `it` at any depth.
fn it(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| match name.as_str() {
            "it" => !value.is_null(),
            _ => it(value),
        }),
        _ => false,
    }
}

#[tokio::test]
async fn every_caller_reads_as_the_table_permits() {
    let differences = differences(reads()).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
async fn every_caller_changes_as_the_table_permits() {
    let differences = differences(writes()).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_field_of_these_domains_is_in_the_table() {
    let asked: String = reads().chain(writes()).map(|(query, _)| *query).collect();
    for domain in ["exchange", "wallet", "brokerage", "posts", "shop", "votes", "nodes"] {
        let path = format!("{}/../subgraphs/{domain}/schema.graphql", env!("CARGO_MANIFEST_DIR"));
        let sdl = std::fs::read_to_string(path).expect("the domain's schema");
        for root in ["type Query", "type Mutation"] {
            for field in fields_of(&sdl, root) {
                assert!(
                    asked.contains(&format!("it: {field}")),
                    "{domain}: no document selects {field}"
                );
            }
        }
    }
}

/// Returns the names of a type's fields in an SDL.
fn fields_of(sdl: &str, opening: &str) -> Vec<String> {
    let from = sdl.lines().skip_while(|line| !line.starts_with(opening)).skip(1);
    let body = from.take_while(|line| *line != "}");
    let mut quoted = false;
    let plain = body.filter(|line| {
        let quotes = line.matches("\"\"\"").count();
        let was = quoted;
        quoted ^= quotes == 1;
        !was && quotes == 0
    });
    let named = plain.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named
        .map(|line| line.trim().split(['(', ':']).next().unwrap_or_default().to_owned())
        .filter(|name| name.starts_with(char::is_alphabetic))
        .collect()
}

/// Buys a share for the caller: the investor's own order, and the broker's under the authorization.
const BUY: &str = "mutation($stock: ID!) { placeOrder(input: { side: BUY, stock: $stock, quantity: 1 }) { id } }";
const BUY_FOR_INVESTOR: &str = "mutation($stock: ID!, $capital: ID!) {
    placeOrder(input: { side: BUY, stock: $stock, quantity: 1, authorization: $capital }) { id } }";

/// Returns the ids of the caller's objects that an event may be about.
async fn own_objects(caller: &HttpClient) -> Vec<String> {
    let document = "{ me { wallet { id } holdings { nodes { id } } brokerageOrders { nodes { id } } authorizations { nodes { id } } } }";
    let answer = caller.query(document, json!({})).await;
    let lists = [
        "holdings.nodes.*.id",
        "brokerageOrders.nodes.*.id",
        "authorizations.nodes.*.id",
    ];
    let listed = lists.into_iter().flat_map(|list| answer.all(&format!("me.{list}")));
    let ids = listed.chain([answer.at("me.wallet.id")]);
    ids.map(|id| id.as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_subscription_shows_no_data_of_others() {
    let scene = Scene::set().await;
    let [stranger, broker, investor] = ["stranger", "broker", "investor"].map(|column| scene.caller(column));
    let invalidated = "subscription($types: [String!]) { cacheInvalidated(typenames: $types) { key } }";
    for (subscription, variables, path) in [
        ("subscription { orderChanged { id } }", json!({}), "orderChanged.id"),
        (
            invalidated,
            json!({ "types": ["BrokerageOrder"] }),
            "cacheInvalidated.key",
        ),
        (invalidated, json!({ "types": ["Wallet"] }), "cacheInvalidated.key"),
        (invalidated, json!({ "types": ["Holding"] }), "cacheInvalidated.key"),
    ] {
        for (watcher, own) in [(stranger, BUY), (broker, BUY_FOR_INVESTOR)] {
            if watcher.token() == broker.token() && variables["types"] == json!(["Holding"]) {
                continue;
            }
            let mut events = watcher.subscribe(subscription, variables.clone()).await;
            // The investor acts first in each round, and the first event that the watcher receives must not be the
            // investor's.
            let event = loop {
                let acts = async {
                    scene.ask(investor, BUY).await.at("placeOrder");
                    scene.ask(watcher, own).await.at("placeOrder");
                };
                tokio::select! {
                    event = events.next() => break event.expect("an event"),
                    () = acts => {}
                }
            };
            let shown = event.text(path);
            let own = own_objects(watcher).await;
            assert!(
                own.iter().any(|id| id == shown),
                "{subscription} {variables}: {event} is none of {own:?}"
            );
        }
    }
}
