//! Test support: a bank on a database file of its own, and four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;

use contract::{Result, Tx, Viewer};
use entities::authorization::{Grant, LentAsset};
use entities::brokerage_order::{self, NewAutomatedOrder};
use entities::side::Side;
use entities::stock::{self, NewStock};
use entities::{lending, order_reserve, user};
use serde_json::Value;
pub use testing::{NEW_YEAR_US, admin, code, member, service};
use testing::{TestDomain, TestServices};

pub const ADA: i64 = 1;
pub const BEN: i64 = 2;
pub const CLEO: i64 = 3;
pub const DAN: i64 = 4;

/// Microseconds in an hour.
pub const HOUR_US: i64 = 3_600_000_000;

pub struct Bank(TestDomain);

impl Deref for Bank {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Bank {
    /// Returns a bank in which no person has a wallet.
    pub async fn new() -> Self {
        let services = TestServices::new(NEW_YEAR_US).await;
        let bank = Self(TestDomain::new(services, wallet::schema));
        for name in ["ada", "ben", "cleo", "dan"] {
            let join = async move |tx: &Tx| Ok(user::insert(tx, user::Model::with_username(name, NEW_YEAR_US)).await?);
            assert!(bank.write(join).await.is_ok());
        }
        bank
    }

    /// Returns a bank in which ada has 100.00 USD.
    pub async fn with_money() -> Self {
        let bank = Self::new().await;
        bank.deposit(ADA, "100.00").await;
        bank
    }

    /// Executes a change of another domain in one transaction.
    pub async fn write<T: Send + 'static>(&self, change: impl AsyncFn(&Tx) -> Result<T> + Send + 'static) -> T {
        self.services.db.write(change).await.unwrap()
    }

    /// Deposits that many USD for a person; returns the transaction's id.
    pub async fn deposit(&self, person: i64, amount: &str) -> String {
        self.moved(person, "deposit", amount).await
    }

    /// Withdraws that many USD for a person; returns the transaction's id.
    pub async fn withdraw(&self, person: i64, amount: &str) -> String {
        self.moved(person, "withdraw", amount).await
    }

    async fn moved(&self, person: i64, field: &str, amount: &str) -> String {
        let answer = self.change(&member(person), &movement(field, amount)).await;
        let id = &answer["data"][field]["id"];
        id.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Executes a mutation of one field and returns the response.
    pub async fn change(&self, viewer: &Viewer, field: &str) -> Value {
        self.ask(viewer, &format!("mutation {{ {field} }}")).await
    }

    /// Returns `fields` of an entity as that viewer sees them, with the code of the first error.
    pub async fn entity(&self, viewer: &Viewer, typename: &str, id: &str, fields: &str) -> (Value, String) {
        let document = format!(
            r#"{{ _entities(representations: [{{ __typename: "{typename}", id: "{id}" }}]) {{ ... on {typename} {{ {fields} }} }} }}"#
        );
        let answer = self.ask(viewer, &document).await;
        (answer["data"]["_entities"][0].clone(), code(&answer).to_owned())
    }

    /// Returns `fields` of a person's wallet in USD as the person sees them.
    pub async fn wallet(&self, person: i64, fields: &str) -> Value {
        let asked = format!("wallet {{ {fields} }}");
        let (found, code) = self.entity(&member(person), "User", &person.to_string(), &asked).await;
        assert_eq!(code, "OK", "{fields}");
        found["wallet"].clone()
    }

    /// Balance, committed, lent and held of a person's wallet in USD.
    pub async fn parts(&self, person: i64) -> [String; 4] {
        let wallet = self.wallet(person, "balance committed lent held").await;
        ["balance", "committed", "lent", "held"].map(|part| amount(&wallet[part]))
    }

    /// The signed amounts of a list of transactions of a person's wallet in USD: `transactions(first: 2)`.
    pub async fn amounts(&self, person: i64, list: &str) -> Vec<String> {
        let wallet = self
            .wallet(person, &format!("list: {list} {{ nodes {{ amount }} }}"))
            .await;
        nodes(&wallet["list"])
            .iter()
            .map(|node| amount(&node["amount"]))
            .collect()
    }

    /// Lends ada's money to ben until an hour after the start; returns the authorization's id.
    pub async fn lend(&self, minor: i64) -> i64 {
        let grant = Grant {
            lent: LentAsset::Capital("USD".into()),
            investor_id: ADA,
            broker_id: BEN,
            amount: minor,
            starts_at_us: NEW_YEAR_US,
            ends_at_us: NEW_YEAR_US + HOUR_US,
            fee_basis_points: 100,
            accepts_higher_fee: false,
        };
        let lent = self
            .write(async move |tx| Ok(lending::grant(tx, &grant, NEW_YEAR_US).await?))
            .await;
        lent.0.authorization.id
    }

    /// Places ada's order for a share at 30.00 at most, which expires an hour after the start; returns the order's id.
    pub async fn order(&self) -> i64 {
        self.write(async |tx| {
            let stock = match stock::by_name(tx, "FishCo").await? {
                Some(stock) => stock.id,
                None => stock::add(tx, fish(), NEW_YEAR_US).await?.unwrap().id,
            };
            let automated = NewAutomatedOrder {
                side: Side::Buy,
                stock_id: stock,
                quantity: 1,
                limit_minor: 3_000,
                currency: "USD".into(),
                investor_id: ADA,
                expires_at_us: Some(NEW_YEAR_US + HOUR_US),
            };
            let order = brokerage_order::place(tx, &automated, 10, NEW_YEAR_US).await?;
            order_reserve::reserve(tx, &order, NEW_YEAR_US).await?;
            Ok(order.id)
        })
        .await
    }
}

fn fish() -> NewStock {
    NewStock {
        name: "FishCo".into(),
        price_minor: 3_500,
        currency: "USD".into(),
        quantity: 10,
    }
}

/// Returns the field of a mutation that moves that many USD.
pub fn movement(field: &str, amount: &str) -> String {
    format!(r#"{field}(amount: {{ amount: "{amount}", currency: "USD" }}) {{ id }}"#)
}

/// Returns the amount of a `Money`.
pub fn amount(money: &Value) -> String {
    money["amount"].as_str().unwrap_or_else(|| panic!("{money}")).to_owned()
}

/// The nodes of a connection.
pub fn nodes(connection: &Value) -> &Vec<Value> {
    connection["nodes"].as_array().unwrap_or_else(|| panic!("{connection}"))
}
