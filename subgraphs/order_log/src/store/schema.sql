-- openraft's log. An entry is JSON, in the form that replicas send to each other.
CREATE TABLE log (
    log_index INTEGER PRIMARY KEY,
    entry TEXT NOT NULL
) STRICT;

-- Single values as JSON: vote, committed, purged, applied, membership, replica, openings, file, admitted,
-- and the file and progress of each other replica.
CREATE TABLE fact (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The ledger: the orders that the log has produced so far.
CREATE TABLE exchange_order (
    number INTEGER PRIMARY KEY CHECK (number >= 0),
    key TEXT NOT NULL UNIQUE,
    attempt TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    price_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    trader_id INTEGER,
    at_us INTEGER NOT NULL
) STRICT;

CREATE TRIGGER exchange_order_is_not_changed BEFORE UPDATE ON exchange_order
BEGIN
    SELECT raise(ABORT, 'an order is never changed');
END;

CREATE TRIGGER exchange_order_is_not_deleted BEFORE DELETE ON exchange_order
BEGIN
    SELECT raise(ABORT, 'an order is never deleted');
END;

-- Attempts that are never recorded, however late they arrive.
CREATE TABLE tombstone (
    attempt TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
