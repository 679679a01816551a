//! The router: one GraphQL schema over all domains, served over HTTP, WebSocket, server-sent events and REST.

pub use engine::{cache, limits, subgraph, supergraph};

mod access_log;
pub mod allowed_origin;
pub mod app;
pub mod auth;
pub mod backup;
pub mod callers;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domains;
pub mod gateway;
pub mod host;
pub mod http;
pub mod in_process;
pub mod invalidating_bus;
pub mod ip_network;
pub mod listen;
mod log;
pub mod metrics;
pub mod nodes;
pub mod order_service;
pub mod readiness;
pub mod remote_app;
pub mod remote_headers;
pub mod request_id;
pub mod request_meters;
pub mod rest;
pub mod rest_access;
pub mod serve;
pub mod server;
pub mod sharing_reads;
pub mod start_check;
pub mod status;
pub mod traces;
pub mod workers;
