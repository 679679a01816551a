//! Test support: a brokerage on a database file of its own. Ada 1 and eve 2 are investors, ben 3 and bob 4 are brokers with
//! fees of 1 % and 12.5 %, cleo 5 is a member. The exchange has 100 shares of FishCo (1) at 19.99 and of BoarCo (2) at 0.50.

mod conservation;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use brokerage::Settings;
use contract::{Clock, Delivery, Event, EventStream, Invalidates, ManualClock, Result, Role, Services, Tx, Viewer};
use entities::authority::Authority;
use entities::authorization::{self, Grant, LentAsset};
use entities::brokerage_order;
use entities::holding::{self, ShareBucket};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use entities::stock::{self, NewStock, StockRef};
use entities::{lending, user, user_change, wallet};
use futures_util::StreamExt;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use testing::{Answer, TestDomain, TestServices};
pub use testing::{NEW_YEAR_US, admin, service};
use tokio::task::JoinHandle;

pub use crate::order::{OrderInput, automated, buy, order, sell};

pub const ADA: i64 = 1;
pub const EVE: i64 = 2;
pub const BEN: i64 = 3;
pub const BOB: i64 = 4;
pub const CLEO: i64 = 5;

pub const FISH: i64 = 1;
pub const BOAR: i64 = 2;

/// An hour, in microseconds.
pub const HOUR_US: u64 = 3_600_000_000;

/// The number of shares of each stock that the exchange has at the start.
pub const LISTED: i64 = 100;

/// A timeout that is longer than any step takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The task that executes triggered orders; dropping this value stops it.
pub struct Worker(JoinHandle<Result<()>>);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub struct Floor(TestDomain);

impl Deref for Floor {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A clock that advances by a microsecond at each read.
struct TickingClock(Arc<ManualClock>);

impl Clock for TickingClock {
    fn now_us(&self) -> i64 {
        let now_us = self.0.now_us();
        self.0.advance(Duration::from_micros(1));
        now_us
    }
}

/// Returns the person with that id as a viewer, with the role they have here.
pub fn person(id: i64) -> Viewer {
    let role = match id {
        ADA | EVE => Role::Investor,
        BEN | BOB => Role::Broker,
        _ => Role::Member,
    };
    Viewer::User { id, role, admin: false }
}

impl Floor {
    /// Returns a brokerage in which no person has money or shares.
    pub async fn new() -> Self {
        Self::with_bus(contract::InProcessBus::EVENTS_MAX).await
    }

    /// As [`new`](Self::new), with an event buffer of that size: a subscriber may fall that many events behind.
    pub async fn with_bus(events_max: usize) -> Self {
        Self::with(events_max, Settings::default(), |clock| clock).await
    }

    /// As [`new`](Self::new), with a clock that advances by a microsecond whenever the brokerage reads it.
    pub async fn ticking() -> Self {
        Self::with(contract::InProcessBus::EVENTS_MAX, Settings::default(), |clock| {
            Arc::new(TickingClock(clock))
        })
        .await
    }

    /// As [`new`](Self::new), with that limit of pending orders for an investor.
    pub async fn with_pending_max(pending_orders_max: u32) -> Self {
        Self::with(
            contract::InProcessBus::EVENTS_MAX,
            Settings { pending_orders_max },
            |clock| clock,
        )
        .await
    }

    /// `clock` returns the clock that the brokerage reads. The tests advance the clock that it wraps.
    async fn with(
        events_max: usize,
        settings: Settings,
        clock: impl FnOnce(Arc<ManualClock>) -> Arc<dyn Clock>,
    ) -> Self {
        let services = TestServices::with_events_max(NEW_YEAR_US, events_max).await;
        let clock = clock(services.clock.clone());
        let schema = |services| brokerage::schema_with(Services { clock, ..services }, settings);
        let floor = Self(TestDomain::new(services, schema));
        let joined = async |tx: &Tx| {
            let fees = [
                ("ada", None),
                ("eve", None),
                ("ben", Some(100)),
                ("bob", Some(1_250)),
                ("cleo", None),
            ];
            for ((name, fee_basis_points), id) in fees.into_iter().zip(1..) {
                let Viewer::User { role, .. } = person(id) else {
                    continue;
                };
                let person = user::Model {
                    role,
                    fee_basis_points,
                    ..user::Model::with_username(name, NEW_YEAR_US)
                };
                assert_eq!(user::insert(tx, person).await?.unwrap().id, id);
            }
            for (name, price_minor) in [("FishCo", 1_999), ("BoarCo", 50)] {
                let new = NewStock {
                    name: name.to_owned(),
                    price_minor,
                    currency: "USD".to_owned(),
                    quantity: LISTED,
                };
                stock::add(tx, new, NEW_YEAR_US).await?.unwrap();
            }
            Ok(())
        };
        floor.services.db.write(joined).await.unwrap();
        floor
    }

    /// Deposits dollars from outside.
    pub async fn deposit(&self, user: i64, minor: i64) {
        self.deposit_in("USD", user, minor).await;
    }

    /// Deposits money of that currency from outside.
    pub async fn deposit_in(&self, currency: &'static str, user: i64, minor: i64) {
        let now_us = self.services.clock.now_us();
        let paid_in = async move |tx: &Tx| {
            let legs = [
                (Account::Outside, -minor),
                (Account::Wallet(user, Bucket::Balance), minor),
            ];
            Ok(ledger::post(
                tx,
                LedgerTransaction::new(TransactionKind::Deposit, currency),
                &legs,
                now_us,
            )
            .await?)
        };
        self.services.db.write(paid_in).await.unwrap();
    }

    /// Gives a person shares that do not come from the exchange; returns the holding's id.
    pub async fn give(&self, user: i64, stock: i64, quantity: i64) -> i64 {
        let given = async move |tx: &Tx| Ok(holding::add(tx, user, stock, ShareBucket::Free, quantity).await?);
        self.services.db.write(given).await.unwrap().id
    }

    /// Grants an authorization for money that expires in an hour; returns its id.
    pub async fn lend_money(&self, investor: i64, broker: i64, minor: i64) -> i64 {
        self.lend_money_in(0, investor, broker, minor).await
    }

    /// As [`lend_money`](Self::lend_money), but it starts in that many microseconds.
    pub async fn lend_money_in(&self, us: i64, investor: i64, broker: i64, minor: i64) -> i64 {
        let lent = LentAsset::Capital("USD".to_owned());
        self.lend(us, investor, broker, lent, minor, false).await
    }

    /// As [`lend_money`](Self::lend_money), and accepts the broker's current fee.
    pub async fn lend_money_at_any_fee(&self, investor: i64, broker: i64, minor: i64) -> i64 {
        let lent = LentAsset::Capital("USD".to_owned());
        self.lend(0, investor, broker, lent, minor, true).await
    }

    /// Grants an authorization for shares that expires in an hour; returns its id.
    pub async fn lend_shares(&self, investor: i64, broker: i64, stock: i64, quantity: i64) -> i64 {
        self.lend_shares_of(investor, broker, stock, quantity, false).await
    }

    /// As [`lend_shares`](Self::lend_shares), and accepts the broker's current fee.
    pub async fn lend_shares_at_any_fee(&self, investor: i64, broker: i64, stock: i64, quantity: i64) -> i64 {
        self.lend_shares_of(investor, broker, stock, quantity, true).await
    }

    async fn lend_shares_of(&self, investor: i64, broker: i64, stock: i64, quantity: i64, accepts: bool) -> i64 {
        let holding = holding::find(self.services.db.read(), investor, stock)
            .await
            .unwrap()
            .unwrap();
        let lent = LentAsset::Shares {
            holding_id: holding.id,
            stock_id: stock,
        };
        self.lend(0, investor, broker, lent, quantity, accepts).await
    }

    async fn lend(
        &self,
        in_us: i64,
        investor_id: i64,
        broker_id: i64,
        lent: LentAsset,
        amount: i64,
        accepts_higher_fee: bool,
    ) -> i64 {
        let now_us = self.services.clock.now_us();
        let broker = user::by_id(self.services.db.read(), broker_id).await.unwrap().unwrap();
        let grant = Grant {
            lent,
            investor_id,
            broker_id,
            amount,
            starts_at_us: now_us + in_us,
            ends_at_us: now_us + in_us + HOUR_US.cast_signed(),
            fee_basis_points: broker.fee_basis_points.unwrap(),
            accepts_higher_fee,
        };
        let granted = async move |tx: &Tx| Ok(lending::grant(tx, &grant, now_us).await?);
        self.services.db.write(granted).await.unwrap().0.authorization.id
    }

    /// Sets the fee of a broker.
    pub async fn set_fee(&self, broker: i64, basis_points: i64) {
        let set = async move |tx: &Tx| {
            let to = user::ActiveModel {
                fee_basis_points: Set(Some(basis_points)),
                ..Default::default()
            };
            Ok(user_change::change(tx, &Authority::Full, broker, to).await?)
        };
        self.services.db.write(set).await.unwrap();
    }

    /// Advances the clock by that many microseconds.
    pub fn pass(&self, us: u64) {
        self.clock.advance(Duration::from_micros(us));
    }

    /// Sets the price of a stock in the way the exchange does.
    pub async fn set_price(&self, stock: i64, price_minor: i64) {
        let now_us = self.services.clock.now_us();
        let set = async move |tx: &Tx| {
            let changed = stock::set_price(tx, &StockRef::Id(stock), price_minor, now_us)
                .await?
                .unwrap();
            Ok((changed, brokerage_order::trigger(tx, stock, price_minor, now_us).await?))
        };
        let (changed, triggered) = self.services.db.write(set).await.unwrap();
        for event in changed.events() {
            self.services.bus.publish(event);
        }
        if triggered > 0 {
            self.services.bus.publish(Event::OrdersTriggered { stock });
        }
    }

    /// Places an order.
    pub async fn place(&self, viewer: &Viewer, order: &OrderInput) -> Answer {
        self.client(viewer)
            .query(PLACE, json!({ "input": order.input() }))
            .await
    }

    /// Places an order that is accepted, and returns it.
    pub async fn placed(&self, viewer: &Viewer, order: &OrderInput) -> Value {
        self.place(viewer, order).await.at("placeOrder").clone()
    }

    /// Places an order that is rejected, checks that nothing has changed, and returns the error code.
    pub async fn refused(&self, viewer: &Viewer, order: &OrderInput) -> String {
        let before = self.everything().await;
        let answer = self.place(viewer, order).await;
        assert_eq!(self.everything().await, before, "{order}: {answer}");
        answer.code().to_owned()
    }

    /// Cancels an order.
    pub async fn cancel(&self, viewer: &Viewer, id: &str) -> Answer {
        self.client(viewer).query(CANCEL, json!({ "id": id })).await
    }

    /// Starts the task that executes triggered orders; it runs until the returned value is dropped.
    pub fn worker(&self) -> Worker {
        Worker(tokio::spawn(brokerage::execute_triggered(self.services.clone())))
    }

    /// Returns the states of all orders, oldest first.
    pub async fn statuses(&self) -> Vec<String> {
        let orders = self.rows::<brokerage_order::Entity>().await;
        orders
            .into_iter()
            .map(|order| order.status.as_str().to_owned())
            .collect()
    }

    /// Waits until the orders are in these states.
    pub async fn until<'s>(&self, wanted: impl IntoIterator<Item = &'s str>) {
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut events = self.services.bus.subscribe();
        while self.statuses().await != wanted {
            self.any_event(&mut events).await;
        }
    }

    /// Waits until that order (the first is 0) is not pending any more, and returns its state.
    pub async fn settled(&self, order: usize) -> String {
        let mut events = self.services.bus.subscribe();
        loop {
            let status = self.statuses().await.swap_remove(order);
            if status != "PENDING" {
                return status;
            }
            self.any_event(&mut events).await;
        }
    }

    /// Waits for the next event.
    pub async fn next_event(&self, events: &mut EventStream) -> Event {
        match self.any_event(events).await {
            Delivery::Event(event) => (*event).clone(),
            Delivery::Lagged(lost) => panic!("{lost} events were lost"),
        }
    }

    async fn any_event(&self, events: &mut EventStream) -> Delivery {
        let next = tokio::time::timeout(PATIENCE, events.next()).await;
        next.expect("something happens").expect("there are events")
    }

    /// Returns a person's money: balance, committed, lent, held.
    pub async fn money(&self, user: i64) -> [i64; 4] {
        let wallet = wallet::find(self.services.db.read(), user, "USD").await.unwrap();
        wallet.map_or([0; 4], |wallet| {
            [
                wallet.balance_minor,
                wallet.committed_minor,
                wallet.lent_minor,
                wallet.held_minor,
            ]
        })
    }

    /// Returns a person's shares of a stock: free, committed, lent, held.
    pub async fn shares(&self, user: i64, stock: i64) -> [i64; 4] {
        let holding = holding::find(self.services.db.read(), user, stock).await.unwrap();
        holding.map_or([0; 4], |holding| {
            [holding.free, holding.committed, holding.lent, holding.held]
        })
    }

    /// Returns the number of shares of a stock that the exchange has.
    pub async fn listed(&self, stock: i64) -> i64 {
        self.rows::<stock::Entity>()
            .await
            .iter()
            .find(|row| row.id == stock)
            .unwrap()
            .quantity
    }

    /// Returns the remaining amount of an authorization.
    pub async fn remaining(&self, authorization: i64) -> i64 {
        let rows = self.rows::<authorization::Entity>().await;
        rows.iter().find(|row| row.id == authorization).unwrap().remaining
    }

    /// Returns the open authorization of that kind between the two.
    pub async fn open_between(&self, investor: i64, broker: i64, kind: &str) -> Option<authorization::Model> {
        let rows = self.rows::<authorization::Entity>().await;
        let is_it = |row: &authorization::Model| {
            row.kind.as_str() == kind
                && row.investor_id == investor
                && row.broker_id == broker
                && row.ended_at_us.is_none()
        };
        rows.into_iter().find(is_it)
    }

    /// All rows of a table.
    pub async fn rows<E: EntityTrait>(&self) -> Vec<E::Model> {
        E::find().all(self.services.db.read()).await.unwrap()
    }
}

/// The fields of an order that the tests select.
macro_rules! order_fields {
    () => {
        "id side quantity status price total fee automated limitPrice expiresAt reason placedAt completedAt
        stock { id } investor { id } broker { id } authorization { id } exchangeOrder { number }"
    };
}

/// Places an order: `input`, and perhaps an idempotency key.
pub const PLACE: &str = concat!(
    "mutation($input: PlaceOrderInput!, $key: String) { placeOrder(input: $input, idempotencyKey: $key) { ",
    order_fields!(),
    " } }"
);

const CANCEL: &str = concat!("mutation($id: ID!) { cancelOrder(id: $id) { ", order_fields!(), " } }");

/// That amount of US dollars, as the API returns it.
pub fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}
