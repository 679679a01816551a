//! Wallets through their schema, on real SQLite files.

mod schema;
