//! Agora through its front door: a real server on a loopback port, real SQLite files, HTTP.

mod access;
mod bad_input;
mod bazaar_both_ways;
mod bazaar_races;
mod bookshop_races;
mod brokerage;
mod cache;
mod cache_never_lies;
mod conservation;
mod federation;
mod growth;
mod hosts;
mod http_rules;
mod killed;
mod lasting;
mod mutations;
mod names_in_addresses;
mod raw;
mod rest_walk;
mod scalars;
mod shop_races;
mod storage;
mod too_large;
mod vote_races;
mod way_back;
