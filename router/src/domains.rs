//! The domains in this process: their names, SDLs and schemas.

use std::collections::HashMap;
use std::sync::Arc;

use contract::Services;

use crate::config::Settings;
use crate::in_process::InProcess;
use crate::nodes;
use crate::subgraph::Subgraph;

/// The composed supergraph, which `npm --prefix router/web run compose` generates from [`sdls`].
pub const SUPERGRAPH_SDL: &str = include_str!("../supergraph.graphql");

/// The public schema of [`SUPERGRAPH_SDL`], which `cargo xtask schemas` generates.
pub const PUBLIC_SDL: &str = include_str!("../../schema.graphql");

/// One domain.
pub struct Domain {
    /// Its name in the supergraph, and its folder under `subgraphs/`.
    pub name: &'static str,
    /// Returns its schema as a Federation subgraph.
    pub sdl: fn() -> String,
    /// Creates its executable schema.
    pub open: fn(Services, &Settings) -> Arc<dyn Subgraph>,
}

/// Every domain.
pub const DOMAINS: &[Domain] = &[
    Domain {
        name: "accounts",
        sdl: accounts::sdl,
        open: |services, settings| Arc::new(InProcess(accounts::schema_with(services, settings.accounts.clone()))),
    },
    Domain {
        name: "bookstore",
        sdl: bookstore::sdl,
        open: |services, _| Arc::new(InProcess(bookstore::schema(services))),
    },
    Domain {
        name: "brokerage",
        sdl: brokerage::sdl,
        open: |services, settings| Arc::new(InProcess(brokerage::schema_with(services, settings.brokerage.clone()))),
    },
    Domain {
        name: "exchange",
        sdl: exchange::sdl,
        open: |services, _| Arc::new(InProcess(exchange::schema(services))),
    },
    Domain {
        name: "messages",
        sdl: messages::sdl,
        open: |services, _| Arc::new(InProcess(messages::schema(services))),
    },
    Domain {
        name: "posts",
        sdl: posts::sdl,
        open: |services, _| Arc::new(InProcess(posts::schema(services))),
    },
    Domain {
        name: "shop",
        sdl: shop::sdl,
        open: |services, _| Arc::new(InProcess(shop::schema(services))),
    },
    Domain {
        name: "votes",
        sdl: votes::sdl,
        open: |services, settings| Arc::new(InProcess(votes::schema_with(services, settings.votes.clone()))),
    },
    Domain {
        name: "wallet",
        sdl: wallet::sdl,
        open: |services, settings| Arc::new(InProcess(wallet::schema_with(services, settings.wallet.clone()))),
    },
];

/// Returns the SDL of each subgraph, by name: those of the domains, and the router's own.
pub fn sdls() -> impl Iterator<Item = (&'static str, String)> {
    let domains = DOMAINS.iter().map(|domain| (domain.name, (domain.sdl)()));
    domains.chain([(nodes::NAME, nodes::sdl())])
}

/// Returns the names of all subgraphs: those of the domains, and the router's own.
pub fn names() -> impl Iterator<Item = &'static str> {
    DOMAINS.iter().map(|domain| domain.name).chain([nodes::NAME])
}

/// Opens all subgraphs over the same services, by name.
pub fn open_all(services: &Services, settings: &Settings) -> HashMap<String, Arc<dyn Subgraph>> {
    let open = |domain: &Domain| (domain.name.to_owned(), (domain.open)(services.clone(), settings));
    let mut subgraphs: HashMap<_, _> = DOMAINS.iter().map(open).collect();
    let nodes = nodes::open(subgraphs.clone());
    subgraphs.insert(nodes::NAME.to_owned(), nodes);
    subgraphs
}
