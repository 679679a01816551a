//! The rows of a database: one user has a fifth of everything, one community a quarter of the posts, and many posts share a score.

use std::path::Path;

use rusqlite::Connection;

/// The user who has a fifth of everything.
pub const INVESTOR: i64 = 1;
/// The broker of half of the authorizations and of a tenth of the orders.
pub const BROKER: i64 = 2;
/// An administrator.
pub const ADMINISTRATOR: i64 = 3;
/// One of this many rows belongs to [`INVESTOR`].
pub const SHARE: i64 = 5;
/// The holdings of [`INVESTOR`], which do not grow: a person has shares of a limited number of companies.
pub const HOLDINGS: i64 = 100;

/// The numbers of rows of a database.
pub struct Sizes {
    /// Posts, votes, orders, messages, purchases, ledger entries, holds.
    pub rows: i64,
    /// Users, wallets.
    pub users: i64,
    /// Books, products.
    pub goods: i64,
    /// Stocks.
    pub stocks: i64,
    /// Communities, topics.
    pub communities: i64,
    /// Authorizations.
    pub authorizations: i64,
}

impl Sizes {
    pub fn new(rows: i64) -> Self {
        let users = (rows / 10).max(1_000);
        Self {
            rows,
            users,
            goods: (rows / 10).max(2_000),
            stocks: (rows / 1_000).max(HOLDINGS),
            communities: (rows / 1_000).max(50),
            authorizations: users / 5,
        }
    }
}

/// Statements, each for a number of rows. `i` is the number of a row, `user` is the user to whom it belongs.
const STATEMENTS: &[(&str, &str)] = &[
    (
        "users",
        "account (id, username, username_key, role, fee_basis_points, admin, karma, joined_at_us)
         SELECT i, 'user' || i, 'user' || i,
            CASE i % 10 WHEN 1 THEN 'INVESTOR' WHEN 2 THEN 'BROKER' ELSE 'MEMBER' END,
            CASE i % 10 WHEN 2 THEN 100 END, i = 3, i % 100, at FROM n",
    ),
    (
        "users",
        "wallet (id, user_id, currency, balance_minor, version, opened_at_us) SELECT i, i, 'USD', 100000, 1, at FROM n",
    ),
    (
        "goods",
        "book (id, title, title_key, topic, topic_key, price_minor, currency, quantity, version, changed_at_us)
         SELECT i, 'Book ' || i, 'book ' || i, 'Topic ' || (i % {communities}), 'topic ' || (i % {communities}),
            1000, 'USD', 10, 1, at FROM n",
    ),
    (
        "goods",
        "product (id, name, name_key, price_minor, currency, available, total, version, changed_at_us)
         SELECT i, 'Product ' || i, 'product ' || i, 1000, 'USD', 5, 10, 1, at FROM n",
    ),
    (
        "stocks",
        "stock (id, name, price_minor, currency, quantity, day, open_minor, high_minor, low_minor, volume, version, changed_at_us)
         SELECT i, 'Stock' || i, 1000, 'USD', 1000, at / 86400000000, 1000, 1000, 1000, 0, 1, at FROM n",
    ),
    (
        "holdings",
        "holding (id, user_id, stock_id, free, version) SELECT i, 1, i, 10, 1 FROM n",
    ),
    (
        "users",
        "holding (user_id, stock_id, free, version)
         SELECT i, 1 + i % {stocks}, 10, 1 FROM n WHERE i > 1",
    ),
    (
        "communities",
        "community (id, name, name_key) SELECT i, 'Community' || i, 'community' || i FROM n",
    ),
    (
        "rows",
        "post (id, title, community, community_key, username, author_id, at_us, text)
         SELECT i, 'Post ' || i, 'Community' || place, 'community' || place, 'user' || user, user, at,
            'Text ' || replace(hex(zeroblob(20)), '00', 'word ')
         FROM (SELECT *, CASE i % 4 WHEN 0 THEN 1 ELSE 1 + i % {communities} END AS place FROM n)",
    ),
    (
        "rows",
        "post_votes (post_id, upvotes, downvotes, score, community_key, version, changed_at_us)
         SELECT i, i % 7, i % 3, i % 7 - i % 3, 'community' || CASE i % 4 WHEN 0 THEN 1 ELSE 1 + i % {communities} END, 1, at FROM n",
    ),
    (
        "rows",
        "vote (post_id, user_id, direction, at_us) SELECT i, user, CASE i % 3 WHEN 0 THEN 'DOWN' ELSE 'UP' END, at FROM n",
    ),
    (
        "users",
        "vote (post_id, user_id, direction, at_us) SELECT 1, i, 'UP', at FROM n WHERE TRUE ON CONFLICT DO NOTHING",
    ),
    (
        "rows",
        "book_purchase (id, book_id, title, price_minor, currency, quantity_after, buyer_id, at_us)
         SELECT i, 1 + i % {goods}, 'Book', 1000, 'USD', 9, user, at FROM n",
    ),
    (
        "rows",
        "shop_order (id, user_id, product_id, quantity, day, price_minor, currency, placed_at_us, version)
         SELECT i, user, 1 + i % {goods}, 1, at / 86400000000, 1000, 'USD', at, 1 FROM n",
    ),
    (
        "rows",
        "message (id, from_id, to_id, at_us, contents, favorite, read, version)
         SELECT i, CASE i % 5 WHEN 1 THEN 1 ELSE 1 + (i * 31) % {users} END, user, at, 'Message ' || i,
            i / 5 % 2, i / 5 % 3 > 0, 1 FROM n",
    ),
    (
        "rows",
        "exchange_order (number, stock_id, side, quantity, price_minor, currency, trader_id, at_us)
         SELECT i, 1 + i % {stocks}, CASE i % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, 1, 1000, 'USD', user, at FROM n",
    ),
    (
        "authorizations",
        "broker_authorization (id, kind, investor_id, broker_id, currency, granted, remaining, fee_basis_points, starts_at_us,
            ends_at_us, ended_by, ended_at_us, granted_at_us, version)
         SELECT i, 'CAPITAL', CASE i % 2 WHEN 0 THEN 1 ELSE 10 * place + 1 END, CASE i % 2 WHEN 0 THEN 10 * place + 2 ELSE 2 END,
            'USD', 100, place % 2 * 100, 100, at, 4000000000000000, CASE place % 2 WHEN 0 THEN 'REVOKED' END,
            CASE place % 2 WHEN 0 THEN at END, at, 1 FROM (SELECT *, (i - 1) / 2 AS place FROM n)",
    ),
    (
        "rows",
        "brokerage_order (id, side, stock_id, quantity, status, price_minor, currency, limit_minor, investor_id, broker_id,
            authorization_id, exchange_number, placed_at_us, ended_at_us, changed_at_us, version)
         SELECT i, CASE i / 5 % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, 1 + i % {stocks}, 1,
            CASE i / 5 % 3 WHEN 0 THEN 'COMPLETED' WHEN 1 THEN 'PENDING' ELSE 'CANCELLED' END,
            CASE i / 5 % 3 WHEN 0 THEN 1000 END, 'USD',
            CASE WHEN i / 5 % 3 > 0 THEN 500 END, user,
            CASE WHEN i / 5 % 3 = 0 AND i % 5 < 2 THEN 2 END, CASE WHEN i / 5 % 3 = 0 AND i % 5 < 2 THEN 1 END,
            CASE i / 5 % 3 WHEN 0 THEN i END, at, CASE WHEN i / 5 % 3 <> 1 THEN at END, at, 1 FROM n",
    ),
    (
        "rows",
        "hold (id, wallet_id, amount_minor, state, order_id, placed_at_us, ended_at_us)
         SELECT i, user, 500, CASE i / 5 % 3 WHEN 0 THEN 'POSTED' WHEN 1 THEN 'PENDING' ELSE 'VOIDED' END, i, at,
            CASE WHEN i / 5 % 3 <> 1 THEN at END FROM n",
    ),
    (
        "rows",
        "ledger_movement (id, kind, currency, order_id, at_us)
         SELECT i, CASE i / 5 % 4 WHEN 1 THEN 'HOLD' WHEN 3 THEN 'DEPOSIT' ELSE 'GRANT' END, 'USD', i, at FROM n",
    ),
    (
        "rows",
        "ledger_entry (id, movement_id, kind, account, wallet_id, amount_minor, balance_after_minor, at_us)
         SELECT i, i, CASE i / 5 % 4 WHEN 1 THEN 'HOLD' WHEN 3 THEN 'DEPOSIT' ELSE 'GRANT' END,
            CASE i / 5 % 3 WHEN 0 THEN 'BALANCE' ELSE 'HELD' END,
            user, 1, 1, at FROM n",
    ),
];

/// Fills an empty database that no process has open.
pub fn fill(database: &Path, sizes: &Sizes) {
    let database = Connection::open(database).expect("the database");
    let run = |sql: &str| {
        database
            .execute_batch(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    };
    run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -400000;");
    // Filling an index row by row takes several times as long.
    let mut indexes = database
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
        .expect("the schema");
    let indexes: Vec<(String, String)> = indexes
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .expect("the indexes");
    for (name, _) in &indexes {
        run(&format!("DROP INDEX \"{name}\""));
    }
    run("BEGIN");
    for (of, statement) in STATEMENTS {
        let rows = match *of {
            "rows" => sizes.rows,
            "users" => sizes.users,
            "goods" => sizes.goods,
            "stocks" => sizes.stocks,
            "communities" => sizes.communities,
            "authorizations" => sizes.authorizations,
            "holdings" => HOLDINGS,
            other => panic!("{other} is not a number of rows"),
        };
        let statement = statement
            .replace("{users}", &sizes.users.to_string())
            .replace("{goods}", &sizes.goods.to_string())
            .replace("{stocks}", &sizes.stocks.to_string())
            .replace("{communities}", &sizes.communities.to_string());
        // A row every second, the last one years ago. The product spreads the other users' rows.
        let (users, share) = (sizes.users, SHARE);
        let (table, select) = statement.split_once("SELECT").expect("a statement with a SELECT");
        run(&format!(
            "INSERT INTO {table}
             WITH RECURSIVE counted (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < {rows}),
                n AS (SELECT i, 1600000000000000 + i * 1000000 AS at,
                    CASE i % {share} WHEN 0 THEN 1 ELSE 1 + (i * 7919) % {users} END AS user FROM counted)
             SELECT{select}"
        ));
    }
    run("COMMIT");
    for (_, sql) in &indexes {
        run(sql);
    }
    run("PRAGMA journal_mode = WAL;");
}
