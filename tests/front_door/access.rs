//! The access rules of the exchange, the wallet, the brokerage with its authorizations, the shop and the community's
//! posts and votes. Each kind of caller sends every query, edge and mutation (docs/rest-contract/common.md#access).

mod shop;
mod votes;

use contract::ErrorCode;
use futures_util::StreamExt;
use serde_json::Value;
use tests::{Reply, TestApp, TestClient};

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

/// Placeholders: `<INVESTOR>`, `<BROKER>`, `<HOLDING>`, `<CAPITAL>`, `<SHARES>` (authorizations), `<ORDER>`,
/// `<PENDING>` (orders), `<TRANSACTION>`, `<STOCK>`, `<NUMBER>` (of a trade of the investor), `<POST>` (of the
/// investor). The tested field has the alias `it`.
const READS: &[Row] = &[
    // Public data.
    (r#"{ it: stock(id: "<STOCK>") { price quantity } }"#, ["ok"; 7]),
    (r#"{ it: stocks { nodes { name } } }"#, ["ok"; 7]),
    (r#"{ it: exchangeOrder(number: <NUMBER>) { quantity } }"#, ["ok"; 7]),
    (r#"{ it: exchangeOrders { nodes { number } } }"#, ["ok"; 7]),
    (r#"{ it: orderReplicas { id } }"#, ["ok"; 7]),
    (r#"{ it: post(id: "<POST>") { title text } }"#, ["ok"; 7]),
    (r#"{ on: post(id: "<POST>") { it: author { username } } }"#, ["ok"; 7]),
    (
        r#"{ on: post(id: "<POST>") { on: community { it: posts { nodes { title } } } } }"#,
        ["ok"; 7],
    ),
    (r#"{ it: recentPosts { nodes { title } } }"#, ["ok"; 7]),
    (r#"{ it: community(name: "ACCESS") { name } }"#, ["ok"; 7]),
    (r#"{ it: communities { nodes { name } } }"#, ["ok"; 7]),
    (
        r#"{ on: user(id: "<INVESTOR>") { it: posts { nodes { title } } } }"#,
        ["ok"; 7],
    ),
    // The trader of a trade is private.
    (
        r#"{ on: exchangeOrder(number: <NUMBER>) { it: trader { id } } }"#,
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    // Look-ups by id.
    (
        r#"{ it: transaction(id: "<TRANSACTION>") { amount } }"#,
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        r#"{ it: holding(id: "<HOLDING>") { free } }"#,
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        r#"{ it: brokerageOrder(id: "<ORDER>") { quantity } }"#,
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        r#"{ it: brokerageOrder(id: "<PENDING>") { quantity } }"#,
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        r#"{ it: authorization(id: "<CAPITAL>") { remaining } }"#,
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        r#"{ it: authorization(id: "<SHARES>") { remainingShares } }"#,
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    // The person's lists and edges.
    (
        r#"{ on: user(id: "<INVESTOR>") { it: wallet { balance } } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: user(id: "<INVESTOR>") { it: wallets { balance } } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: user(id: "<INVESTOR>") { it: holdings { nodes { free } } } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: user(id: "<INVESTOR>") { it: brokerageOrders { nodes { id } } } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: user(id: "<INVESTOR>") { it: portfolioValue } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: user(id: "<INVESTOR>") { it: authorizations { nodes { id } } } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    // Edges from an object that one party may see to an object that only the other party may see.
    (
        r#"{ on: stock(id: "<STOCK>") { it: myHolding { free } } }"#,
        ["-", "-", "-", "-", "-", "-", "ok"],
    ),
    (
        r#"{ on: authorization(id: "<SHARES>") { it: holding { free } } }"#,
        ["-", "-", "-", "404", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: authorization(id: "<SHARES>") { it: stock { price } } }"#,
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: authorization(id: "<CAPITAL>") { on: investor { it: wallet { balance } } } }"#,
        ["-", "-", "-", "403", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: brokerageOrder(id: "<ORDER>") { on: investor { it: holdings { nodes { free } } } } }"#,
        ["-", "-", "-", "403", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: brokerageOrder(id: "<ORDER>") { it: authorization { remaining } } }"#,
        ["-", "-", "-", "ok", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: brokerageOrder(id: "<ORDER>") { it: exchangeOrder { number } } }"#,
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
        r#"mutation { it: setBalance(userId: "<BROKER>", balance: { amount: "9.00", currency: "USD" }) { id } }"#,
        ["401", "403", "403", "403", "ok", "403", "403"],
    ),
    (
        r#"mutation { it: trade(stock: "Access Inc", side: BUY, quantity: 1) { number } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: listStock(input: { name: "Stock of ASKER", price: { amount: "1.00" }, quantity: 1 }) { id } }"#,
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
        r#"mutation { it: acknowledgeOrder(number: <NUMBER>, stock: "Access Inc", side: BUY, quantity: 10) }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: proposeLeader(replicaId: "1") { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: placeOrder(input: { side: BUY, stock: "<STOCK>", quantity: 1, authorization: "<CAPITAL>" }) { id } }"#,
        ["401", "400", "404", "ok", "403", "403", "400"],
    ),
    (
        r#"mutation { it: placeOrder(input: { side: SELL, stock: "<STOCK>", quantity: 1, authorization: "<SHARES>" }) { id } }"#,
        ["401", "400", "404", "ok", "403", "403", "400"],
    ),
    (
        r#"mutation { it: placeOrder(input: { side: SELL, stock: "<STOCK>", quantity: 1 }) { id } }"#,
        ["401", "409", "400", "400", "403", "403", "ok"],
    ),
    (
        r#"mutation { it: commitShares(holdingId: "<HOLDING>", committed: 9) { id } }"#,
        ["401", "404", "404", "404", "ok", "404", "ok"],
    ),
    (
        r#"mutation { it: grantAuthorization(input: { kind: CAPITAL, broker: "<BROKER>", amount: { amount: "0.01" }, endsAt: "2030-01-01T00:00:00Z" }) { created } }"#,
        ["401", "ok", "403", "403", "403", "403", "ok"],
    ),
    (
        r#"mutation { it: grantAuthorization(input: { kind: STOCK_HOLDING, broker: "<BROKER>", holding: "<HOLDING>", shares: 1, endsAt: "2030-01-01T00:00:00Z" }) { created } }"#,
        ["401", "404", "403", "403", "403", "403", "ok"],
    ),
    (
        r#"mutation { it: cancelOrder(id: "<PENDING>") { id } }"#,
        ["401", "404", "404", "404", "404", "404", "ok"],
    ),
    (
        r#"mutation { it: revokeAuthorization(id: "<CAPITAL>") { id } }"#,
        ["401", "404", "404", "403", "403", "403", "ok"],
    ),
    (
        r#"mutation { it: updateUser(id: "<INVESTOR>", input: { surname: "Else" }) { id } }"#,
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
        r#"mutation { it: deletePost(id: "<POST>") }"#,
        ["401", "403", "403", "403", "ok", "404", "404"],
    ),
];

fn reads() -> impl Iterator<Item = &'static Row> {
    READS.iter().chain(shop::READS).chain(votes::READS)
}

fn writes() -> impl Iterator<Item = &'static Row> {
    WRITES.iter().chain(shop::WRITES).chain(votes::WRITES)
}

/// The callers, and the objects of the investor.
struct Scene {
    _app: TestApp,
    askers: Vec<TestClient>,
    names: Vec<(&'static str, String)>,
}

impl Scene {
    async fn set() -> Self {
        let app = TestApp::new().await;
        let anonymous = app.anonymous();
        let mut people = Vec::new();
        for (name, role, fee) in [
            ("stranger", "INVESTOR", None),
            ("other", "BROKER", Some(1.0)),
            ("broker", "BROKER", Some(1.0)),
            ("investor", "INVESTOR", None),
        ] {
            let (id, person) = anonymous.register(name, role, fee).await;
            people.push((id.to_string(), person));
        }
        let admin = app.signed_in("admin").await;
        let service = anonymous.with_token(&app.service_credential("table"));
        let [stranger, other, broker, investor] = [0, 1, 2, 3].map(|place| people[place].1.clone());
        let mut scene = Self {
            _app: app,
            askers: vec![
                anonymous,
                stranger.clone(),
                other.clone(),
                broker.clone(),
                service,
                admin.clone(),
                investor.clone(),
            ],
            names: vec![("INVESTOR", people[3].0.clone()), ("BROKER", people[2].0.clone())],
        };
        for person in [&stranger, &other, &broker, &admin] {
            scene
                .make(person, "", "deposit(amount: { amount: \"5000.00\" }) { id }", "")
                .await;
        }
        let list = "listStock(input: { name: \"Access Inc\", price: { amount: \"10.00\" }, quantity: 1000 }) { id }";
        scene.make(&admin, "STOCK", list, "/id").await;
        scene
            .make(
                &investor,
                "TRANSACTION",
                "deposit(amount: { amount: \"5000.00\" }) { id }",
                "/id",
            )
            .await;
        let buy = "placeOrder(input: { side: BUY, stock: \"<STOCK>\", quantity: 10 }) { exchangeOrder { number } }";
        scene.make(&investor, "NUMBER", buy, "/exchangeOrder/number").await;
        let holding = scene.ask(&investor, "{ it: me { holdings { nodes { id } } } }").await;
        scene
            .names
            .push(("HOLDING", text(holding.data("/it/holdings/nodes/0/id"))));
        let ends = "endsAt: \"2030-01-01T00:00:00Z\"";
        let lend = format!(
            "grantAuthorization(input: {{ kind: CAPITAL, broker: \"<BROKER>\", amount: {{ amount: \"1000.00\" }}, {ends} }}) {{ authorization {{ id }} }}"
        );
        scene.make(&investor, "CAPITAL", &lend, "/authorization/id").await;
        let lend = format!(
            "grantAuthorization(input: {{ kind: STOCK_HOLDING, broker: \"<BROKER>\", holding: \"<HOLDING>\", shares: 3, {ends} }}) {{ authorization {{ id }} }}"
        );
        scene.make(&investor, "SHARES", &lend, "/authorization/id").await;
        let buy =
            "placeOrder(input: { side: BUY, stock: \"<STOCK>\", quantity: 2, authorization: \"<CAPITAL>\" }) { id }";
        scene.make(&broker, "ORDER", buy, "/id").await;
        let wait = "placeOrder(input: { side: BUY, stock: \"<STOCK>\", quantity: 1, automated: true, limitPrice: { amount: \"1.00\" } }) { id }";
        scene.make(&investor, "PENDING", wait, "/id").await;
        let post = "createPost(input: { title: \"a\", text: \"b\", community: \"Access\" }) { id }";
        scene.make(&investor, "POST", post, "/id").await;
        let add = "addProduct(input: { name: \"Access\", price: { amount: \"1.00\" }, available: 1000 }) { id }";
        scene.make(&admin, "PRODUCT", add, "/id").await;
        let order = "placeShopOrder(input: { product: \"<PRODUCT>\", quantity: 1, date: \"2026-01-31\" }) { id }";
        scene.make(&investor, "SHOP_ORDER", order, "/id").await;
        scene.make(&investor, "", "upvote(postId: \"<POST>\") { id }", "").await;
        scene
    }

    /// Runs a mutation of the set-up and stores the value at `pointer` under a name.
    async fn make(&mut self, person: &TestClient, name: &'static str, mutation: &str, pointer: &str) {
        let reply = self.ask(person, &format!("mutation {{ it: {mutation} }}")).await;
        let found = reply.data(&format!("/it{pointer}")).clone();
        if !name.is_empty() {
            self.names.push((name, text(&found)));
        }
    }

    async fn ask(&self, person: &TestClient, query: &str) -> Reply {
        let mut query = query.to_owned();
        for (name, value) in &self.names {
            query = query.replace(&format!("<{name}>"), value);
        }
        person.graphql(&query).await
    }

    /// Sends each row as every caller and returns the results that differ from the table.
    async fn differences(&self, rows: impl Iterator<Item = &Row>) -> Vec<String> {
        let mut differences = Vec::new();
        for (query, expected) in rows {
            for ((asker, column), expected) in self.askers.iter().zip(COLUMNS).zip(expected) {
                let reply = self.ask(asker, &query.replace("ASKER", column)).await;
                let answered = answered(&reply);
                if answered != *expected {
                    differences.push(format!(
                        "{column}: {answered} instead of {expected}: {query}\n  {}",
                        reply.body
                    ));
                }
            }
        }
        differences
    }
}

/// Returns a reply in the notation of the table.
fn answered(reply: &Reply) -> String {
    match reply.code() {
        Some(code) => {
            let known: ErrorCode = code.parse().expect(code);
            known.http_status().to_string()
        }
        None if it(&reply.body["data"]) => "ok".to_owned(),
        None => "-".to_owned(),
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

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[tokio::test]
async fn every_caller_reads_as_the_table_permits() {
    let differences = Scene::set().await.differences(reads()).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
async fn every_caller_changes_as_the_table_permits() {
    let differences = Scene::set().await.differences(writes()).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_field_of_these_domains_is_in_the_table() {
    let asked: String = reads().chain(writes()).map(|(query, _)| *query).collect();
    for domain in ["exchange", "wallet", "brokerage", "posts", "shop", "votes"] {
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

/// Returns the ids of the person's objects that an event may be about.
async fn things(scene: &Scene, person: &TestClient) -> Vec<String> {
    let query = "{ it: me { wallet { id } holdings { nodes { id } } brokerageOrders { nodes { id } } authorizations { nodes { id } } } }";
    let reply = scene.ask(person, query).await;
    let me = reply.data("/it");
    let lists = ["/holdings/nodes", "/brokerageOrders/nodes", "/authorizations/nodes"];
    let listed = lists.iter().filter_map(|list| me.pointer(list)?.as_array()).flatten();
    listed.chain([&me["wallet"]]).map(|thing| text(&thing["id"])).collect()
}

#[tokio::test]
async fn a_subscription_shows_no_data_of_others() {
    let scene = Scene::set().await;
    let [stranger, broker, investor] = [1, 3, 6].map(|place| scene.askers[place].clone());
    let buys = "mutation { it: placeOrder(input: { side: BUY, stock: \"<STOCK>\", quantity: 1 }) { id } }";
    let for_investor = "mutation { it: placeOrder(input: { side: BUY, stock: \"<STOCK>\", quantity: 1, authorization: \"<CAPITAL>\" }) { id } }";
    for (subscription, key) in [
        ("subscription { orderChanged { id } }", "/data/orderChanged/id"),
        (
            "subscription { cacheInvalidated(typenames: [\"BrokerageOrder\"]) { key } }",
            "/data/cacheInvalidated/key",
        ),
        (
            "subscription { cacheInvalidated(typenames: [\"Wallet\"]) { key } }",
            "/data/cacheInvalidated/key",
        ),
        (
            "subscription { cacheInvalidated(typenames: [\"Holding\"]) { key } }",
            "/data/cacheInvalidated/key",
        ),
    ] {
        for (watcher, own) in [(&stranger, buys), (&broker, for_investor)] {
            if watcher.token == broker.token && subscription.contains("Holding") {
                continue;
            }
            let mut events = watcher.subscribe(subscription).await;
            // The investor acts first in each round, and the first event that the watcher receives must not be the
            // investor's.
            let event = loop {
                let acts = async {
                    scene.ask(&investor, buys).await.data("/it");
                    scene.ask(watcher, own).await.data("/it");
                };
                tokio::select! {
                    event = events.next() => break event.expect("an event"),
                    () = acts => {}
                }
            };
            let shown = text(event.pointer(key).unwrap_or_else(|| panic!("{event}")));
            let mine = things(&scene, watcher).await;
            assert!(mine.contains(&shown), "{subscription}: {event} is none of {mine:?}");
        }
    }
}
