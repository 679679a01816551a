//! Market orders, which are executed as they are placed: an investor's own, and a broker's under an authorization.

use contract::{Changed, Error, Event, Result, SETTLED_MAX, Trade, Traded};
use entities::authorization::{self, Grant, Lent, RaisedBy};
use entities::brokerage_order::{self, Carried};
use entities::fee_terms::{Charge, FeeTerms};
use entities::holding::{self, Bucket as Shares};
use entities::ledger::{self, Account, Bucket, Kind, Movement};
use entities::side::Side;
use entities::stock::{self, Which};
use entities::{cover, expiry, user};

use crate::place::{Desk, Placed};

/// Executes an investor's own order: free money against free shares, without a fee.
pub(crate) async fn own(
    desk: &Desk<'_>,
    investor: i64,
    stock: &stock::Model,
    side: Side,
    quantity: i64,
) -> Result<Placed> {
    let deal = Deal::at_price(stock, side, quantity)?;
    let mut done = deal.trade(desk, investor, None).await?;
    let legs = deal.legs((investor, Bucket::Balance), None);
    deal.settle(desk, &mut done, investor, Shares::Free, &legs).await?;
    Ok(done)
}

/// Executes a broker's order: lent money becomes lent shares or the other way round, and the broker gets the fee.
pub(crate) async fn for_investor(
    desk: &Desk<'_>,
    broker: &user::Model,
    authorization: &authorization::Model,
    stock: &stock::Model,
    side: Side,
    quantity: i64,
) -> Result<Placed> {
    // Expire overdue authorizations first: the proceeds of this trade must not increase one of them.
    let settled = expiry::settle(desk.tx, desk.now_us, SETTLED_MAX).await?;
    // Closing an account ends its authorizations. If one of a deactivated account is open all the same, it cannot be used.
    let in_force = authorization.in_force(desk.now_us) && user::is_active(desk.tx, authorization.investor_id).await?;
    if !in_force {
        return Err(Error::Forbidden("the authorization is not in force"));
    }
    fits(authorization, stock, side)?;
    let mut deal = Deal::at_price(stock, side, quantity)?;
    let terms = authorization.terms()?;
    let Charge { fee_minor, brings } = deal.charge(&terms, broker.fee_basis_points.unwrap_or(0));
    deal.fee = fee_minor;
    let investor = authorization.investor_id;
    let used = match side {
        Side::Buy => deal.cost + deal.fee,
        Side::Sell => quantity,
    };
    let spent = authorization::spend(desk.tx, authorization, used, desk.now_us).await?;

    let mut done = deal.trade(desk, investor, Some((broker.id, spent.id))).await?;
    let legs = deal.legs((investor, Bucket::Lent), Some(broker.id));
    let holding = deal.settle(desk, &mut done, investor, Shares::Lent, &legs).await?;

    let lent = match side {
        Side::Buy => Lent::Shares {
            holding_id: holding.id,
            stock_id: stock.id,
        },
        Side::Sell => Lent::Capital(stock.currency.clone()),
    };
    done.events.extend(settled.events());
    done.events.extend(spent.events());
    // After a fee of a hundred percent no proceeds are left to lend.
    if brings.total() > 0 {
        let grant = Grant {
            lent,
            investor_id: investor,
            broker_id: broker.id,
            amount: brings.total(),
            starts_at_us: desk.now_us,
            ends_at_us: spent.ends_at_us,
            fee_basis_points: spent.fee_basis_points,
            accepts_higher_fee: false,
        };
        // The proceeds of lent money or shares are lent on the same terms.
        let raised = authorization::raise(desk.tx, &grant, RaisedBy::Trade(&brings), desk.now_us).await?;
        done.events.extend(raised.authorization.events());
    }
    Ok(done)
}

/// Checks that the authorization suits the order: money for a purchase, shares of this stock for a sale.
fn fits(authorization: &authorization::Model, stock: &stock::Model, side: Side) -> Result<()> {
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
struct Deal<'a> {
    stock: &'a stock::Model,
    side: Side,
    quantity: i64,
    /// Quantity times price, in minor units.
    cost: i64,
    /// The broker's fee, in minor units.
    fee: i64,
}

impl<'a> Deal<'a> {
    /// Returns an order at the stock's current price, without a fee.
    fn at_price(stock: &'a stock::Model, side: Side, quantity: i64) -> Result<Self> {
        let cost = cover::cost(quantity, stock.price_minor).ok_or_else(|| too_much(side))?;
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
            Side::Buy => terms.purchase(quantity, price, self.cost, current_fee),
            Side::Sell => terms.sale(quantity, price, current_fee),
        }
    }

    /// Trades at the exchange and records the order as completed.
    async fn trade(&self, desk: &Desk<'_>, investor_id: i64, broker: Option<(i64, i64)>) -> Result<Placed> {
        let trade = Trade {
            stock: Which::Id(self.stock.id),
            side: self.side,
            quantity: self.quantity,
            price_minor: Some(self.stock.price_minor),
            trader_id: Some(investor_id),
        };
        let Traded { recorded, stock } = desk.log.trade(desk.tx, &trade, desk.now_us).await?;
        let (price_minor, currency) = recorded.price();
        let carried = Carried {
            side: self.side,
            stock_id: stock.id,
            quantity: self.quantity,
            price_minor,
            fee_minor: self.fee,
            currency: currency.to_owned(),
            investor_id,
            broker,
            trade: recorded.trade_ref(),
        };
        let order = brokerage_order::record(desk.tx, &carried, desk.now_us).await?;
        let events: Vec<Event> = [stock.events(), order.events()].concat();
        Ok(Placed { order, events })
    }

    /// Returns the ledger legs: the investor's bucket pays or is paid, the broker gets the fee.
    fn legs(&self, (investor, bucket): (i64, Bucket), broker: Option<i64>) -> Vec<(Account, i64)> {
        let (exchange, investors) = match self.side {
            Side::Buy => (self.cost, -(self.cost + self.fee)),
            Side::Sell => (-self.cost, self.cost - self.fee),
        };
        let fee = broker.map(|broker| (Account::Of(broker, Bucket::Balance), self.fee));
        [
            (Account::Of(investor, bucket), investors),
            (Account::Exchange, exchange),
        ]
        .into_iter()
        .chain(fee)
        .collect()
    }

    /// Moves the money and the shares of an executed order.
    async fn settle(
        &self,
        desk: &Desk<'_>,
        done: &mut Placed,
        investor: i64,
        bucket: Shares,
        legs: &[(Account, i64)],
    ) -> Result<holding::Model> {
        let (tx, stock) = (desk.tx, self.stock.id);
        let (kind, holding) = match self.side {
            Side::Buy => (
                Kind::Purchase,
                holding::add(tx, investor, stock, bucket, self.quantity).await?,
            ),
            Side::Sell => (
                Kind::Sale,
                holding::take(tx, investor, stock, bucket, self.quantity).await?,
            ),
        };
        let movement = Movement {
            order_id: Some(done.order.id),
            authorization_id: done.order.authorization_id,
            ..Movement::of(kind, &done.order.currency)
        };
        let moved = ledger::post(tx, movement, legs, desk.now_us).await?;
        done.events.extend(moved.wallets.iter().flat_map(Changed::events));
        done.events.extend(holding.events());
        Ok(holding)
    }
}

/// The error for an order of more money than a wallet can hold.
pub(crate) fn too_much(side: Side) -> Error {
    match side {
        Side::Buy => Error::InsufficientFunds,
        Side::Sell => Error::invalid("input.quantity", "brings in more than a wallet can hold"),
    }
}
