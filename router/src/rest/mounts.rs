//! The mounts: one file or folder per system, and in a folder one file per service or subject. Each is a table of routes.

mod bazaar;
mod bookstore;
mod brokerage;
mod community;
mod shop;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::backend::Upstream;
use super::bound_service::MountServices;
use super::error::Envelope;
use super::route::Mount;

/// All mounts, by name.
pub(super) static MOUNTS: &[Mount] = &[
    bazaar::MOUNT,
    bookstore::MOUNT,
    brokerage::MOUNT,
    community::MOUNT,
    shop::MOUNT,
];

impl MountServices {
    /// Puts the replicas of the order service, by id, in the place of the bazaar's order service.
    #[must_use]
    pub fn with_order_replicas(self, upstreams: BTreeMap<u64, Arc<dyn Upstream>>) -> Self {
        let replicas = bazaar::order_replicas(upstreams);
        self.with_instances(bazaar::MOUNT.name, bazaar::ORDER_SERVICE.name, replicas)
    }
}

/// Returns the error format of the order service, of which a replica can be a process of its own.
pub(crate) fn order_service_envelope() -> &'static Envelope {
    &bazaar::MOUNT.envelope
}
