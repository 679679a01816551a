//! The order service seen from outside: one binary, since each links everything.

mod cluster;
mod rest;
mod trading;
