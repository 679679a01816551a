//! Orders that span the exchange, the wallet, the holdings and the accounts.

use serde_json::{Value, json};
use tests::TestApp;

/// Returns an API amount in cents.
fn cents(money: &Value) -> i64 {
    let amount = money["amount"].as_str().expect("an amount");
    amount.replace('.', "").parse().expect("a decimal")
}

#[tokio::test]
async fn an_order_is_read_through_every_affected_domain() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let before = ada
        .query(
            r#"{ me { wallet { balance } } stock(name: "FishCo") { id quantity price } }"#,
            json!({}),
        )
        .await;
    let stock = before.at("stock").clone();

    let placed = ada
        .query(
            "mutation($stock: ID!) { placeOrder(input: { side: BUY, stock: $stock, quantity: 4 }) {
                status total fee
                stock { name quantity myHolding { free committed } }
                investor { username wallet { balance transactions(first: 1) { nodes { type amount order { quantity } } } } }
                exchangeOrder { quantity side price trader { username } } } }",
            json!({ "stock": stock["id"] }),
        )
        .await;

    let paid = 4 * cents(&stock["price"]);
    let order = placed.at("placeOrder");
    assert_eq!(
        (&order["status"], cents(&order["total"]), cents(&order["fee"])),
        (&json!("COMPLETED"), paid, 0)
    );
    assert_eq!(
        order["stock"]["quantity"],
        json!(stock["quantity"].as_i64().expect("a number") - 4)
    );
    assert_eq!(order["stock"]["myHolding"], json!({ "free": 19, "committed": 10 }));
    let wallet = &order["investor"]["wallet"];
    assert_eq!(cents(&wallet["balance"]), cents(before.at("me.wallet.balance")) - paid);
    let last = &wallet["transactions"]["nodes"][0];
    assert_eq!((&last["type"], cents(&last["amount"])), (&json!("PURCHASE"), -paid));
    assert_eq!(last["order"], json!({ "quantity": 4 }));
    let traded = json!({ "quantity": 4, "side": "BUY", "price": stock["price"], "trader": { "username": "ada" } });
    assert_eq!(order["exchangeOrder"], traded);
}

#[tokio::test]
async fn a_portfolio_joins_the_wallet_and_the_holdings() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let whole = ada
        .query(
            "{ me { portfolioValue wallets { balance committed held } holdings { nodes { marketValue } } } }",
            json!({}),
        )
        .await;

    let me = whole.at("me");
    let wallets = me["wallets"].as_array().expect("wallets").iter();
    let money: i64 = wallets
        .map(|wallet| cents(&wallet["balance"]) + cents(&wallet["committed"]) + cents(&wallet["held"]))
        .sum();
    let holdings = me["holdings"]["nodes"].as_array().expect("holdings").iter();
    let shares: i64 = holdings.map(|holding| cents(&holding["marketValue"])).sum();
    assert!(money > 1_000_000 && shares > 100_000, "{me}");
    assert_eq!(cents(&me["portfolioValue"]), money + shares);

    // The value is selected alone, for many people at once, and beside a field that the brokerage itself resolves.
    let alone = ada.query("{ me { portfolioValue } }", json!({})).await;
    assert_eq!(alone.at("me.portfolioValue"), &me["portfolioValue"]);
    let renamed = ada
        .query("{ me { wallets: username worth: portfolioValue } }", json!({}))
        .await;
    assert_eq!(
        *renamed.at("me"),
        json!({ "wallets": "ada", "worth": me["portfolioValue"] })
    );
    let admin = app.signed_in("admin").await;
    let users = admin
        .query("{ users(first: 10) { nodes { username portfolioValue } } }", json!({}))
        .await;
    let of_ada = users.at("users.nodes").as_array().expect("people").iter();
    let of_ada: Vec<_> = of_ada.filter(|person| person["username"] == "ada").collect();
    assert_eq!(of_ada[0]["portfolioValue"], me["portfolioValue"]);
    let owner = ada
        .query(
            "{ me { holdings(first: 1) { nodes { owner { portfolioValue } } } } }",
            json!({}),
        )
        .await;
    let owner = owner.at("me.holdings.nodes.0.owner.portfolioValue");
    assert_eq!(owner, &me["portfolioValue"]);
}

#[tokio::test]
async fn the_possessions_of_a_user_are_hidden_from_others() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let possessions = r#"{ user(username: "ada") {
        username portfolioValue holdings { nodes { id } } brokerageOrders { nodes { id } } } }"#;
    let answer = cleo.query(possessions, json!({})).await;
    let nothing = json!({ "username": "ada", "portfolioValue": null, "holdings": null, "brokerageOrders": null });
    assert_eq!(answer["data"]["user"], nothing);
    assert_eq!(answer.code(), "FORBIDDEN", "{answer}");
    let answer = cleo
        .query(
            r#"{ holding(id: "1") { free } brokerageOrder(id: "1") { quantity } }"#,
            json!({}),
        )
        .await;
    assert_eq!(*answer.at(""), json!({ "holding": null, "brokerageOrder": null }));
    let answer = cleo
        .query(
            r#"{ user(username: "ada") { wallets: username worth: portfolioValue } }"#,
            json!({}),
        )
        .await;
    assert_eq!(answer["data"]["user"], json!({ "wallets": "ada", "worth": null }));
    let errors = answer["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 1, "{answer}");
    assert_eq!(errors[0]["path"], json!(["user", "worth"]));
}
