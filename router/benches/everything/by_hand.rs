//! The same response from hand-written SQL, without a schema, access rules or limits.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Params, Row};
use serde_json::{Value, json};

/// A read-only connection.
pub struct ByHand(Connection);

impl ByHand {
    /// Opens the database.
    pub fn open(path: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self(Connection::open_with_flags(path, flags).expect("the database"))
    }

    /// Returns the id of the person with that username.
    pub fn id_of(&self, username: &str) -> i64 {
        let sql = "SELECT id FROM account WHERE username = ?1";
        self.0.query_row(sql, [username], |row| row.get(0)).expect("a person")
    }

    /// Returns the response to the query with that index, for that person.
    pub fn response(&self, query: usize, id: i64) -> String {
        match query {
            0 => self.everything(id),
            _ => self.feed(),
        }
    }

    /// Returns the response to `feed.graphql`.
    fn feed(&self) -> String {
        let posts = "SELECT title, coalesce(score, 0), account.username, post.community FROM post
                     LEFT JOIN post_votes ON post_votes.post_id = post.id JOIN account ON account.id = author_id
                     ORDER BY post.at_us DESC, post.id DESC LIMIT 20";
        let posts = self.all(posts, [], |row| {
            Ok(
                json!({ "title": row.get::<_, String>(0)?, "score": row.get::<_, i64>(1)?,
                "author": { "username": row.get::<_, String>(2)? }, "community": { "name": row.get::<_, String>(3)? } }),
            )
        });
        json!({ "data": { "recentPosts": nodes(posts) } }).to_string()
    }

    /// Returns the response to `query.graphql` for that person.
    fn everything(&self, id: i64) -> String {
        let (username, karma): (String, i64) =
            self.one("SELECT username, karma FROM account WHERE id = ?1", [id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            });
        let wallet = "SELECT balance_minor, committed_minor + lent_minor, held_minor FROM wallet
                      WHERE user_id = ?1 AND currency = 'USD'";
        let [balance, committed, held] = self.one(wallet, [id], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]));
        let worth = "SELECT coalesce(sum((free + committed + lent + holding.held) * price_minor), 0)
                     FROM holding JOIN stock ON stock.id = stock_id WHERE user_id = ?1";
        let worth: i64 = self.one(worth, [id], |row| row.get(0));
        let holdings = "SELECT free, name, price_minor FROM holding JOIN stock ON stock.id = stock_id
                        WHERE user_id = ?1 ORDER BY holding.id LIMIT 5";
        let holdings = self.all(holdings, [id], |row| {
            Ok(json!({ "free": row.get::<_, i64>(0)?,
                "stock": { "name": row.get::<_, String>(1)?, "price": money(row.get(2)?) } }))
        });
        let orders = "SELECT side, o.quantity, status, name FROM brokerage_order o JOIN stock ON stock.id = stock_id
                      WHERE investor_id = ?1 OR broker_id = ?1 ORDER BY o.id DESC LIMIT 5";
        let orders = self.all(orders, [id], |row| {
            Ok(
                json!({ "side": row.get::<_, String>(0)?, "quantity": row.get::<_, i64>(1)?,
                "status": row.get::<_, String>(2)?, "stock": { "name": row.get::<_, String>(3)? } }),
            )
        });
        let bought = "SELECT title, price_minor FROM book_purchase WHERE buyer_id = ?1 ORDER BY id LIMIT 5";
        let bought = self.all(bought, [id], |row| {
            Ok(json!({ "title": row.get::<_, String>(0)?, "price": money(row.get(1)?) }))
        });
        let ordered = "SELECT quantity, o.price_minor * quantity, name, available FROM shop_order o
                       JOIN product ON product.id = product_id WHERE user_id = ?1 ORDER BY o.id LIMIT 5";
        let ordered = self.all(ordered, [id], |row| {
            let product = json!({ "name": row.get::<_, String>(2)?, "available": row.get::<_, i64>(3)? });
            Ok(json!({ "quantity": row.get::<_, i64>(0)?, "total": money(row.get(1)?), "product": product }))
        });
        let posts = "SELECT title, post.community, coalesce(score, 0), direction FROM post
                     LEFT JOIN post_votes ON post_votes.post_id = post.id
                     LEFT JOIN vote ON vote.post_id = post.id AND vote.user_id = ?1
                     WHERE author_id = ?1 ORDER BY post.at_us DESC, post.id DESC LIMIT 5";
        let posts = self.all(posts, [id], |row| {
            Ok(
                json!({ "title": row.get::<_, String>(0)?, "community": { "name": row.get::<_, String>(1)? },
                "score": row.get::<_, i64>(2)?, "myVote": row.get::<_, Option<String>>(3)? }),
            )
        });
        let inbox = "SELECT contents, username, karma FROM message JOIN account ON account.id = from_id
                     WHERE to_id = ?1 ORDER BY message.at_us DESC, message.id DESC LIMIT 5";
        let inbox = self.all(inbox, [id], |row| {
            let from = json!({ "username": row.get::<_, String>(1)?, "karma": row.get::<_, i64>(2)? });
            Ok(json!({ "contents": row.get::<_, String>(0)?, "from": from }))
        });
        let unread = "SELECT count(*) FROM message WHERE to_id = ?1 AND NOT read";
        let unread: i64 = self.one(unread, [id], |row| row.get(0));
        let me = json!({
            "username": username,
            "karma": karma,
            "wallet": { "balance": money(balance), "committed": money(committed), "held": money(held) },
            "portfolioValue": money(balance + committed + held + worth),
            "holdings": nodes(holdings),
            "brokerageOrders": nodes(orders),
            "bookPurchases": nodes(bought),
            "shopOrders": nodes(ordered),
            "posts": nodes(posts),
            "inbox": nodes(inbox),
            "unreadCount": unread,
        });
        json!({ "data": { "me": me } }).to_string()
    }

    fn one<T>(&self, sql: &str, of: impl Params, read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>) -> T {
        let mut statement = self.0.prepare_cached(sql).expect("a statement");
        statement.query_row(of, read).expect("a row")
    }

    fn all(&self, sql: &str, of: impl Params, read: impl FnMut(&Row<'_>) -> rusqlite::Result<Value>) -> Vec<Value> {
        let mut statement = self.0.prepare_cached(sql).expect("a statement");
        let rows = statement.query_map(of, read).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    }
}

fn nodes(nodes: Vec<Value>) -> Value {
    json!({ "nodes": nodes })
}

fn money(minor: i64) -> Value {
    json!({ "amount": format!("{}.{:02}", minor / 100, minor % 100), "currency": "USD" })
}
