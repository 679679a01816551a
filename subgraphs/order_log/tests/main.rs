//! The order service seen from outside: one binary, since each links everything.

mod catalog;
mod cluster;
mod front_end;
mod killed;
mod model;
mod rest;
mod trading;
