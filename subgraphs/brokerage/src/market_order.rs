//! Market orders, which are executed as they are placed: an investor's own, and a broker's under an authorization.

use contract::{EXPIRED_MAX, Error, ExchangeTrade, Result, TradeRecord, TxExt};
use entities::authorization::{self, Grant, IncreaseCause, LentAsset};
use entities::brokerage_order::{self, ExecutedOrder};
use entities::fee_terms::{Charge, FeeTerms};
use entities::holding::{self, ShareBucket};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use entities::side::Side;
use entities::stock::{self, StockRef};
use entities::user::{self, Trader};
use entities::{expiry, order_reserve};

use crate::order_context::OrderContext;

/// Executes an investor's own order: free money against free shares, without a fee.
pub(crate) async fn execute_own(
    context: &OrderContext<'_>,
    investor: i64,
    stock_id: i64,
    side: Side,
    quantity: i64,
) -> Result<brokerage_order::Model> {
    let trade = ExchangeTrade {
        stock: StockRef::Id(stock_id),
        side,
        quantity,
        price_minor: None,
        trader_id: Some(investor),
    };
    // The trade gives the stock and its price, so the stock is not read before. A trade that is not allowed is undone with
    // the order.
    let traded = match context.log.trade(context.tx, &trade, context.now_us).await {
        Ok(traded) => traded,
        Err(refused) => return Err(own_refusal(context, &trade, refused).await),
    };
    let execution = Execution::at_price(&traded.stock, side, quantity)?;
    let order = execution.record(context, &traded.recorded, investor, None).await?;
    let legs = execution.legs((investor, Bucket::Balance), None);
    execution
        .settle(context, &order, investor, ShareBucket::Free, &legs)
        .await?;
    Ok(order)
}

/// Returns the error of an own order whose trade the exchange refused: that it is too large for a wallet comes first.
async fn own_refusal(context: &OrderContext<'_>, trade: &ExchangeTrade, refused: Error) -> Error {
    match stock::find(context.tx, &trade.stock).await {
        Ok(Some(stock)) => match Execution::at_price(&stock, trade.side, trade.quantity) {
            Ok(_) => refused,
            Err(too_large) => too_large,
        },
        Ok(None) | Err(_) => refused,
    }
}

/// Executes a broker's order: lent money becomes lent shares or the other way round, and the broker gets the fee.
pub(crate) async fn execute_for_investor(
    context: &OrderContext<'_>,
    broker: &Trader,
    authorization: &authorization::Model,
    stock: &stock::Model,
    side: Side,
    quantity: i64,
) -> Result<brokerage_order::Model> {
    // Expire overdue authorizations first: the proceeds of this trade must not increase one of them.
    let expired = expiry::expire(context.tx, context.now_us, EXPIRED_MAX).await?;
    context.tx.invalidate(&expired);
    // Closing an account ends its authorizations. If one of a deactivated account is open all the same, it cannot be used.
    let in_force =
        authorization.in_force(context.now_us) && user::is_active(context.tx, authorization.investor_id).await?;
    if !in_force {
        return Err(Error::Forbidden("the authorization is not in force"));
    }
    require_suitable(authorization, stock, side)?;
    let mut execution = Execution::at_price(stock, side, quantity)?;
    let terms = authorization.terms()?;
    let Charge { fee_minor, proceeds } = execution.charge(&terms, broker.fee_basis_points.unwrap_or(0));
    execution.fee = fee_minor;
    let investor = authorization.investor_id;
    let used = match side {
        Side::Buy => execution.cost + execution.fee,
        Side::Sell => quantity,
    };
    let spent = authorization::spend(context.tx, authorization, used, context.now_us).await?;
    context.tx.invalidate(&spent);

    let order = execution.trade(context, investor, Some((broker.id, spent.id))).await?;
    let legs = execution.legs((investor, Bucket::Lent), Some(broker.id));
    let holding = execution
        .settle(context, &order, investor, ShareBucket::Lent, &legs)
        .await?;

    let lent = match side {
        Side::Buy => LentAsset::Shares {
            holding_id: holding.id,
            stock_id: stock.id,
        },
        Side::Sell => LentAsset::Capital(stock.currency.clone()),
    };
    // After a fee of a hundred percent no proceeds are left to lend.
    if proceeds.total() > 0 {
        let grant = Grant {
            lent,
            investor_id: investor,
            broker_id: broker.id,
            amount: proceeds.total(),
            starts_at_us: context.now_us,
            ends_at_us: spent.ends_at_us,
            fee_basis_points: spent.fee_basis_points,
            accepts_higher_fee: false,
        };
        // The proceeds of lent money or shares are lent on the same terms.
        let outcome =
            authorization::apply_grant(context.tx, &grant, IncreaseCause::Trade(&proceeds), context.now_us).await?;
        context.tx.invalidate(&outcome.authorization);
    }
    Ok(order)
}

/// Checks that the authorization suits the order: money for a purchase, shares of this stock for a sale.
fn require_suitable(authorization: &authorization::Model, stock: &stock::Model, side: Side) -> Result<()> {
    let mismatch = |why| Err(Error::AuthorizationMismatch(why));
    match (side, &authorization.currency, authorization.stock_id) {
        (Side::Buy, Some(currency), _) if *currency == stock.currency => Ok(()),
        (Side::Buy, Some(_), _) => mismatch("the authorization is for money of another currency"),
        (Side::Buy, None, _) => mismatch("a purchase needs an authorization for capital"),
        (Side::Sell, _, Some(id)) if id == stock.id => Ok(()),
        (Side::Sell, _, Some(_)) => mismatch("the authorization is for another stock"),
        (Side::Sell, _, None) => mismatch("a sale needs an authorization for a holding"),
    }
}

/// An order at a price.
struct Execution<'a> {
    stock: &'a stock::Model,
    side: Side,
    quantity: i64,
    /// Quantity times price, in minor units.
    cost: i64,
    /// The broker's fee, in minor units.
    fee: i64,
}

impl<'a> Execution<'a> {
    /// Returns an order at the stock's current price, without a fee.
    fn at_price(stock: &'a stock::Model, side: Side, quantity: i64) -> Result<Self> {
        let cost = order_reserve::cost(quantity, stock.price_minor).ok_or_else(|| cost_error(side))?;
        Ok(Self {
            stock,
            side,
            quantity,
            cost,
            fee: 0,
        })
    }

    /// Computes the fee of a broker whose rate is `current_fee` now, and the proceeds by their fee terms.
    fn charge(&self, terms: &FeeTerms, current_fee: i64) -> Charge {
        let (quantity, price) = (self.quantity, self.stock.price_minor);
        match self.side {
            Side::Buy => terms.purchase_charge(quantity, price, self.cost, current_fee),
            Side::Sell => terms.sale_charge(quantity, price, current_fee),
        }
    }

    /// Trades at the exchange and records the order as completed.
    async fn trade(
        &self,
        context: &OrderContext<'_>,
        investor_id: i64,
        broker: Option<(i64, i64)>,
    ) -> Result<brokerage_order::Model> {
        let trade = ExchangeTrade {
            stock: StockRef::Id(self.stock.id),
            side: self.side,
            quantity: self.quantity,
            price_minor: Some(self.stock.price_minor),
            trader_id: Some(investor_id),
        };
        let traded = context.log.trade(context.tx, &trade, context.now_us).await?;
        self.record(context, &traded.recorded, investor_id, broker).await
    }

    /// Records the order of an executed trade as completed.
    async fn record(
        &self,
        context: &OrderContext<'_>,
        recorded: &TradeRecord,
        investor_id: i64,
        broker: Option<(i64, i64)>,
    ) -> Result<brokerage_order::Model> {
        let (price_minor, currency) = recorded.price();
        let executed = ExecutedOrder {
            side: self.side,
            stock_id: self.stock.id,
            quantity: self.quantity,
            price_minor,
            fee_minor: self.fee,
            currency: currency.to_owned(),
            investor_id,
            broker,
            trade: recorded.trade_ref(),
        };
        let order = brokerage_order::record(context.tx, &executed, context.now_us).await?;
        context.tx.invalidate(&order);
        Ok(order)
    }

    /// Returns the ledger legs: the investor's bucket pays or is paid, the broker gets the fee.
    fn legs(&self, (investor, bucket): (i64, Bucket), broker: Option<i64>) -> Vec<(Account, i64)> {
        let (exchange, investors) = match self.side {
            Side::Buy => (self.cost, -(self.cost + self.fee)),
            Side::Sell => (-self.cost, self.cost - self.fee),
        };
        let fee = broker.map(|broker| (Account::Wallet(broker, Bucket::Balance), self.fee));
        [
            (Account::Wallet(investor, bucket), investors),
            (Account::Exchange, exchange),
        ]
        .into_iter()
        .chain(fee)
        .collect()
    }

    /// Moves the money and the shares of an executed order.
    async fn settle(
        &self,
        context: &OrderContext<'_>,
        order: &brokerage_order::Model,
        investor: i64,
        bucket: ShareBucket,
        legs: &[(Account, i64)],
    ) -> Result<holding::Model> {
        let (tx, stock) = (context.tx, self.stock.id);
        let (kind, holding) = match self.side {
            Side::Buy => (
                TransactionKind::Purchase,
                holding::add(tx, investor, stock, bucket, self.quantity).await?,
            ),
            Side::Sell => (
                TransactionKind::Sale,
                holding::take(tx, investor, stock, bucket, self.quantity).await?,
            ),
        };
        let transaction = LedgerTransaction {
            order_id: Some(order.id),
            authorization_id: order.authorization_id,
            ..LedgerTransaction::new(kind, &order.currency)
        };
        let moved = ledger::post(tx, transaction, legs, context.now_us).await?;
        tx.invalidate(&*moved.wallets);
        tx.invalidate(&holding);
        Ok(holding)
    }
}

/// The error for an order of more money than a wallet can hold.
pub(crate) fn cost_error(side: Side) -> Error {
    match side {
        Side::Buy => Error::InsufficientFunds,
        Side::Sell => Error::invalid("input.quantity", "must not bring in more than a wallet can hold"),
    }
}
