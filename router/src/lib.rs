//! The router: one GraphQL schema over all domains, and every way to talk to it.

pub mod auth;
pub mod config;
pub mod gateway;
pub mod http;
pub mod limits;
pub mod rest;
mod settings_macro;
pub mod status;
pub mod subgraph;
pub mod supergraph;
