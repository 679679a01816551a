//! A network of proxies in this process: each replica reaches each other one through a separate proxy.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use order_log::ReplicaId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::network::{Network, REPLICAS};
use crate::cluster::url;

type DirectedLink = (ReplicaId, ReplicaId);

/// An address for each replica, and a proxy for each direction between two of them.
pub struct Proxies {
    addresses: BTreeMap<ReplicaId, String>,
    /// The address at which the first replica reaches the second one.
    proxies: BTreeMap<DirectedLink, String>,
    /// Whether the data from the first replica to the second one is dropped.
    lost: Arc<BTreeMap<DirectedLink, watch::Sender<bool>>>,
}

impl Proxies {
    pub async fn start() -> Self {
        let addresses: BTreeMap<_, _> = REPLICAS.map(|id| (id, address_of_its_own())).into();
        let ways = REPLICAS.into_iter().flat_map(|from| REPLICAS.map(|to| (from, to)));
        let ways: Vec<_> = ways.filter(|(from, to)| from != to).collect();
        let lost = ways.iter().map(|way| (*way, watch::Sender::new(false)));
        let mut proxies = Self {
            addresses,
            proxies: BTreeMap::new(),
            lost: Arc::new(lost.collect()),
        };
        for (from, to) in ways {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            proxies.proxies.insert((from, to), url(&listener));
            let (target, lost) = (proxies.addresses[&to].clone(), proxies.lost.clone());
            tokio::spawn(async move {
                while let Ok((near, _)) = listener.accept().await {
                    let there = lost[&(from, to)].subscribe();
                    let back = lost[&(to, from)].subscribe();
                    tokio::spawn(proxy_connection(near, target.clone(), there, back));
                }
            });
        }
        proxies
    }
}

impl Network for Proxies {
    fn address(&self, id: ReplicaId) -> String {
        self.addresses[&id].clone()
    }

    fn urls(&self, id: ReplicaId) -> BTreeMap<ReplicaId, String> {
        let own = (id, format!("http://{}", self.addresses[&id]));
        let others = self.proxies.iter().filter(|((from, _), _)| *from == id);
        others.map(|((_, to), url)| (*to, url.clone())).chain([own]).collect()
    }

    fn before(&self, _: ReplicaId) -> Vec<String> {
        Vec::new()
    }

    fn lose(&self, from: ReplicaId, to: ReplicaId, lost: bool) {
        self.lost[&(from, to)].send_replace(lost);
    }
}

/// Forwards one connection. When a direction has dropped data and works again, the connection ends, since data after a
/// gap has no meaning. Until then the other side only seems slow.
async fn proxy_connection(
    near: TcpStream,
    target: String,
    mut there: watch::Receiver<bool>,
    back: watch::Receiver<bool>,
) {
    if *there.borrow_and_update() {
        // The connection attempt is lost, too.
        let _ = there.wait_for(|lost| !lost).await;
        return;
    }
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = proxy_one_way(near_read, far_write, there) => (),
        () = proxy_one_way(far_read, near_write, back) => (),
    }
}

async fn proxy_one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut lost: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16 << 10];
    let mut has_gap = false;
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            healed = lost.wait_for(|lost| !lost), if has_gap => return drop(healed),
        };
        let losing = *lost.borrow();
        match read {
            Ok(count @ 1..) if losing || has_gap => has_gap = count > 0,
            Ok(count @ 1..) => {
                if to.write_all(&bytes[..count]).await.is_err() {
                    return;
                }
            }
            // The end of the connection is dropped as well.
            Ok(0) | Err(_) => return drop(lost.wait_for(|lost| !lost).await),
        }
    }
}

/// An address that stays free while the replica is down. Its port is not in the range that the system assigns. Where
/// the whole loopback network belongs to this machine, its host is specific to this process.
fn address_of_its_own() -> String {
    static PORT: AtomicU16 = AtomicU16::new(7_100);
    let port = PORT.fetch_add(1, Relaxed);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let host = match std::env::consts::OS {
        "linux" => Ipv4Addr::new(127, 64 | high & 63, low, 1),
        _ => Ipv4Addr::LOCALHOST,
    };
    format!("{host}:{port}")
}
