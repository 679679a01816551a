//! Automated orders that came to their price and could not be carried out: they wait until what stood in their way is gone.
//!
//! For a purchase that is too few shares at the exchange, or a holding that is full; for a sale an exchange or a wallet
//! that is. Nobody writes down which it was: an order whose price is right, and that could be carried out, goes.

use sea_orm::{ConnectionTrait, DbErr, Value};

use crate::holding::SHARES_MAX;
use crate::ledger::WALLET_MAX_MINOR;
use crate::sql;
use crate::stock::QUANTITY_MAX;

/// Which orders are looked at.
#[derive(Clone, Copy, Debug)]
pub enum Among<'a> {
    /// All of them.
    All,
    /// Those of these stocks, and those of these investors: what stands in their way may be gone.
    Of {
        /// Ids of stocks that changed.
        stocks: &'a [i64],
        /// Ids of people whose money or shares changed.
        investors: &'a [i64],
    },
}

/// Whether any of them can go.
///
/// # Errors
/// When the database fails.
pub async fn can_any_go(db: &impl ConnectionTrait, among: Among<'_>, now_us: i64) -> Result<bool, DbErr> {
    let Some((orders, values)) = can_go(among, now_us) else {
        return Ok(false);
    };
    let sql = format!("SELECT 1 AS found WHERE EXISTS ({orders})");
    Ok(sql::count_rows(db, &sql, values).await? > 0)
}

/// Marks those that can go with the price of now, and answers how many: they are carried out as if it had just been set.
///
/// # Errors
/// When the database fails.
pub async fn fire(tx: &impl ConnectionTrait, among: Among<'_>, now_us: i64) -> Result<u64, DbErr> {
    let Some((orders, values)) = can_go(among, now_us) else {
        return Ok(0);
    };
    let price = "SELECT price_minor FROM stock WHERE stock.id = brokerage_order.stock_id";
    let sql = format!("UPDATE brokerage_order SET fired_minor = ({price}) WHERE id IN ({orders})");
    sql::count(tx, &sql, values).await
}

/// The SQL of the ids of those that can go, with its values; `None` when no orders are looked at.
///
/// One `SELECT` for each side, so that an index gives the orders whose price is right: as a rule there are none.
pub fn can_go(among: Among<'_>, now_us: i64) -> Option<(String, Vec<Value>)> {
    let mut values = vec![now_us.into()];
    let mut one_of = |column: &str, ids: &[i64]| {
        let first = values.len() + 1;
        values.extend(ids.iter().map(|id| Value::from(*id)));
        let places: Vec<String> = (first..=values.len()).map(|place| format!("${place}")).collect();
        format!("{column} IN ({})", places.join(", "))
    };
    // From the stocks to their orders: `CROSS JOIN` keeps this direction, whatever the database thinks of it.
    let by_stock = "stock s CROSS JOIN brokerage_order o";
    let mut looks: Vec<(&str, String)> = Vec::new();
    match among {
        Among::All => looks.push((by_stock, "1 = 1".to_owned())),
        Among::Of { stocks, investors } => {
            if !stocks.is_empty() {
                looks.push((by_stock, one_of("s.id", stocks)));
            }
            if !investors.is_empty() {
                let by_investor = "brokerage_order o JOIN stock s";
                looks.push((by_investor, one_of("o.investor_id", investors)));
            }
        }
    }
    let selects = looks.iter().flat_map(|(from, which)| {
        [bought(), sold()].map(|can_go| {
            format!(
                "SELECT o.id FROM {from} ON o.stock_id = s.id
                 WHERE o.status = 'PENDING' AND o.fired_minor IS NULL
                     AND (o.expires_at_us IS NULL OR o.expires_at_us > $1) AND {which} AND {can_go}"
            )
        })
    });
    let selects: Vec<String> = selects.collect();
    (!selects.is_empty()).then(|| (selects.join(" UNION ALL "), values))
}

fn bought() -> String {
    let has = "SELECT h.free + h.committed + h.lent + h.held FROM holding h
                   WHERE h.user_id = o.investor_id AND h.stock_id = o.stock_id";
    format!(
        "o.side = 'BUY' AND o.limit_minor >= s.price_minor AND o.quantity <= s.quantity
             AND o.quantity <= {SHARES_MAX} - coalesce(({has}), 0)"
    )
}

fn sold() -> String {
    let has = "SELECT w.balance_minor + w.committed_minor + w.lent_minor + w.held_minor FROM wallet w
                   WHERE w.user_id = o.investor_id AND w.currency = o.currency";
    // Divided rather than multiplied: the product may be more than an integer can count.
    format!(
        "o.side = 'SELL' AND o.limit_minor <= s.price_minor AND o.quantity <= {QUANTITY_MAX} - s.quantity - s.held
             AND o.quantity <= ({WALLET_MAX_MINOR} - coalesce(({has}), 0)) / s.price_minor"
    )
}
