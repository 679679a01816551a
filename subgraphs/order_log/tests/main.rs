//! The order service seen from outside: one binary, since each links everything.

mod catalog;
mod cluster;
mod killed;
mod model;
mod rest;
mod trading;
