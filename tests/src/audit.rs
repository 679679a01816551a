//! The invariants of the tables between writes: money, shares, products and votes add up.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// The invariants, each as a sentence and a query that returns the rows that violate it.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "the entries of each currency sum to zero",
        "SELECT currency, sum(amount_minor) FROM ledger_entry JOIN ledger_movement ON ledger_movement.id = movement_id
         GROUP BY currency HAVING sum(amount_minor) <> 0",
    ),
    (
        "each ledger transaction has two entries or more, which sum to zero",
        "SELECT ledger_movement.id, count(ledger_entry.id) FROM ledger_movement LEFT JOIN ledger_entry ON movement_id = ledger_movement.id
         GROUP BY ledger_movement.id HAVING count(ledger_entry.id) < 2 OR sum(amount_minor) <> 0",
    ),
    (
        "a wallet's buckets are the sums of its entries",
        "SELECT wallet.id, balance_minor FROM wallet LEFT JOIN ledger_entry ON wallet_id = wallet.id GROUP BY wallet.id
         HAVING balance_minor <> coalesce(sum(amount_minor) FILTER (WHERE account = 'BALANCE'), 0)
             OR committed_minor <> coalesce(sum(amount_minor) FILTER (WHERE account = 'COMMITTED'), 0)
             OR lent_minor <> coalesce(sum(amount_minor) FILTER (WHERE account = 'LENT'), 0)
             OR held_minor <> coalesce(sum(amount_minor) FILTER (WHERE account = 'HELD'), 0)",
    ),
    (
        "an entry says what its account held after it",
        "SELECT id, balance_after_minor FROM (SELECT id, balance_after_minor,
             sum(amount_minor) OVER (PARTITION BY wallet_id, account ORDER BY id) AS running
             FROM ledger_entry WHERE wallet_id IS NOT NULL) WHERE balance_after_minor <> running",
    ),
    (
        "no wallet's bucket is below zero",
        "SELECT id, user_id FROM wallet WHERE min(balance_minor, committed_minor, lent_minor, held_minor) < 0",
    ),
    (
        "no holding's bucket is below zero",
        "SELECT id, user_id FROM holding WHERE min(free, committed, lent, held) < 0",
    ),
    (
        "no stock has fewer than no shares",
        "SELECT id, quantity FROM stock WHERE quantity < 0",
    ),
    (
        "lent money is what is left of the open capital authorizations",
        "SELECT wallet.id, lent_minor FROM wallet WHERE lent_minor <> coalesce((SELECT sum(remaining) FROM broker_authorization a
             WHERE a.investor_id = wallet.user_id AND a.currency = wallet.currency AND ended_at_us IS NULL), 0)",
    ),
    (
        "lent shares are what is left of the open authorizations of the holding",
        "SELECT holding.id, lent FROM holding WHERE lent <> coalesce((SELECT sum(remaining) FROM broker_authorization a
             WHERE a.holding_id = holding.id AND ended_at_us IS NULL), 0)",
    ),
    (
        "held money is the sum of the pending holds",
        "SELECT wallet.id, held_minor FROM wallet WHERE held_minor <>
             coalesce((SELECT sum(amount_minor) FROM hold WHERE wallet_id = wallet.id AND state = 'PENDING'), 0)",
    ),
    (
        "each pending purchase has a pending hold of its cost at the limit, and no other order has one",
        "SELECT o.id, hold.amount_minor FROM brokerage_order o LEFT JOIN hold ON hold.order_id = o.id AND hold.state = 'PENDING'
         WHERE coalesce(hold.amount_minor, 0) <>
             CASE WHEN o.status = 'PENDING' AND o.side = 'BUY' THEN o.quantity * o.limit_minor ELSE 0 END",
    ),
    (
        "held shares are those of the pending sales",
        "SELECT holding.id, held FROM holding WHERE held <> coalesce((SELECT sum(quantity) FROM brokerage_order o
             WHERE o.investor_id = holding.user_id AND o.stock_id = holding.stock_id AND o.status = 'PENDING' AND o.side = 'SELL'), 0)",
    ),
    (
        "trades are numbered 0, 1, 2 … without gaps",
        "SELECT count(*), max(number) FROM exchange_order HAVING count(*) <> coalesce(max(number), -1) + 1",
    ),
    (
        "each completed order is one trade of the same shares",
        "SELECT o.id, o.exchange_number FROM brokerage_order o LEFT JOIN exchange_order e ON e.number = o.exchange_number
         WHERE o.status = 'COMPLETED' AND (e.number IS NULL OR e.stock_id <> o.stock_id OR e.side <> o.side
             OR e.quantity <> o.quantity OR e.price_minor <> o.price_minor)",
    ),
    (
        "what people hold of a stock is what orders bought less what they sold",
        "SELECT stock.id, (SELECT sum(free + committed + lent + held) FROM holding WHERE stock_id = stock.id) FROM stock
         WHERE coalesce((SELECT sum(free + committed + lent + held) FROM holding WHERE stock_id = stock.id), 0) <>
             coalesce((SELECT sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) FROM brokerage_order
                 WHERE stock_id = stock.id AND status = 'COMPLETED'), 0)",
    ),
    (
        "what was used of an authorization is what orders used of it",
        "SELECT a.id, a.remaining FROM broker_authorization a WHERE granted - remaining - given_back <>
             coalesce((SELECT sum(CASE a.kind WHEN 'CAPITAL' THEN quantity * price_minor + fee_minor ELSE quantity END)
                 FROM brokerage_order o WHERE o.authorization_id = a.id AND o.status = 'COMPLETED'), 0)",
    ),
    (
        "an order moved its price, and its fee to the broker",
        "SELECT o.id, o.price_minor FROM brokerage_order o LEFT JOIN (SELECT order_id, sum(amount_minor) AS amount FROM ledger_entry
             JOIN ledger_movement m ON m.id = movement_id WHERE account = 'EXCHANGE' AND order_id IS NOT NULL GROUP BY order_id) moved
             ON moved.order_id = o.id
         WHERE o.status = 'COMPLETED' AND moved.amount IS NOT (CASE o.side WHEN 'BUY' THEN 1 ELSE -1 END) * o.quantity * o.price_minor",
    ),
    (
        "no product has fewer than none to order",
        "SELECT id, available FROM product WHERE available < 0",
    ),
    (
        "what there is of a product is what is available and what orders have",
        "SELECT product.id, total - available - coalesce(sum(quantity), 0) FROM product
             LEFT JOIN shop_order ON product_id = product.id
         GROUP BY product.id HAVING total <> available + coalesce(sum(quantity), 0)",
    ),
    (
        "a score is the upvotes less the downvotes, none of them fewer than none",
        "SELECT post_id, score FROM post_votes WHERE score <> upvotes - downvotes OR min(upvotes, downvotes) < 0",
    ),
    // The other votes are those of programs, which belong to no person.
    (
        "a post has the votes of people, at least",
        "SELECT v.post_id, count(*) FROM vote v LEFT JOIN post_votes p ON p.post_id = v.post_id GROUP BY v.post_id
         HAVING coalesce(max(upvotes), 0) < sum(direction = 'UP') OR coalesce(max(downvotes), 0) < sum(direction = 'DOWN')",
    ),
    (
        "exactly the posts that there are are ranked, each in its community",
        "SELECT post.id, ranked.post_id FROM post FULL JOIN (SELECT * FROM post_votes WHERE community_key IS NOT NULL) ranked
             ON ranked.post_id = post.id WHERE post.community_key IS NOT ranked.community_key",
    ),
    (
        "a vote credits at most the author of its post",
        "SELECT vote.post_id, credited_id FROM vote LEFT JOIN post ON post.id = vote.post_id
         WHERE credited_id IS NOT NULL AND credited_id IS NOT author_id",
    ),
];

/// A read-only view of the database in a data folder, which a server may have open at the same time.
pub struct Audit(Connection);

impl Audit {
    /// Opens the database of the data folder `data`.
    pub fn open(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self(Connection::open_with_flags(data.join("agora.db"), flags).expect("the database opens"))
    }

    /// Describes each violated invariant; the list is empty when everything adds up. All queries read one snapshot.
    pub fn violations(&self) -> Vec<String> {
        let snapshot = self.0.unchecked_transaction().expect("a moment");
        let violations = INVARIANTS.iter().flat_map(|(rule, query)| {
            let mut statement = snapshot.prepare(query).expect("a query");
            let found = statement.query_map([], |row| {
                let (what, how): (rusqlite::types::Value, rusqlite::types::Value) = (row.get(0)?, row.get(1)?);
                Ok(format!("not true that {rule}: {what:?}, {how:?}"))
            });
            let found = found.expect("a query");
            found.map(|line| line.expect("a row")).collect::<Vec<_>>()
        });
        violations.collect()
    }

    /// Returns the shares of each stock, whether the exchange or people hold them, or the bazaar sold them. Only
    /// listing a stock and correcting the catalog change these sums, also while trades are executed.
    pub fn shares(&self) -> Vec<(String, i64)> {
        // A trade without a number has moved its shares already, or set those of a purchase aside.
        let sql = "SELECT name, stock.quantity
                + coalesce((SELECT sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END)
                            FROM exchange_order e WHERE e.stock_id = stock.id), 0)
                + coalesce((SELECT sum(CASE WHEN side = 'BUY' THEN quantity WHEN binding THEN -quantity ELSE 0 END)
                            FROM reservation r WHERE r.stock_id = stock.id AND state = 'RESERVED'), 0)
             FROM stock ORDER BY stock.id";
        let mut statement = self.0.prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.expect("a query").map(|row| row.expect("a row")).collect()
    }

    /// Returns the single number that a query selects.
    pub fn number(&self, query: &str) -> i64 {
        self.0.query_row(query, [], |row| row.get(0)).expect("a number")
    }

    /// Returns the row count of each table.
    pub fn rows(&self) -> BTreeMap<String, i64> {
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let mut tables = self.0.prepare(tables).expect("a query");
        let names = tables.query_map([], |row| row.get(0)).expect("a query");
        let rows = |name: String| {
            let rows = self.number(&format!(r#"SELECT count(*) FROM "{name}""#));
            (name, rows)
        };
        names.map(|name| rows(name.expect("a row"))).collect()
    }

    /// Fails the test when an invariant is violated.
    pub fn assert_balanced(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }
}
