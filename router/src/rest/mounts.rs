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

/// Checks that there is a mount of that name, and that service in it. Replicas of the order service, with these ids, take its place.
///
/// # Errors
/// The names that exist.
pub(crate) fn require_service(mount: &str, service: Option<&str>, replicas: &[u64]) -> Result<(), String> {
    let Some(known) = MOUNTS.iter().find(|known| known.name == mount) else {
        let names: Vec<_> = MOUNTS.iter().map(|known| known.name).collect();
        return Err(format!(
            "there is no REST mount {mount}; the mounts are {}",
            names.join(", ")
        ));
    };
    let mut names: Vec<String> = known.services.iter().map(|service| service.name.to_owned()).collect();
    if mount == bazaar::MOUNT.name && !replicas.is_empty() {
        names.retain(|name| name != bazaar::ORDER_SERVICE.name);
        names.extend(replicas.iter().map(|id| bazaar::replica_name(*id)));
    }
    match service {
        Some(service) if !names.iter().any(|name| name == service) => Err(format!(
            "there is no REST mount {mount}.{service}; the services of {mount} are {}",
            names.join(", ")
        )),
        _ => Ok(()),
    }
}

/// Returns the error format of the order service, of which a replica can be a process of its own.
pub(crate) fn order_service_envelope() -> &'static Envelope {
    &bazaar::MOUNT.envelope
}
