//! The bazaar's REST routes, row by row of docs/rest-contract/bazaar.md.

mod access;
mod idempotency;
mod mechanism;
mod replica;
mod replicas;

use serde_json::json;

use crate::app::RestApp;

/// Returns the line of an error in the bazaar's format.
pub fn refused(status: u16, message: &str) -> String {
    format!(
        "{status} {}",
        json!({ "error": { "code": status, "message": message } })
    )
}

/// Returns the line of an acknowledgement.
pub fn done(message: &str) -> String {
    format!(r#"200 {{"success":{{"code":200,"message":"{message}"}}}}"#)
}

/// Returns the number of shares left of a stock.
pub async fn left(app: &RestApp, stock: &str) -> i64 {
    let stock = app.call(&format!("GET /bazaar/catalog/lookup/{stock}")).await.json();
    stock["quantity"].as_i64().unwrap()
}

/// Returns the number of trades.
pub async fn trades(app: &RestApp) -> usize {
    let all = app.json("POST /bazaar/order/1/sync", r#"{"lastID":-1}"#).await.json();
    all["transactions"].as_object().unwrap().len()
}

/// Asserts that there is no trade and that the stock is as it was listed.
pub async fn nothing_happened(app: &RestApp) {
    assert_eq!((trades(app).await, left(app, "GameStart").await), (0, 100));
}

/// The routes that trade, each with the further members that its body needs.
pub const TRADES: [(&str, &str); 4] = [
    ("POST /bazaar/orders", r#","type":"buy""#),
    ("POST /bazaar/catalog/update", r#","type":"buy""#),
    ("POST /bazaar/order/1/buy", ""),
    ("POST /bazaar/order/1/sell", ""),
];

#[tokio::test]
async fn every_route_answers_as_documented() {
    let app = RestApp::open().await;
    let buy = r#"{"name":"FishCo","quantity":30,"type":"buy"}"#;
    let sell = r#"{"name":"FishCo","quantity":5,"type":"sell","price":7,"when":[{}]}"#;
    let shares = r#"{"name":"BoarCo","quantity":1}"#;
    let fish = |quantity: i64| format!(r#"{{"name":"FishCo","price":19.99,"quantity":{quantity}}}"#);
    let table = [
        (
            "GET /bazaar/stocks/FishCo",
            "",
            format!(r#"200 {{"data":{}}}"#, fish(100)),
        ),
        ("GET /bazaar/catalog/lookup/FishCo", "", format!("200 {}", fish(100))),
        (
            "POST /bazaar/orders",
            buy,
            r#"200 {"data":{"order_number":0,"transaction-number":0,"transaction_number":0}}"#.to_owned(),
        ),
        (
            "GET /bazaar/stocks/FishCo",
            "",
            format!(r#"200 {{"data":{}}}"#, fish(70)),
        ),
        (
            "POST /bazaar/orders",
            sell,
            r#"200 {"data":{"order_number":1,"transaction-number":1,"transaction_number":1}}"#.to_owned(),
        ),
        ("GET /bazaar/catalog/lookup/FishCo", "", format!("200 {}", fish(75))),
        (
            "POST /bazaar/order/1/buy",
            shares,
            r#"200 {"order_number":2,"transaction-number":2,"transaction_number":2}"#.to_owned(),
        ),
        (
            "POST /bazaar/order/1/sell",
            shares,
            r#"200 {"order_number":3,"transaction-number":3,"transaction_number":3}"#.to_owned(),
        ),
        (
            "GET /bazaar/orders/1",
            "",
            r#"200 {"data":{"number":1,"name":"FishCo","quantity":5,"type":"sell"}}"#.to_owned(),
        ),
        (
            "GET /bazaar/order/1/orders/2",
            "",
            r#"200 {"number":2,"name":"BoarCo","quantity":1,"type":"buy"}"#.to_owned(),
        ),
        (
            "GET /bazaar/order/1/lookup-order/0",
            "",
            r#"200 {"number":0,"name":"FishCo","quantity":30,"type":"buy"}"#.to_owned(),
        ),
        ("POST /bazaar/catalog/update", buy, done("successfully updated stock")),
        ("GET /bazaar/catalog/lookup/FishCo", "", format!("200 {}", fish(45))),
        ("POST /bazaar/catalog/update", sell, done("successfully updated stock")),
        (
            "GET /bazaar/stocks/FishCo",
            "",
            format!(r#"200 {{"data":{}}}"#, fish(50)),
        ),
        ("POST /bazaar/invalidate/FishCo", "", done("successfully removed stock")),
        ("POST /bazaar/invalidate/FishCo", "", done("successfully removed stock")),
        (
            "GET /bazaar/stocks/FishCo",
            "",
            format!(r#"200 {{"data":{}}}"#, fish(50)),
        ),
        (
            "GET /bazaar/order/1/ping",
            "",
            r#"200 {"success":{"code":200,"message":"pong","server-id":1}}"#.to_owned(),
        ),
    ];
    for (line, body, expected) in table {
        let answered = app.json(line, body).await;
        assert_eq!(answered.line(), expected, "{line} {body}");
        assert_eq!(answered.header("content-type"), "application/json", "{line}");
    }
    assert_eq!(trades(&app).await, 4, "an update of the catalog is no trade");
}

#[tokio::test]
async fn a_missing_object_has_the_message_of_its_route() {
    let app = RestApp::open().await;
    let no_stock = refused(404, "stock not found");
    for name in [
        "Unlisted",
        "gamestart",
        "GAMESTART",
        "GameStart%20Inc",
        "%20",
        "1",
        "%27%3B--",
        "%00",
    ] {
        for line in [
            "GET /bazaar/stocks/",
            "GET /bazaar/catalog/lookup/",
            "POST /bazaar/invalidate/",
        ] {
            assert_eq!(
                app.call(&format!("{line}{name}")).await.line(),
                no_stock,
                "{line}{name}"
            );
        }
    }
    for (line, also) in TRADES {
        let message = match line {
            "POST /bazaar/orders" => "requested stock could not be traded because it could not be found",
            _ => "stock not found",
        };
        for name in ["Unlisted", "gamestart"] {
            let body = format!(r#"{{"name":"{name}","quantity":1{also}}}"#);
            assert_eq!(
                app.json(line, &body).await.line(),
                refused(404, message),
                "{line} {name}"
            );
        }
    }
    for number in [
        "0",
        "7",
        "2147483647",
        "2147483648",
        "9223372036854775808",
        "-1",
        "abc",
        "1.0",
        "00",
        "null",
    ] {
        for line in [
            "GET /bazaar/orders/",
            "GET /bazaar/order/1/orders/",
            "GET /bazaar/order/1/lookup-order/",
        ] {
            let expected = refused(404, &format!("could not find order with number {number}"));
            assert_eq!(
                app.call(&format!("{line}{number}")).await.line(),
                expected,
                "{line}{number}"
            );
        }
    }
    let long = app.call(&format!("GET /bazaar/orders/{}", "9".repeat(5_000))).await;
    assert!(long.status == 404 && long.text.len() < 300, "{}", long.text);
    nothing_happened(&app).await;
}

#[tokio::test]
async fn a_trade_above_the_stock_is_refused_and_uses_no_number() {
    let app = RestApp::open().await;
    let all = r#"{"name":"GameStart","quantity":100,"type":"buy"}"#;
    assert_eq!(app.json("POST /bazaar/orders", all).await.status, 200);
    let one = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
    for (line, message) in [
        ("POST /bazaar/orders", "could not trade stock"),
        ("POST /bazaar/order/1/buy", "could not trade stock"),
        ("POST /bazaar/catalog/update", "failed to update stock"),
    ] {
        assert_eq!(app.json(line, one).await.line(), refused(409, message), "{line}");
    }
    let full = r#"{"name":"FishCo","quantity":2147483647,"type":"sell"}"#;
    for (line, message) in [
        ("POST /bazaar/orders", "could not trade stock"),
        ("POST /bazaar/order/1/sell", "could not trade stock"),
        ("POST /bazaar/catalog/update", "failed to update stock"),
    ] {
        assert_eq!(app.json(line, full).await.line(), refused(409, message), "{line}");
    }
    assert_eq!((left(&app, "GameStart").await, left(&app, "FishCo").await), (0, 100));
    let sold = app
        .json(
            "POST /bazaar/orders",
            r#"{"name":"GameStart","quantity":2,"type":"sell"}"#,
        )
        .await;
    assert_eq!(
        sold.line(),
        r#"200 {"data":{"order_number":1,"transaction-number":1,"transaction_number":1}}"#
    );
    assert_eq!(left(&app, "GameStart").await, 2);
}

#[tokio::test]
async fn an_invalid_trade_is_refused_by_the_name_of_its_member() {
    let app = RestApp::open().await;
    let quantities = [
        "1.0",
        "1e0",
        "\"1\"",
        "true",
        "null",
        "0",
        "-1",
        "2147483648",
        "99999999999999999999",
        "[1]",
        "{}",
        "1.5",
    ];
    let names = ["7", "null", "true", "[\"GameStart\"]", "\"\"", "\"  \""];
    for (line, also) in TRADES {
        for quantity in quantities {
            let body = format!(r#"{{"name":"GameStart","quantity":{quantity}{also}}}"#);
            let answered = app.json(line, &body).await;
            let message = answered.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(
                answered.status == 400 && message.starts_with("quantity must "),
                "{line} {body}: {}",
                answered.text
            );
        }
        for name in names {
            let body = format!(r#"{{"name":{name},"quantity":1{also}}}"#);
            let answered = app.json(line, &body).await;
            let message = answered.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(
                answered.status == 400 && message.starts_with("name must "),
                "{line} {body}: {}",
                answered.text
            );
        }
        let empty = app.json(line, "{}").await;
        let missing = match also {
            "" => "name is required; quantity is required",
            _ => "name is required; quantity is required; type is required",
        };
        assert_eq!(empty.line(), refused(400, missing), "{line}");
    }
    for kind in [
        "\"hold\"",
        "\"BUY\"",
        "\"Sell\"",
        "\" buy \"",
        "\"\"",
        "1",
        "null",
        "true",
        "[\"buy\"]",
    ] {
        for line in ["POST /bazaar/orders", "POST /bazaar/catalog/update"] {
            let body = format!(r#"{{"name":"GameStart","quantity":1,"type":{kind}}}"#);
            let answered = app.json(line, &body).await;
            let message = answered.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(
                answered.status == 400 && message.starts_with("type must "),
                "{line} {body}: {}",
                answered.text
            );
        }
    }
    nothing_happened(&app).await;
}

#[tokio::test]
async fn a_trade_can_be_sent_as_a_form() {
    let app = RestApp::open().await;
    let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let send = async |body: &'static str| app.send("POST /bazaar/orders", &form, body).await.line();
    assert_eq!(
        send("name=GameStart&quantity=10&type=buy&more=x").await,
        r#"200 {"data":{"order_number":0,"transaction-number":0,"transaction_number":0}}"#
    );
    assert_eq!(left(&app, "GameStart").await, 90);
    for (body, message) in [
        ("", "name is required; quantity is required; type is required"),
        ("name=GameStart&quantity=1.0&type=buy", "quantity must be an integer"),
        ("name=GameStart&quantity=&type=buy", "quantity must be an integer"),
        (
            "name=GameStart&quantity=0&type=buy",
            "quantity must be from 1 to 2147483647",
        ),
        (
            "name=GameStart&quantity=1&quantity=2&type=buy",
            "quantity must be given once",
        ),
        ("name=GameStart&quantity=1&type=hold", "type must be one of buy, sell"),
        ("name=%ff&quantity=1&type=buy", "name must be percent-encoded UTF-8"),
    ] {
        assert_eq!(send(body).await, refused(400, message), "{body}");
    }
    for line in ["POST /bazaar/catalog/update", "POST /bazaar/order/1/buy"] {
        let answered = app.send(line, &form, "name=GameStart&quantity=1&type=buy").await;
        assert_eq!(
            answered.line(),
            refused(415, "the body must be application/json"),
            "{line}"
        );
    }
    assert_eq!((trades(&app).await, left(&app, "GameStart").await), (1, 90));
}
