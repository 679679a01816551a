//! `Idempotency-Key` on the routes that trade.

use super::{TRADES, left, refused, trades};
use crate::app::RestApp;

#[tokio::test]
async fn one_key_trades_once_and_repeats_its_response() {
    for (line, also) in TRADES {
        let app = RestApp::open().await;
        let send = async |key: &str, quantity: i64| {
            let body = format!(r#"{{"name":"GameStart","quantity":{quantity}{also}}}"#);
            app.send(line, &[("idempotency-key", key)], body).await
        };
        let first = send("k1", 2).await;
        assert_eq!(first.status, 200, "{line}");
        let (shares, numbers) = (left(&app, "GameStart").await, trades(&app).await);
        assert!(shares == 98 || shares == 102, "{line}: {shares}");
        // A later trade does not change the first response.
        assert_eq!(send("k2", 2).await.status, 200, "{line}");
        let between = left(&app, "GameStart").await;
        assert_eq!(send("k1", 2).await.line(), first.line(), "{line}");
        assert_eq!(
            send("k1", 3).await.line(),
            refused(422, "this idempotency key was used for another request"),
            "{line}"
        );
        assert_eq!(
            (left(&app, "GameStart").await, trades(&app).await),
            (between, numbers * 2),
            "{line}"
        );
        assert_eq!(between - 100, (shares - 100) * 2, "{line}");
    }
}

#[tokio::test]
async fn a_refused_trade_leaves_its_key_unused() {
    let app = RestApp::open().await;
    let send = async |body: &'static str| {
        let key = [("idempotency-key", "k1")];
        app.send("POST /bazaar/orders", &key, body).await.line()
    };
    let not_found = refused(404, "requested stock could not be traded because it could not be found");
    assert_eq!(
        send(r#"{"name":"Unlisted","quantity":1,"type":"buy"}"#).await,
        not_found
    );
    let too_many = send(r#"{"name":"GameStart","quantity":101,"type":"buy"}"#).await;
    assert_eq!(too_many, refused(409, "could not trade stock"));
    let sold = send(r#"{"name":"GameStart","quantity":1,"type":"sell"}"#).await;
    assert_eq!(
        sold,
        r#"200 {"data":{"order_number":0,"transaction-number":0,"transaction_number":0}}"#
    );
    let long = "x".repeat(256);
    for key in ["", " ", long.as_str()] {
        let body = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
        let answered = app.send("POST /bazaar/orders", &[("idempotency-key", key)], body).await;
        assert_eq!(answered.status, 400, "{key:?}: {}", answered.text);
    }
}

#[tokio::test]
async fn the_front_end_and_its_replica_share_their_keys() {
    let app = RestApp::open().await;
    let key = [("idempotency-key", "k1")];
    let body = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
    let front = app.send("POST /bazaar/orders", &key, body).await.json();
    let behind = app.send("POST /bazaar/order/1/buy", &key, body).await.json();
    assert_eq!((front["data"].clone(), trades(&app).await), (behind, 1));
}
