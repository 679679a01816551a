//! The requests of clients whose server is killed.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::HttpClient;

/// The time that a client waits before it sends a request again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// One request under a key. A client that repeats it must get the same response.
#[derive(Clone, Debug)]
pub struct Call {
    pub person: usize,
    pub query: &'static str,
    variables: Value,
    /// The response, or `None`: an unanswered request may or may not have taken effect.
    pub answer: Option<Value>,
}

pub const DEPOSIT: &str = "mutation($amount: Money!, $key: String) { it: deposit(amount: $amount, idempotencyKey: $key) { id balanceAfter } }";
pub const WITHDRAW: &str = "mutation($amount: Money!, $key: String) { it: withdraw(amount: $amount, idempotencyKey: $key) { id balanceAfter } }";
pub const TRADE: &str = "mutation($stock: String!, $side: Side!, $trader: ID, $key: String) {
    it: trade(stock: $stock, side: $side, quantity: 1, trader: $trader, idempotencyKey: $key) { number side price } }";
pub const ORDER: &str =
    "mutation($input: PlaceOrderInput!, $key: String) { it: placeOrder(input: $input, idempotencyKey: $key) { id } }";

/// The people and the objects of their trades.
pub struct Cast {
    /// Two investors, a broker and an administrator, who trades for the investors.
    pub people: Vec<(i64, HttpClient)>,
    pub stock: (String, String),
    grant: String,
}

/// Returns the `n`th call of a client. The kinds take turns, and each client begins with another one.
pub fn call(cast: &Cast, client: usize, n: usize, key: String) -> Call {
    let investor = client % 2;
    let order = |input: Value| (ORDER, json!({ "input": input }));
    let trade = |side: &str| {
        let trader = cast.people[investor].0.to_string();
        (TRADE, json!({ "stock": cast.stock.1, "side": side, "trader": trader }))
    };
    let stock = &cast.stock.0;
    let (person, (query, variables)) = match (client + n) % 8 {
        0 => (investor, (DEPOSIT, json!({ "amount": money("7.01") }))),
        1 => (investor, (WITHDRAW, json!({ "amount": money("3.99") }))),
        2 => (3, trade("BUY")),
        3 => (3, trade("SELL")),
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

/// Returns the response, or `None` when the server is gone. While no replica leads, the client repeats the request
/// with the same key.
pub async fn send(url: &str, cast: &Cast, call: &Call) -> Option<Value> {
    let person = cast.people[call.person].1.with_url(url);
    loop {
        let reply = person.try_query(call.query, &call.variables).await?;
        let message = reply.pointer("/errors/0/message").and_then(Value::as_str);
        if message.is_some_and(|message| message.starts_with("order service unavailable")) {
            tokio::time::sleep(ASK_AGAIN).await;
            continue;
        }
        assert_eq!(reply.code(), "OK", "{call:?}: {reply:?}");
        return Some(reply["data"].clone());
    }
}

/// Repeats every request. An answered one must get the same response; an unanswered one takes effect once, now or
/// earlier.
pub async fn repeat(url: &str, cast: &Cast, calls: &mut [Call]) {
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

pub async fn cast(url: &str) -> Cast {
    let anonymous = HttpClient::new(url);
    let admin = anonymous.sign_in("admin").await;
    let list = "mutation($price: Money!) { listStock(input: { name: \"Crash & Sons\", price: $price, quantity: 1000000 }) { id name } }";
    let stock = admin.query(list, json!({ "price": money("10.00") })).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let stock = (text(stock.at("listStock.id")), text(stock.at("listStock.name")));
    let mut people = Vec::new();
    for (name, role, fee) in [
        ("ida", "INVESTOR", None),
        ("ivo", "INVESTOR", None),
        ("bea", "BROKER", Some(1.5)),
    ] {
        people.push(anonymous.register(name, role, fee).await);
    }
    let id = admin.query("{ me { id } }", json!({})).await.id("me.id");
    people.push((id, admin));
    for (_, investor) in &people[..2] {
        investor
            .query(DEPOSIT, json!({ "amount": money("1000000000.00") }))
            .await
            .at("it");
        let input = json!({ "side": "BUY", "stock": stock.0, "quantity": 200_000 });
        investor.query(ORDER, json!({ "input": input })).await.at("it");
    }
    let grant = "mutation($input: GrantInput!) { grantAuthorization(input: $input) { authorization { id } } }";
    let input = json!({ "kind": "CAPITAL", "broker": people[2].0.to_string(), "amount": money("500000000.00"), "endsAt": "2999-01-01T00:00:00Z" });
    let granted = people[0].1.query(grant, json!({ "input": input })).await;
    let grant = text(granted.at("grantAuthorization.authorization.id"));
    Cast { people, stock, grant }
}
