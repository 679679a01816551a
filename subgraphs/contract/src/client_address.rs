//! The network address of the client whose request is being answered.

use std::future::Future;
use std::net::IpAddr;

tokio::task_local! {
    static ADDRESS: Option<IpAddr>;
}

/// Runs `work` for a client at that address. What it awaits on its own task sees the address, a task that it spawns does not.
pub async fn for_client<F: Future>(address: Option<IpAddr>, work: F) -> F::Output {
    ADDRESS.scope(address, work).await
}

/// The address of the client whose request this task answers; `None` where this process itself calls.
pub fn client_address() -> Option<IpAddr> {
    ADDRESS.try_with(|address| *address).ok().flatten()
}
