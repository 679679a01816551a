//! A brokerage with the sample people and the sample stocks, but without money.

use agora::config::Settings;
use agora::gateway::Gateway;
use agora::limits::Limits;
use agora::rest;
use agora::rest_access::AnonymousAccess;
use axum::Router;
use contract::{ManualClock, Role};
use serde_json::{Value, json};
use testing::{Client, TestServices};

use crate::app::{NOW_US, TestResponse, gateway, send};
use crate::graph_client::client;

/// The time of the tests.
pub const NOW: &str = "2026-01-02T03:04:05+00:00";
/// The end of authorizations in these tests.
pub const LATER: &str = "2027-01-02T03:04:05+00:00";
/// The password of the people that these tests register.
pub const PASSWORD: &str = "correct horse";

/// The sample people by their ids: an investor, a broker whose fee is 1 %, members of other systems.
pub const ADA: i64 = 1;
pub const BEN: i64 = 2;
pub const CLEO: i64 = 3;
pub const ADMIN: i64 = 5;

/// MenhirCo at 9.99, of which the exchange has 100 shares.
pub const MENHIR: i64 = 4;

/// A caller, as the headers of its requests.
#[derive(Clone, Debug)]
pub struct TestCaller(pub Vec<(String, String)>);

impl TestCaller {
    /// Returns the same caller with an idempotency key.
    pub fn key(&self, key: &str) -> Self {
        let mut headers = self.0.clone();
        headers.push(("idempotency-key".to_owned(), key.to_owned()));
        Self(headers)
    }
}

/// The brokerage.
pub struct BrokerageApp {
    pub gateway: Gateway,
    pub router: Router,
    pub on: TestServices,
}

impl BrokerageApp {
    /// Opens the brokerage with the `Closed` policy.
    pub async fn new() -> Self {
        Self::with(AnonymousAccess::Closed, async |on| {
            accounts::demo::seed(&on.services).await.unwrap();
            exchange::demo::seed(&on.services).await.unwrap();
        })
        .await
    }

    /// Opens the brokerage with that policy and these data.
    pub async fn with(open: AnonymousAccess, seed: impl AsyncFnOnce(&TestServices)) -> Self {
        let on = TestServices::new(NOW_US).await;
        seed(&on).await;
        let mut settings = Settings::default();
        settings.accounts.argon2_memory_kib = 8;
        settings.accounts.argon2_passes = 1;
        settings.accounts.hashing_wait_ms_max = 60_000;
        let gateway = gateway(&on.services, &settings, Limits::default());
        let router = rest::router(&gateway, open);
        Self { gateway, router, on }
    }

    pub fn clock(&self) -> &ManualClock {
        &self.on.clock
    }

    /// Returns a caller without a token.
    pub fn anonymous(&self) -> TestCaller {
        TestCaller(Vec::new())
    }

    /// Returns a caller with this token.
    pub fn token(&self, token: &str) -> TestCaller {
        TestCaller(vec![("authorization".to_owned(), format!("Bearer {token}"))])
    }

    pub fn ada(&self) -> TestCaller {
        self.person(ADA, Role::Investor)
    }

    pub fn ben(&self) -> TestCaller {
        self.person(BEN, Role::Broker)
    }

    pub fn cleo(&self) -> TestCaller {
        self.person(CLEO, Role::Member)
    }

    /// Returns a service with a credential.
    pub fn service(&self) -> TestCaller {
        let (token, _) = self.on.services.keys.sign_service("back office", NOW_US, 3600);
        self.token(&token)
    }

    pub fn person(&self, id: i64, role: Role) -> TestCaller {
        let admin = id == ADMIN;
        let (token, _) = self.on.services.keys.sign_user(id, role, admin, 1, NOW_US, 3600);
        self.token(&token)
    }

    /// Registers a person of that type, and returns the new id and the caller.
    pub async fn register(&self, name: &str, kind: &str) -> (i64, TestCaller) {
        let mut body = json!({
            "name": name, "surname": "Test", "email": format!("{name}@example.com"), "password": PASSWORD, "type": kind,
        });
        if kind == "broker" {
            body["brokerageFee"] = json!(2.5);
        }
        let registered = self
            .call(&self.anonymous(), "POST /users/register", &body.to_string())
            .await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        let role = if kind == "broker" { Role::Broker } else { Role::Investor };
        let id = registered.json()["id"].as_i64().unwrap();
        (id, self.person(id, role))
    }

    /// Sends `METHOD /path` inside the mount.
    pub async fn call(&self, caller: &TestCaller, line: &str, body: &str) -> TestResponse {
        let headers: Vec<(&str, &str)> = caller
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let (method, path) = line.split_once(' ').unwrap();
        send(
            &self.router,
            &format!("{method} /brokerage{path}"),
            &headers,
            body.to_owned(),
        )
        .await
    }

    pub async fn get(&self, caller: &TestCaller, path: &str) -> TestResponse {
        self.call(caller, &format!("GET {path}"), "").await
    }

    /// As [`call`](Self::call), for requests that must succeed; returns the body.
    pub async fn done(&self, caller: &TestCaller, line: &str, body: &str) -> Value {
        let answered = self.call(caller, line, body).await;
        assert!(
            (200..300).contains(&answered.status),
            "{line} {body}: {}",
            answered.line()
        );
        answered.json()
    }

    /// Returns Ada's client for the graph itself, for mutations that have no route in the mount.
    pub fn graph(&self) -> Client {
        let ada = contract::Viewer::User {
            id: ADA,
            role: Role::Investor,
            admin: false,
        };
        client(self.gateway.graph.clone(), ada)
    }

    /// Deposits 77 euros into Ada's wallet through the graph, and returns the id of the transaction.
    pub async fn deposit_euros(&self) -> i64 {
        let deposit = r#"mutation { deposit(amount: { amount: "77.00", currency: "EUR" }) { id } }"#;
        self.graph().query(deposit, json!({})).await.id("deposit.id")
    }

    /// Deposits money into the caller's wallet.
    pub async fn deposit(&self, caller: &TestCaller, amount: &str) {
        let body = format!(r#"{{"type":"deposit","amount":{amount}}}"#);
        self.done(caller, "POST /transactions", &body).await;
    }

    /// Returns the caller's free, committed and held money.
    pub async fn money(&self, caller: &TestCaller) -> String {
        let balance = self.done(caller, "GET /balance", "").await;
        let shown = ["balance", "committedBalance", "heldBalance"].map(|name| balance[name].to_string());
        shown.join(" ")
    }

    /// Returns the free and committed shares of the caller's holdings.
    pub async fn shares(&self, caller: &TestCaller) -> String {
        let holdings = self.done(caller, "GET /stockholdings", "").await;
        let shown = holdings.as_array().unwrap().iter().map(|holding| {
            assert_eq!(holding["committedAmount"], holding["commitedAmount"]);
            format!("{} {}", holding["amount"], holding["committedAmount"])
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Buys shares of MenhirCo and returns the id of the order.
    pub async fn buy(&self, caller: &TestCaller, quantity: i64) -> i64 {
        let body = format!(r#"{{"type":"PURCHASE","stockId":{MENHIR},"stockAmount":{quantity}}}"#);
        let order = self.done(caller, "POST /orders", &body).await;
        order["id"].as_i64().unwrap()
    }

    /// Grants Ben an authorization of Ada's money and returns its id.
    pub async fn lend_money(&self, amount: &str) -> i64 {
        let body = format!(r#"{{"type":"CAPITAL","brokerId":{BEN},"amount":{amount},"endDate":"{LATER}"}}"#);
        let granted = self.done(&self.ada(), "POST /authorizations", &body).await;
        granted["id"].as_i64().unwrap()
    }

    /// Grants Ben an authorization of shares of Ada's first holding and returns its id.
    pub async fn lend_shares(&self, shares: i64) -> i64 {
        let body = format!(
            r#"{{"type":"STOCKHOLDING","brokerId":{BEN},"stockHoldingId":1,"amount":{shares},"endDate":"{LATER}"}}"#
        );
        let granted = self.done(&self.ada(), "POST /authorizations", &body).await;
        granted["id"].as_i64().unwrap()
    }
}

/// Returns the line of an error in the brokerage's format.
pub fn refused(status: u16, reason: &str, message: &str) -> String {
    let error = json!({ "error": { "code": status, "message": message, "reason": reason } });
    format!("{status} {error}")
}

/// Returns status and reason of an error, for errors whose message is the graph's.
pub fn reason(answered: &TestResponse) -> (u16, String) {
    let error = answered.json()["error"].clone();
    assert_eq!(error["code"], answered.status, "{}", answered.text);
    let reason = error["reason"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", answered.line()));
    (answered.status, reason.to_owned())
}
