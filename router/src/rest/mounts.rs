//! The mounts: one file or folder per system, and in a folder one file per service or subject. Each is a table of routes.

mod bazaar;
mod bookstore;
mod brokerage;
mod community;
mod shop;

use super::route::Mount;

pub(super) use bazaar::{replica_of, replica_unavailable, services as bazaar_services};

/// The bazaar, whose order service can have replicas.
pub(super) use bazaar::MOUNT as BAZAAR;

/// All mounts, by name.
pub(super) static MOUNTS: &[Mount] = &[
    bazaar::MOUNT,
    bookstore::MOUNT,
    brokerage::MOUNT,
    community::MOUNT,
    shop::MOUNT,
];
