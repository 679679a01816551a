//! The order service seen from outside: one binary, since each links everything.

mod away;
mod catalog;
mod cluster;
mod faults;
mod front_end;
mod model;
mod promises;
mod rest;
mod settling;
mod trading;
