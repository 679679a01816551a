//! Test support for lending: investors, brokers, their money and shares, and reads of the tables.

use std::ops::Deref;
use std::time::Duration;

use contract::{EventStream, Tx};
use entities::holding::{self, Bucket as Shares};
use entities::ledger::{self, Account, Bucket, Kind, Movement};
use entities::stock::{self, NewStock};
use entities::{authorization, wallet};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{Answer, App, PASSWORD, Person};

/// The fields of an authorization that the tests select.
pub const SHOWN: &str = "{ id kind investor { username } broker { username } holding { id } holdingId stock { id }
    remaining remainingShares startsAt endsAt endedAt active }";

/// Accounts with people of the brokerage: ada lends 1,000.00 USD and 30 shares, 10 of them set aside for brokers, to ben
/// or cid; eve is an investor who has nothing.
pub struct Brokerage {
    pub app: App,
    pub ada: Person,
    pub ben: Person,
    pub cid: Person,
    pub eve: Person,
    /// Ada's shares.
    pub holding: i64,
    /// Eve's holding, which is empty.
    pub others_holding: i64,
    /// The stock of both holdings.
    pub stock: i64,
}

impl Deref for Brokerage {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

impl Brokerage {
    pub async fn new() -> Self {
        let app = App::new().await;
        let investor = json!({"role": "INVESTOR"});
        let broker = json!({"role": "BROKER", "brokerageFeePercent": 1});
        let ada = joined(&app, "ada", &investor).await;
        let ben = joined(&app, "ben", &broker).await;
        let cid = joined(&app, "cid", &broker).await;
        let eve = joined(&app, "eve", &investor).await;
        let now_us = app.services.clock.now_us();
        let (ada_id, eve_id) = (ada.id, eve.id);
        let stocked = app.services.db.write(async move |tx: &Tx| {
            let legs = [
                (Account::Outside, -100_000),
                (Account::Of(ada_id, Bucket::Balance), 100_000),
            ];
            ledger::post(tx, Movement::of(Kind::Deposit, "USD"), &legs, now_us).await?;
            let new = NewStock {
                name: "FishCo".into(),
                price_minor: 1_999,
                currency: "USD".into(),
                quantity: 100,
            };
            let stock = stock::add(tx, new, now_us).await?.unwrap();
            let shares = holding::add(tx, ada_id, stock.id, Shares::Free, 30).await?;
            let others = holding::add(tx, eve_id, stock.id, Shares::Free, 5).await?;
            holding::commit(tx, shares.id, 10).await?.unwrap();
            Ok((stock.id, shares.id, others.id))
        });
        let (stock, holding, others_holding) = stocked.await.unwrap();
        Self {
            app,
            ada,
            ben,
            cid,
            eve,
            holding,
            others_holding,
            stock,
        }
    }

    /// The time in that many days.
    pub fn in_days(&self, days: i64) -> Value {
        let at_us = self.services.clock.now_us() + days * 24 * 3600 * 1_000_000;
        json!(
            contract::rfc3339(at_us)
                .utc()
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        )
    }

    pub fn days_pass(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 24 * 3600));
    }

    /// The input that lends money to ben for ten days.
    pub fn money(&self, amount: &str) -> Value {
        json!({"kind": "CAPITAL", "broker": self.ben.id, "amount": {"amount": amount, "currency": "USD"}, "endsAt": self.in_days(10)})
    }

    /// The input that lends shares to ben for ten days.
    pub fn shares(&self, shares: i64) -> Value {
        json!({"kind": "STOCK_HOLDING", "broker": self.ben.id, "holding": self.holding, "shares": shares, "endsAt": self.in_days(10)})
    }

    pub async fn grant(&self, who: &Person, input: Value) -> Answer {
        self.grant_with(who, input, None).await
    }

    pub async fn grant_with(&self, who: &Person, input: Value, key: Option<&str>) -> Answer {
        let document = format!(
            "mutation($input: GrantInput!, $key: String) {{
                grantAuthorization(input: $input, idempotencyKey: $key) {{ created authorization {SHOWN} }} }}"
        );
        self.ask(&who.who, &document, json!({"input": input, "key": key})).await
    }

    /// Grants an authorization of ada's and returns its id.
    pub async fn granted(&self, input: Value) -> i64 {
        let answer = self.grant(&self.ada, input).await;
        let id = answer.at("/grantAuthorization/authorization/id");
        id.as_str().unwrap().parse().unwrap()
    }

    pub async fn revoke(&self, who: &Person, id: i64) -> Answer {
        let document = format!("mutation {{ revokeAuthorization(id: {id}) {SHOWN} }}");
        self.ask(&who.who, &document, json!({})).await
    }

    /// Returns the authorization as `who` sees it.
    pub async fn seen(&self, who: &Person, id: i64) -> Value {
        let document = format!("{{ authorization(id: {id}) {SHOWN} }}");
        self.ask(&who.who, &document, json!({}))
            .await
            .at("/authorization")
            .clone()
    }

    /// Returns the ids of a person's own list.
    pub async fn listed(&self, who: &Person, arguments: &str) -> Vec<i64> {
        let document = format!("{{ me {{ authorizations{arguments} {{ nodes {{ id }} }} }} }}");
        let answer = self.ask(&who.who, &document, json!({})).await;
        let nodes = answer.at("/me/authorizations/nodes").as_array().unwrap();
        let id = |node: &Value| node["id"].as_str().unwrap().parse().unwrap();
        nodes.iter().map(id).collect()
    }

    /// Returns ada's money: free and lent, in cents. Checks that the sum is what she started with.
    pub async fn money_of_ada(&self) -> [i64; 2] {
        let wallet = wallet::of(self.services.db.read(), self.ada.id, "USD")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(wallet.balance_minor + wallet.lent_minor, 100_000);
        [wallet.balance_minor, wallet.lent_minor]
    }

    /// Ada's shares: free, set aside and lent.
    pub async fn shares_of_ada(&self) -> [i64; 3] {
        let holding = holding::of(self.services.db.read(), self.ada.id, self.stock)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(holding.free + holding.committed + holding.lent, 30);
        [holding.free, holding.committed, holding.lent]
    }

    /// Returns all authorizations.
    pub async fn all(&self) -> Vec<authorization::Model> {
        authorization::Entity::find()
            .all(self.services.db.read())
            .await
            .unwrap()
    }

    /// Uses that amount of the authorization, as a broker's order would.
    pub async fn used(&self, id: i64, amount: i64) {
        let now_us = self.services.clock.now_us();
        let used = self.services.db.write(async move |tx: &Tx| {
            let now = authorization::Entity::find_by_id(id).one(tx).await?.unwrap();
            let authorization = authorization::spend(tx, &now, amount, now_us).await?;
            match authorization.stock_id {
                None => {
                    let legs = [
                        (Account::Of(authorization.investor_id, Bucket::Lent), -amount),
                        (Account::Exchange, amount),
                    ];
                    ledger::post(tx, Movement::of(Kind::Purchase, "USD"), &legs, now_us).await?;
                }
                Some(stock) => {
                    holding::take(tx, authorization.investor_id, stock, Shares::Lent, amount).await?;
                }
            }
            Ok(())
        });
        used.await.unwrap();
    }
}

async fn joined(app: &App, username: &str, more: &Value) -> Person {
    let mut input = json!({"username": username, "email": format!("{username}@example.com"), "password": PASSWORD});
    let members = input.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    app.register(input).await.person(app, "register")
}

/// Returns the types and keys that the events invalidate.
pub fn invalidated(events: &mut EventStream) -> Vec<(&'static str, String)> {
    let invalidation = |event| match event {
        contract::Event::Invalidated { typename, key, .. } => Some((typename, key)),
        _ => None,
    };
    testing::heard(events).into_iter().filter_map(invalidation).collect()
}
