//! Test support: a bank on a database file of its own, and four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;

use contract::{Result, Tx, Viewer};
use entities::authorization::{Grant, LentAsset};
use entities::brokerage_order::{self, NewAutomatedOrder};
use entities::side::Side;
use entities::stock::{self, NewStock};
use entities::{lending, order_reserve};
use serde_json::{Value, json};
use testing::{Answer, TestDomain, TestServices};
pub use testing::{NEW_YEAR_US, admin, member, service};

/// Deposits money: `amount`, and perhaps an idempotency key.
pub const DEPOSIT: &str = "mutation($amount: Money!, $key: String) {
    moved: deposit(amount: $amount, idempotencyKey: $key) {
        id type account amount balanceAfter at walletId userId order { id } authorization { id }
    }
}";

/// Withdraws money, as [`DEPOSIT`] does.
pub const WITHDRAW: &str = "mutation($amount: Money!, $key: String) {
    moved: withdraw(amount: $amount, idempotencyKey: $key) {
        id type account amount balanceAfter at walletId userId order { id } authorization { id }
    }
}";

/// Sets a balance: `user`, `balance` and perhaps `committed`.
pub const SET_BALANCE: &str = "mutation($user: ID!, $balance: Money!, $committed: Money) {
    setBalance(userId: $user, balance: $balance, committed: $committed) { balance committed }
}";

/// A page of the transactions of a person's wallet in USD: `of`, and any of the list's arguments.
pub const TRANSACTIONS: &str = "query($of: [_Any!]!, $type: TransactionType, $types: [TransactionType!],
        $account: WalletAccount, $first: Int, $last: Int, $after: String, $before: String) {
    _entities(representations: $of) { ... on User { id wallet {
        transactions(type: $type, types: $types, account: $account,
                first: $first, last: $last, after: $after, before: $before) {
            nodes { amount } pageInfo { hasNextPage endCursor }
        }
    } } }
}";

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
            bank.add_user(name).await;
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
        self.moved(person, DEPOSIT, amount).await
    }

    /// Withdraws that many USD for a person; returns the transaction's id.
    pub async fn withdraw(&self, person: i64, amount: &str) -> String {
        self.moved(person, WITHDRAW, amount).await
    }

    async fn moved(&self, person: i64, transfer: &str, amount: &str) -> String {
        let answer = self.change(&member(person), transfer, &of(usd(amount))).await;
        answer.text("moved.id").to_owned()
    }

    /// Executes a mutation and returns the response.
    pub async fn change(&self, viewer: &Viewer, mutation: &str, args: &Value) -> Answer {
        self.client(viewer).query(mutation, args.clone()).await
    }

    /// Returns `fields` of an entity as that viewer sees them, with the code of the first error.
    pub async fn entity(&self, viewer: &Viewer, typename: &str, id: &str, fields: &str) -> (Value, String) {
        let document = format!(
            r#"{{ _entities(representations: [{{ __typename: "{typename}", id: "{id}" }}]) {{ ... on {typename} {{ {fields} }} }} }}"#
        );
        let answer = self.client(viewer).query(&document, json!({})).await;
        (answer["data"]["_entities"][0].clone(), answer.code().to_owned())
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

    /// Reads a page of the transactions of a person's wallet in USD, by these arguments of the list.
    pub async fn transactions(&self, person: i64, mut args: Value) -> Answer {
        args["of"] = json!([{ "__typename": "User", "id": person.to_string() }]);
        self.member(person).query(TRANSACTIONS, args).await
    }

    /// The signed amounts of such a page.
    pub async fn amounts(&self, person: i64, args: Value) -> Vec<String> {
        let page = self.transactions(person, args).await;
        let amounts = page.all("_entities.0.wallet.transactions.nodes.*.amount");
        amounts.into_iter().map(amount).collect()
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

/// That amount of US dollars.
pub fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}

/// The arguments of a transfer of that amount.
pub fn of(amount: Value) -> Value {
    json!({ "amount": amount })
}

/// Returns the amount of a `Money`.
pub fn amount(money: &Value) -> String {
    money["amount"].as_str().unwrap_or_else(|| panic!("{money}")).to_owned()
}

/// The nodes of a connection.
pub fn nodes(connection: &Value) -> &Vec<Value> {
    connection["nodes"].as_array().unwrap_or_else(|| panic!("{connection}"))
}
