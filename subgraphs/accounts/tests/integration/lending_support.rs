//! Test support for lending: investors, brokers, their money and shares, and reads of the tables.

use std::ops::Deref;
use std::time::Duration;

use contract::{EventStream, Tx};
use entities::holding::{self, ShareBucket};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use entities::stock::{self, NewStock};
use entities::{authorization, wallet};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use testing::Answer;

use crate::support::{AccountsDomain, PASSWORD, SignedIn, SignedInUser};

/// The fields of an authorization that the tests select.
macro_rules! shown {
    () => {
        "{ id kind investor { username } broker { username } holding { id } holdingId stock { id }
    remaining remainingShares startsAt endsAt endedAt active }"
    };
}

/// Grants an authorization: `input`, and perhaps an idempotency key.
pub const GRANT: &str = concat!(
    "mutation($input: GrantInput!, $key: String) {
        grantAuthorization(input: $input, idempotencyKey: $key) { created authorization ",
    shown!(),
    " } }"
);

/// Revokes an authorization: `id`.
pub const REVOKE: &str = concat!("mutation($id: ID!) { revokeAuthorization(id: $id) ", shown!(), " }");

/// The caller's own authorizations, by any of the list's arguments.
const OWN: &str = "query($active: Boolean, $first: Int, $last: Int, $after: String) {
    me { authorizations(active: $active, first: $first, last: $last, after: $after) { nodes { id } } }
}";

const AUTHORIZATION: &str = concat!("query($id: ID!) { authorization(id: $id) ", shown!(), " }");

/// Accounts with people of the brokerage: ada lends 1,000.00 USD and 30 shares, 10 of them set aside for brokers, to ben
/// or cid; eve is an investor who has nothing.
pub struct LendingFixture {
    pub domain: AccountsDomain,
    pub ada: SignedInUser,
    pub ben: SignedInUser,
    pub cid: SignedInUser,
    pub eve: SignedInUser,
    /// Ada's shares.
    pub holding: i64,
    /// Eve's holding, which is empty.
    pub others_holding: i64,
    /// The stock of both holdings.
    pub stock: i64,
}

impl Deref for LendingFixture {
    type Target = AccountsDomain;
    fn deref(&self) -> &AccountsDomain {
        &self.domain
    }
}

impl LendingFixture {
    pub async fn new() -> Self {
        let domain = AccountsDomain::new().await;
        let investor = json!({"role": "INVESTOR"});
        let broker = json!({"role": "BROKER", "brokerageFeePercent": 1});
        let ada = register_with(&domain, "ada", &investor).await;
        let ben = register_with(&domain, "ben", &broker).await;
        let cid = register_with(&domain, "cid", &broker).await;
        let eve = register_with(&domain, "eve", &investor).await;
        let now_us = domain.services.clock.now_us();
        let (ada_id, eve_id) = (ada.id, eve.id);
        let stocked = domain.services.db.write(async move |tx: &Tx| {
            let legs = [
                (Account::Outside, -100_000),
                (Account::Wallet(ada_id, Bucket::Balance), 100_000),
            ];
            ledger::post(
                tx,
                LedgerTransaction::new(TransactionKind::Deposit, "USD"),
                &legs,
                now_us,
            )
            .await?;
            let new = NewStock {
                name: "FishCo".into(),
                price_minor: 1_999,
                currency: "USD".into(),
                quantity: 100,
            };
            let stock = stock::add(tx, new, now_us).await?.unwrap();
            let shares = holding::add(tx, ada_id, stock.id, ShareBucket::Free, 30).await?;
            let others = holding::add(tx, eve_id, stock.id, ShareBucket::Free, 5).await?;
            holding::commit(tx, shares.id, 10).await?.unwrap();
            Ok((stock.id, shares.id, others.id))
        });
        let (stock, holding, others_holding) = stocked.await.unwrap();
        Self {
            domain,
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
            contract::to_date_time(at_us)
                .utc()
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        )
    }

    pub fn advance_days(&self, days: u64) {
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

    pub async fn grant(&self, user: &SignedInUser, input: Value) -> Answer {
        self.grant_with(user, input, None).await
    }

    pub async fn grant_with(&self, user: &SignedInUser, input: Value, key: Option<&str>) -> Answer {
        self.query(&user.caller, GRANT, json!({"input": input, "key": key}))
            .await
    }

    /// Grants an authorization of ada's and returns its id.
    pub async fn grant_id(&self, input: Value) -> i64 {
        let answer = self.grant(&self.ada, input).await;
        answer.id("grantAuthorization.authorization.id")
    }

    pub async fn revoke(&self, user: &SignedInUser, id: i64) -> Answer {
        self.query(&user.caller, REVOKE, json!({"id": id})).await
    }

    /// Returns the authorization as `user` sees it.
    pub async fn authorization_for(&self, user: &SignedInUser, id: i64) -> Value {
        self.query(&user.caller, AUTHORIZATION, json!({"id": id}))
            .await
            .at("authorization")
            .clone()
    }

    /// Returns the ids of a person's own list.
    pub async fn own_authorization_ids(&self, user: &SignedInUser, args: Value) -> Vec<i64> {
        let answer = self.query(&user.caller, OWN, args).await;
        let ids = answer.all("me.authorizations.nodes.*.id").into_iter();
        ids.map(|id| testing::number_of(id.as_str().unwrap())).collect()
    }

    /// Returns ada's money: free and lent, in cents. Checks that the sum is what she started with.
    pub async fn money_of_ada(&self) -> [i64; 2] {
        let wallet = wallet::find(self.services.db.read(), self.ada.id, "USD")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(wallet.balance_minor + wallet.lent_minor, 100_000);
        [wallet.balance_minor, wallet.lent_minor]
    }

    /// Ada's shares: free, set aside and lent.
    pub async fn shares_of_ada(&self) -> [i64; 3] {
        let holding = holding::find(self.services.db.read(), self.ada.id, self.stock)
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
    pub async fn spend(&self, id: i64, amount: i64) {
        let now_us = self.services.clock.now_us();
        let used = self.services.db.write(async move |tx: &Tx| {
            let now = authorization::Entity::find_by_id(id).one(tx).await?.unwrap();
            let authorization = authorization::spend(tx, &now, amount, now_us).await?;
            match authorization.stock_id {
                None => {
                    let legs = [
                        (Account::Wallet(authorization.investor_id, Bucket::Lent), -amount),
                        (Account::Exchange, amount),
                    ];
                    ledger::post(
                        tx,
                        LedgerTransaction::new(TransactionKind::Purchase, "USD"),
                        &legs,
                        now_us,
                    )
                    .await?;
                }
                Some(stock) => {
                    holding::take(tx, authorization.investor_id, stock, ShareBucket::Lent, amount).await?;
                }
            }
            Ok(())
        });
        used.await.unwrap();
    }
}

async fn register_with(domain: &AccountsDomain, username: &str, more: &Value) -> SignedInUser {
    let mut input = json!({"username": username, "email": format!("{username}@example.com"), "password": PASSWORD});
    let members = input.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    domain.register(input).await.person(domain, "register")
}

/// Returns the types and keys that the events invalidate.
pub fn invalidated(events: &mut EventStream) -> Vec<(&'static str, String)> {
    let invalidation = |event| match event {
        contract::Event::Invalidated { typename, key, .. } => Some((typename, key)),
        _ => None,
    };
    testing::received_events(events)
        .into_iter()
        .filter_map(invalidation)
        .collect()
}
