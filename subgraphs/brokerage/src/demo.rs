//! Sample data: ada's shares, her authorizations for ben, executed orders, and two orders that wait for their price.
//!
//! All trades are ordinary orders at the exchange, in one transaction. The shares that are bought here are listed in
//! addition before, so that the exchange starts with the documented number. Their cost is deposited for ada before, so that
//! her wallet starts with its documented balance.

use contract::{DemoPeople, Result, Services};
use entities::authorization::{Grant, LentAsset};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use entities::side::Side;
use entities::stock::{self, StockRef};
use entities::{brokerage_order, holding, lending, order_reserve, user};
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::order_context::{Limit, OrderContext};
use crate::settings::Settings;
use crate::{automated_order, market_order};

/// Ada's purchases: stock and number of shares.
const BOUGHT: [(&str, i64); 4] = [
    ("GameStart", 40),
    ("FishCo", 25),
    ("MenhirCo", 65),
    ("MercuryExpress", 20),
];
/// Ada's sale of some of these shares.
const SOLD: (&str, i64) = ("MenhirCo", 5);
/// The amounts that ada lends to ben: 2,000.00 US dollars, and shares.
const LENT_MINOR: i64 = 200_000;
const LENT_SHARES: (&str, i64) = ("FishCo", 10);
/// Ben's purchase for ada with some of that money.
const BROKERED: (&str, i64) = ("DivineComics", 12);
/// Ada's two automated orders: a purchase 1 % below the price, and a sale 1 % above it.
const AUTOMATED: (&str, i64) = ("MercuryExpress", 5);
/// The duration of ada's authorizations: 90 days, in microseconds.
const LENT_US: i64 = 90 * 24 * 3600 * 1_000_000;

/// Adds ada's shares and orders to a database without holdings and orders; changes nothing in any other.
pub async fn seed(services: &Services, people: DemoPeople) -> Result<()> {
    let (log, now_us) = (services.order_log.clone(), services.clock.now_us());
    services
        .db
        .write(async move |tx| {
            let rows = holding::Entity::find().count(tx).await? + brokerage_order::Entity::find().count(tx).await?;
            if rows > 0 {
                return Ok(());
            }
            let context = OrderContext { tx, log: &*log, now_us };
            context.seed_own(people.ada).await?;
            context.seed_brokered(people).await?;
            context.seed_automated(people.ada).await
        })
        .await
}

impl OrderContext<'_> {
    async fn seed_own(&self, ada: i64) -> Result<()> {
        for (name, quantity) in BOUGHT {
            let Some(stock) = self.list_additional(name, quantity).await? else {
                continue;
            };
            self.deposit(ada, quantity * stock.price_minor).await?;
            market_order::execute_own(self, ada, stock.id, Side::Buy, quantity).await?;
        }
        let (name, quantity) = SOLD;
        if let Some(stock) = stock::by_name(self.tx, name).await? {
            market_order::execute_own(self, ada, stock.id, Side::Sell, quantity).await?;
            // The exchange has these additional shares back: remove them again, and withdraw the proceeds.
            stock::adjust(self.tx, &StockRef::Id(stock.id), Side::Buy, quantity, self.now_us).await?;
            self.deposit(ada, -quantity * stock.price_minor).await?;
        }
        Ok(())
    }

    async fn seed_brokered(&self, DemoPeople { ada, ben, .. }: DemoPeople) -> Result<()> {
        let Some(broker) = user::trader(self.tx, ben).await? else {
            return Ok(());
        };
        self.deposit(ada, LENT_MINOR).await?;
        let grant = Grant {
            lent: LentAsset::Capital("USD".to_owned()),
            investor_id: ada,
            broker_id: ben,
            amount: LENT_MINOR,
            starts_at_us: self.now_us,
            ends_at_us: self.now_us + LENT_US,
            fee_basis_points: broker.fee_basis_points.unwrap_or(0),
            accepts_higher_fee: false,
        };
        let (capital, _) = lending::grant(self.tx, &grant, self.now_us).await?;
        let (name, amount) = LENT_SHARES;
        if let Some(stock) = stock::by_name(self.tx, name).await?
            && let Some(holding) = holding::find(self.tx, ada, stock.id).await?
        {
            let lent = LentAsset::Shares {
                holding_id: holding.id,
                stock_id: stock.id,
            };
            lending::grant(self.tx, &Grant { lent, amount, ..grant }, self.now_us).await?;
        }
        let (name, quantity) = BROKERED;
        if let Some(stock) = self.list_additional(name, quantity).await? {
            market_order::execute_for_investor(self, &broker, &capital.authorization, &stock, Side::Buy, quantity)
                .await?;
        }
        Ok(())
    }

    async fn seed_automated(&self, ada: i64) -> Result<()> {
        let (name, quantity) = AUTOMATED;
        let Some(stock) = stock::by_name(self.tx, name).await? else {
            return Ok(());
        };
        let price = stock.price_minor;
        let pending_max = Settings::default().pending_orders_max;
        for (side, price_minor) in [(Side::Buy, price * 99 / 100), (Side::Sell, (price * 101 + 99) / 100)] {
            if side == Side::Buy {
                self.deposit(ada, order_reserve::cost(quantity, price_minor).unwrap_or_default())
                    .await?;
            }
            let limit = Limit {
                price_minor,
                expires_at_us: None,
            };
            automated_order::place(self, ada, &stock, side, quantity, limit, pending_max).await?;
        }
        Ok(())
    }

    /// Lists additional shares of a stock; returns `None` if there is no such stock.
    async fn list_additional(&self, name: &str, quantity: i64) -> Result<Option<stock::Model>> {
        let Some(stock) = stock::by_name(self.tx, name).await? else {
            return Ok(None);
        };
        let more = stock::adjust(self.tx, &StockRef::Id(stock.id), Side::Sell, quantity, self.now_us).await?;
        Ok(Some(more))
    }

    /// Deposits US dollars, in cents; a negative amount is a withdrawal.
    async fn deposit(&self, person: i64, minor: i64) -> Result<()> {
        let kind = if minor < 0 {
            TransactionKind::Withdrawal
        } else {
            TransactionKind::Deposit
        };
        let legs = [
            (Account::Outside, -minor),
            (Account::Wallet(person, Bucket::Balance), minor),
        ];
        ledger::post(self.tx, LedgerTransaction::new(kind, "USD"), &legs, self.now_us).await?;
        Ok(())
    }
}
