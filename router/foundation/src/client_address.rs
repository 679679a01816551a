//! The network address of the client whose request is being answered.

use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};

tokio::task_local! {
    static ADDRESS: Option<IpAddr>;
}

/// Runs `work` for a client at that address. The futures that it awaits on its own task see the address; tasks that
/// it spawns do not.
pub fn with_client_address<F: Future>(address: Option<IpAddr>, work: F) -> impl Future<Output = F::Output> {
    // No async function: its future would have two places for `work`.
    ADDRESS.scope(address, work)
}

/// Returns the address of the client whose request this task answers, in the form of [`client_network`]; `None` where
/// this process itself is the caller.
pub fn client_address() -> Option<IpAddr> {
    ADDRESS.try_with(|address| address.map(client_network)).ok().flatten()
}

/// Returns the address that identifies a client: for IPv6 its 64-bit network, which one client has for itself.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
        other => other,
    }
}
