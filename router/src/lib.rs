//! The router: one GraphQL schema over all domains, and every way to talk to it.

pub mod app;
pub mod auth;
pub mod cache;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domains;
pub mod gateway;
pub mod http;
pub mod limits;
pub mod order_service;
pub mod rest;
pub mod serve;
pub mod server;
pub mod status;
pub mod subgraph;
pub mod supergraph;
pub mod workers;
