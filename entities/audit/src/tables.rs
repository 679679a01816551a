//! The rules of the tables between writes: money, shares, trades, products, posts and votes add up.
//!
//! Each check reads its tables a constant number of times, by joins of groups or by a key: a part that reads a table for each row of
//! another one takes minutes on a table of 100,000 rows.
//!
//! The tables have the rules of single rows as constraints (`structure.rs`, `constraints`), so they are not repeated here.

use crate::check::Check;

/// All checks of the tables.
pub(crate) const TABLE_CHECKS: &[Check] = &[
    Check {
        name: "ledger-transactions",
        rule: "each ledger transaction has two entries or more, which sum to zero",
        rows: "SELECT count(*) FROM ledger_movement",
        deviations: "SELECT 'ledger_movement', m.id, 'two entries or more with the sum 0', count(e.id) || ' with the sum ' || coalesce(sum(amount_minor), 0)
            FROM ledger_movement m LEFT JOIN ledger_entry e ON e.movement_id = m.id
            GROUP BY m.id HAVING count(e.id) < 2 OR sum(amount_minor) <> 0",
    },
    Check {
        name: "wallet-buckets",
        rule: "a wallet's buckets are the sums of its entries",
        rows: "SELECT count(*) FROM wallet",
        deviations: "SELECT 'wallet', id, balance || ' ' || committed || ' ' || lent || ' ' || held,
                balance_minor || ' ' || committed_minor || ' ' || lent_minor || ' ' || held_minor
            FROM (SELECT wallet.*, coalesce(sum(amount_minor) FILTER (WHERE account = 'BALANCE'), 0) AS balance,
                coalesce(sum(amount_minor) FILTER (WHERE account = 'COMMITTED'), 0) AS committed,
                coalesce(sum(amount_minor) FILTER (WHERE account = 'LENT'), 0) AS lent,
                coalesce(sum(amount_minor) FILTER (WHERE account = 'HELD'), 0) AS held
                FROM wallet LEFT JOIN ledger_entry ON wallet_id = wallet.id GROUP BY wallet.id)
            WHERE (balance_minor, committed_minor, lent_minor, held_minor) <> (balance, committed, lent, held)",
    },
    Check {
        name: "entry-balances",
        rule: "an entry says what its account held after it",
        rows: "SELECT count(*) FROM ledger_entry WHERE wallet_id IS NOT NULL",
        deviations: "SELECT 'ledger_entry', id, running, balance_after_minor FROM (SELECT id, balance_after_minor,
                sum(amount_minor) OVER (PARTITION BY wallet_id, account ORDER BY id) AS running
                FROM ledger_entry WHERE wallet_id IS NOT NULL) WHERE balance_after_minor <> running",
    },
    Check {
        name: "lent-money",
        rule: "lent money is what is left of the open capital authorizations",
        rows: "SELECT count(*) FROM wallet",
        deviations: "SELECT 'wallet', id, remaining, lent_minor FROM (SELECT wallet.*,
                coalesce((SELECT sum(remaining) FROM broker_authorization a WHERE a.investor_id = wallet.user_id
                    AND a.currency = wallet.currency AND ended_at_us IS NULL), 0) AS remaining FROM wallet)
            WHERE lent_minor <> remaining",
    },
    Check {
        name: "lent-shares",
        rule: "lent shares are what is left of the open authorizations of the holding",
        rows: "SELECT count(*) FROM holding",
        deviations: "SELECT 'holding', id, coalesce(open.remaining, 0), lent FROM holding
            LEFT JOIN (SELECT holding_id, sum(remaining) AS remaining FROM broker_authorization
                WHERE ended_at_us IS NULL GROUP BY holding_id) open ON open.holding_id = holding.id
            WHERE lent <> coalesce(open.remaining, 0)",
    },
    Check {
        name: "held-money",
        rule: "held money is the sum of the pending holds",
        rows: "SELECT count(*) FROM hold WHERE state = 'PENDING'",
        deviations: "SELECT 'wallet', id, pending, held_minor FROM (SELECT wallet.*,
                coalesce((SELECT sum(amount_minor) FROM hold WHERE wallet_id = wallet.id AND state = 'PENDING'), 0) AS pending
                FROM wallet)
            WHERE held_minor <> pending",
    },
    Check {
        name: "pending-purchases",
        rule: "each pending purchase has a pending hold of its cost at the limit, and no other order has one",
        rows: "SELECT count(*) FROM brokerage_order WHERE status = 'PENDING' AND side = 'BUY'",
        deviations: "SELECT 'brokerage_order', id, cost, amount FROM (SELECT o.id, coalesce(hold.amount_minor, 0) AS amount,
                CASE WHEN o.status = 'PENDING' AND o.side = 'BUY' THEN o.quantity * o.limit_minor ELSE 0 END AS cost
                FROM brokerage_order o LEFT JOIN hold ON hold.order_id = o.id AND hold.state = 'PENDING')
            WHERE amount <> cost",
    },
    Check {
        name: "held-shares",
        rule: "held shares are those of the pending sales",
        rows: "SELECT count(*) FROM brokerage_order WHERE status = 'PENDING' AND side = 'SELL'",
        deviations: "SELECT 'holding', id, pending, held FROM (SELECT holding.*, coalesce((SELECT sum(quantity) FROM brokerage_order o
                WHERE o.investor_id = holding.user_id AND o.stock_id = holding.stock_id AND o.status = 'PENDING' AND o.side = 'SELL'), 0)
                AS pending FROM holding)
            WHERE held <> pending",
    },
    Check {
        name: "holdings",
        rule: "people hold of a stock what orders bought less what they sold",
        rows: "SELECT count(*) FROM holding",
        deviations: "SELECT 'stock', id, coalesce(bought, 0), coalesce(owned, 0) FROM stock
            LEFT JOIN (SELECT stock_id, sum(free + committed + lent + held) AS owned FROM holding GROUP BY stock_id) held_by_people
                ON held_by_people.stock_id = stock.id
            LEFT JOIN (SELECT stock_id, sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) AS bought FROM brokerage_order
                WHERE status = 'COMPLETED' GROUP BY stock_id) traded ON traded.stock_id = stock.id
            WHERE coalesce(owned, 0) <> coalesce(bought, 0)",
    },
    Check {
        name: "authorizations",
        rule: "orders used of an authorization what it lacks",
        rows: "SELECT count(*) FROM broker_authorization",
        deviations: "SELECT 'broker_authorization', id, used, lacking FROM (SELECT a.id, granted - remaining - given_back AS lacking,
                coalesce(CASE a.kind WHEN 'CAPITAL' THEN o.money ELSE o.shares END, 0) AS used
                FROM broker_authorization a
                LEFT JOIN (SELECT authorization_id, sum(quantity * price_minor + fee_minor) AS money, sum(quantity) AS shares
                    FROM brokerage_order WHERE authorization_id IS NOT NULL AND status = 'COMPLETED' GROUP BY authorization_id) o
                ON o.authorization_id = a.id)
            WHERE used <> lacking",
    },
    Check {
        name: "order-money",
        rule: "an order moved its price between its investor and the exchange",
        rows: "SELECT count(*) FROM brokerage_order WHERE status = 'COMPLETED'",
        deviations: "SELECT 'brokerage_order', id, price, amount FROM (SELECT o.id, moved.amount,
                (CASE o.side WHEN 'BUY' THEN 1 ELSE -1 END) * o.quantity * o.price_minor AS price
                FROM brokerage_order o LEFT JOIN (SELECT order_id, sum(amount_minor) AS amount FROM ledger_entry
                    JOIN ledger_movement m ON m.id = movement_id WHERE account = 'EXCHANGE' AND order_id IS NOT NULL GROUP BY order_id) moved
                ON moved.order_id = o.id WHERE o.status = 'COMPLETED')
            WHERE amount IS NOT price",
    },
    // A replica may number a trade of its own before an earlier number is written back. The trade without the number is
    // then an open reservation.
    Check {
        name: "trade-numbers",
        rule: "trades are numbered 0, 1, 2 and so on, and each missing number belongs to a trade that waits for it",
        rows: "SELECT count(*) FROM exchange_order",
        deviations: "SELECT 'exchange_order', 'numbers', waiting || ' missing or fewer', missing || ' missing'
            FROM (SELECT coalesce(max(number), -1) + 1 - count(*) AS missing,
                (SELECT count(*) FROM reservation WHERE state = 'RESERVED') AS waiting FROM exchange_order)
            WHERE missing > waiting",
    },
    Check {
        name: "completed-orders",
        rule: "each completed order is one trade of the same shares, which has a number or waits for it",
        rows: "SELECT count(*) FROM brokerage_order WHERE status = 'COMPLETED'",
        deviations: "SELECT 'brokerage_order', o.id, o.side || ' ' || o.quantity || ' of stock ' || o.stock_id || ' at ' || o.price_minor,
                coalesce(e.side || ' ' || e.quantity || ' of stock ' || e.stock_id || ' at ' || e.price_minor,
                    r.side || ' ' || r.quantity || ' of stock ' || r.stock_id || ' at ' || r.price_minor, 'no trade')
            FROM brokerage_order o LEFT JOIN exchange_order e ON e.number = o.exchange_number
            LEFT JOIN reservation r ON o.exchange_number IS NULL AND r.id = o.reservation_id AND r.state = 'RESERVED' AND r.binding
            WHERE o.status = 'COMPLETED'
                AND (e.stock_id, e.side, e.quantity, e.price_minor) IS NOT (o.stock_id, o.side, o.quantity, o.price_minor)
                AND (r.stock_id, r.side, r.quantity, r.price_minor) IS NOT (o.stock_id, o.side, o.quantity, o.price_minor)",
    },
    Check {
        name: "reservations",
        rule: "a confirmed reservation is the trade of its number",
        rows: "SELECT count(*) FROM reservation",
        deviations: "SELECT 'reservation', r.id, 'trade ' || r.number || ': ' || r.side || ' ' || r.quantity || ' of stock ' || r.stock_id,
                coalesce(e.side || ' ' || e.quantity || ' of stock ' || e.stock_id, 'no trade')
            FROM reservation r LEFT JOIN exchange_order e ON e.number = r.number
            WHERE r.state = 'CONFIRMED'
                AND (e.stock_id, e.side, e.quantity, e.price_minor) IS NOT (r.stock_id, r.side, r.quantity, r.price_minor)",
    },
    Check {
        name: "reserved-shares",
        rule: "the exchange holds the shares of the open reservations of replicas",
        rows: "SELECT count(*) FROM stock",
        deviations: "SELECT 'stock', id, coalesce(reserved, 0), held FROM stock
            LEFT JOIN (SELECT stock_id, sum(quantity) AS reserved FROM reservation
                WHERE state = 'RESERVED' AND NOT binding GROUP BY stock_id) r ON r.stock_id = stock.id
            WHERE held <> coalesce(reserved, 0)",
    },
    Check {
        name: "products",
        rule: "there is of a product what is available and what orders have",
        rows: "SELECT count(*) FROM product",
        deviations: "SELECT 'product', id, available + ordered, total FROM (SELECT product.id, total, available, coalesce(sum(quantity), 0) AS ordered
                FROM product LEFT JOIN shop_order ON product_id = product.id GROUP BY product.id)
            WHERE total <> available + ordered",
    },
    Check {
        name: "book-sales",
        rule: "a book that was sold is one that is or was in the catalog",
        rows: "SELECT count(*) FROM book_purchase",
        deviations: "SELECT 'book_purchase', id, 'a book up to ' || newest, book_id
            FROM book_purchase, (SELECT coalesce(max(seq), 0) AS newest FROM sqlite_sequence WHERE name = 'book')
            WHERE book_id NOT BETWEEN 1 AND newest",
    },
    // The other votes are those of programs, which belong to no person.
    Check {
        name: "post-votes",
        rule: "a post has the votes of people, at least",
        rows: "SELECT count(*) FROM vote",
        deviations: "SELECT 'post_votes', id, up || ' up and ' || down || ' down or more', upvotes || ' up and ' || downvotes || ' down'
            FROM (SELECT v.post_id AS id, coalesce(max(upvotes), 0) AS upvotes, coalesce(max(downvotes), 0) AS downvotes,
                sum(direction = 'UP') AS up, sum(direction = 'DOWN') AS down
                FROM vote v LEFT JOIN post_votes p ON p.post_id = v.post_id GROUP BY v.post_id)
            WHERE upvotes < up OR downvotes < down",
    },
    Check {
        name: "ranked-posts",
        rule: "exactly the posts that there are are ranked, each in its community",
        rows: "SELECT count(*) FROM post",
        deviations: "SELECT 'post_votes', post.id, post.community_key, ranked.community_key
            FROM post LEFT JOIN post_votes ranked ON ranked.post_id = post.id
            WHERE post.community_key IS NOT ranked.community_key
            UNION ALL SELECT 'post_votes', ranked.post_id, NULL, ranked.community_key
            FROM post_votes ranked LEFT JOIN post ON post.id = ranked.post_id
            WHERE post.id IS NULL AND ranked.community_key IS NOT NULL",
    },
    Check {
        name: "vote-credits",
        rule: "a vote credits at most the author of its post, and never the voter",
        rows: "SELECT count(*) FROM vote WHERE credited_id IS NOT NULL",
        deviations: "SELECT 'vote', vote.post_id || ' of user ' || user_id, author_id, credited_id FROM vote
            LEFT JOIN post ON post.id = vote.post_id
            WHERE credited_id IS NOT NULL AND (credited_id IS NOT author_id OR credited_id = user_id)",
    },
    Check {
        name: "karma",
        rule: "karma is in the range that the API can show",
        rows: "SELECT count(*) FROM account",
        deviations: "SELECT 'account', id, '-2147483648 to 2147483647', karma FROM account
            WHERE karma NOT BETWEEN -2147483648 AND 2147483647",
    },
    // These columns have no foreign key, because their tables belong to other domains. No account is ever deleted.
    Check {
        name: "people",
        rule: "senders, receivers, authors and voters have accounts",
        rows: "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM post) + (SELECT count(*) FROM vote)",
        deviations: "SELECT of_table, key, 'an account', person FROM (
                SELECT 'message' AS of_table, id AS key, from_id AS person FROM message
                UNION ALL SELECT 'message', id, to_id FROM message
                UNION ALL SELECT 'post', id, author_id FROM post WHERE author_id IS NOT NULL
                UNION ALL SELECT 'vote', post_id, user_id FROM vote)
            WHERE person NOT IN (SELECT id FROM account)",
    },
    Check {
        name: "idempotency-keys",
        rule: "each idempotency key has the digest of its request, and an answer in JSON",
        rows: "SELECT count(*) FROM idempotency_key",
        deviations: "SELECT 'idempotency_key', scope || ' ' || key, 'a digest and JSON', fingerprint || ' ' || answer FROM idempotency_key
            WHERE fingerprint = '' OR NOT json_valid(answer)",
    },
];
