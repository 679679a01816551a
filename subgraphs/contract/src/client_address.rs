//! The network address of the client whose request is being answered.

use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};

tokio::task_local! {
    static ADDRESS: Option<IpAddr>;
}

/// Runs `work` for a client at that address. What it awaits on its own task sees the address, a task that it spawns does not.
pub async fn for_client<F: Future>(address: Option<IpAddr>, work: F) -> F::Output {
    ADDRESS.scope(address, work).await
}

/// The address of the client whose request this task answers, as [`client_of`] gives it; `None` where this process itself
/// calls.
pub fn client_address() -> Option<IpAddr> {
    ADDRESS.try_with(|address| address.map(client_of)).ok().flatten()
}

/// The client behind an address: of IPv6 the network of 64 bits, which one client has for itself.
pub fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
        other => other,
    }
}
