//! The order service seen from outside: one binary, since each links everything.

mod catalog;
mod catalog_contract;
mod catch_up;
mod cluster;
mod faults;
mod front_end;
mod model;
mod on_disk;
mod resolve_orphans;
mod rest;
mod sqlite_catalog;
mod trading;
