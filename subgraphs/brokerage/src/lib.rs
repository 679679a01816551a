//! The brokerage: holdings, and orders by investors and their brokers.
