//! GraphQL over the wire, through the router, before a small graph.

mod door;
mod over_http;
mod pages;
mod socket;
mod streams;
