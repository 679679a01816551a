//! Blocked orders: automated orders whose price was reached but that could not be executed. They wait until the
//! obstacle is gone.
//!
//! For a purchase, the obstacle is too few shares at the exchange, or a full holding; for a sale, a full exchange
//! or a full wallet. The obstacle is not recorded: an order whose price is right and that can be executed is
//! triggered again.

use database::DbConnection;
use sea_orm::{DbErr, Value};

use crate::holding::SHARES_MAX;
use crate::ledger::WALLET_MAX_MINOR;
use crate::sql;
use crate::stock::QUANTITY_MAX;

/// The orders to check.
#[derive(Clone, Copy, Debug)]
pub enum OrderCandidates<'a> {
    /// All orders.
    All,
    /// The orders for these stocks, and those of these investors: their obstacle may be gone.
    AffectedBy {
        /// Ids of stocks that changed.
        stocks: &'a [i64],
        /// Ids of users whose money or shares changed.
        investors: &'a [i64],
    },
}

/// Whether any of these orders can be executed.
pub async fn is_any_executable(
    db: &impl DbConnection,
    candidates: OrderCandidates<'_>,
    now_us: i64,
) -> Result<bool, DbErr> {
    let Some((orders, values)) = executable_orders(candidates, now_us) else {
        return Ok(false);
    };
    let sql = format!("SELECT 1 AS found WHERE EXISTS ({orders})");
    Ok(sql::count_rows(db, &sql, values).await? > 0)
}

/// Marks the orders that can be executed with the current price, and returns their number. They are executed as if
/// the price had just been set.
pub async fn trigger(tx: &impl DbConnection, candidates: OrderCandidates<'_>, now_us: i64) -> Result<u64, DbErr> {
    let Some((orders, values)) = executable_orders(candidates, now_us) else {
        return Ok(0);
    };
    let price = "SELECT price_minor FROM stock WHERE stock.id = brokerage_order.stock_id";
    let sql = format!("UPDATE brokerage_order SET fired_minor = ({price}) WHERE id IN ({orders})");
    sql::execute(tx, &sql, values).await
}

/// Returns the SQL for the ids of the orders that can be executed, with its values; `None` when no orders are to be
/// checked.
///
/// It has one `SELECT` for each side, so that an index finds the orders whose price is right: usually there are
/// none.
pub fn executable_orders(candidates: OrderCandidates<'_>, now_us: i64) -> Option<(String, Vec<Value>)> {
    let mut values = vec![now_us.into()];
    let mut one_of = |column: &str, ids: &[i64]| {
        let first = values.len() + 1;
        values.extend(ids.iter().map(|id| Value::from(*id)));
        let places: Vec<String> = (first..=values.len()).map(|place| format!("${place}")).collect();
        format!("{column} IN ({})", places.join(", "))
    };
    // `CROSS JOIN` makes the query planner go from the stocks to their orders.
    let by_stock = "stock s CROSS JOIN brokerage_order o";
    let mut lookups: Vec<(&str, String)> = Vec::new();
    match candidates {
        OrderCandidates::All => lookups.push((by_stock, "1 = 1".to_owned())),
        OrderCandidates::AffectedBy { stocks, investors } => {
            if !stocks.is_empty() {
                lookups.push((by_stock, one_of("s.id", stocks)));
            }
            if !investors.is_empty() {
                let by_investor = "brokerage_order o JOIN stock s";
                lookups.push((by_investor, one_of("o.investor_id", investors)));
            }
        }
    }
    let selects = lookups.iter().flat_map(|(from, which)| {
        [purchase_condition(), sale_condition()].map(|is_executable| {
            format!(
                "SELECT o.id FROM {from} ON o.stock_id = s.id
                 WHERE o.status = 'PENDING' AND o.fired_minor IS NULL
                     AND (o.expires_at_us IS NULL OR o.expires_at_us > $1) AND {which} AND {is_executable}"
            )
        })
    });
    let selects: Vec<String> = selects.collect();
    (!selects.is_empty()).then(|| (selects.join(" UNION ALL "), values))
}

fn purchase_condition() -> String {
    let has = "SELECT h.free + h.committed + h.lent + h.held FROM holding h
                   WHERE h.user_id = o.investor_id AND h.stock_id = o.stock_id";
    format!(
        "o.side = 'BUY' AND o.limit_minor >= s.price_minor AND o.quantity <= s.quantity
             AND o.quantity <= {SHARES_MAX} - coalesce(({has}), 0)"
    )
}

fn sale_condition() -> String {
    let has = "SELECT w.balance_minor + w.committed_minor + w.lent_minor + w.held_minor FROM wallet w
                   WHERE w.user_id = o.investor_id AND w.currency = o.currency";
    // A division, because the product might overflow the integer.
    format!(
        "o.side = 'SELL' AND o.limit_minor <= s.price_minor AND o.quantity <= {QUANTITY_MAX} - s.quantity - s.held
             AND o.quantity <= ({WALLET_MAX_MINOR} - coalesce(({has}), 0)) / s.price_minor"
    )
}
