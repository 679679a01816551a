//! A network in the kernel: each replica has its own network namespace, and all of them share one bridge.
//!
//! Everything is inside of a user, network, mount and process namespace. So it is invisible outside, and the kernel
//! removes it when the test ends, however it ends.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use order_log::ReplicaId;

use super::network::{Cut, Network, REPLICAS};
use super::partitioned::survives;
use super::process::this_test;
use super::trial::Trial;

/// The environment variable that marks a process inside of the namespaces.
const INSIDE: &str = "ORDER_LOG_TEST_NAMESPACES";
/// An address on the bridge without an owner: packets to it are lost, and the sender is not told.
const UNUSED_MAC: &str = "02:00:00:00:00:ff";

#[test]
fn a_namespace_partition_neither_loses_nor_repeats_an_order() {
    let probe = "mount -t tmpfs tmpfs /run
        ip netns add probe
        ip link add near type veth peer name far netns probe
        ip link add between type bridge
        ip netns exec probe ip link set lo up";
    let probed = apart(&["sh", "-ec", probe].map(str::to_owned));
    match probed {
        Ok(probed) if probed.status.success() => (),
        Ok(probed) => {
            return println!(
                "skipped: no namespaces here: {}",
                String::from_utf8_lossy(&probed.stderr)
            );
        }
        Err(error) => return println!("skipped: no namespaces here: unshare: {error}"),
    }
    let tested = apart(&this_test("faults::namespaces::partitions_inside_network_namespaces")).expect("a test");
    println!("{}", String::from_utf8_lossy(&tested.stdout));
    let said = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
}

/// Runs a command in namespaces in which it may change the network.
fn apart(command: &[String]) -> std::io::Result<Output> {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork"])
        .args(["--kill-child", "--"])
        .args(command)
        .env(INSIDE, "yes")
        .stdin(Stdio::null())
        .output()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started inside of namespaces by the test above"]
async fn partitions_inside_network_namespaces() {
    if std::env::var_os(INSIDE).is_some() {
        let cuts = [Cut::LeaderApart, Cut::LeaderMute, Cut::LeaderDeaf];
        survives(cuts, Trial::start(Namespaces::made())).await;
    }
}

/// A namespace for each replica; the clients are on the bridge itself.
struct Namespaces;

impl Namespaces {
    fn made() -> Self {
        run("mount -t tmpfs tmpfs /run");
        run("ip link set lo up");
        run("ip link add bridge type bridge");
        run("ip address add 10.77.0.254/24 dev bridge");
        run("ip link set bridge up");
        for id in REPLICAS {
            run(&format!("ip netns add replica{id}"));
            run(&format!("ip link add to{id} type veth peer name eth netns replica{id}"));
            run(&format!("ip link set to{id} master bridge up"));
            run(&format!("ip -n replica{id} address add {}/24 dev eth", host(id)));
            run(&format!("ip -n replica{id} link set eth up"));
            run(&format!("ip -n replica{id} link set lo up"));
        }
        Self
    }
}

impl Network for Namespaces {
    fn address(&self, id: ReplicaId) -> String {
        format!("{}:7100", host(id))
    }

    fn urls(&self, _: ReplicaId) -> BTreeMap<ReplicaId, String> {
        REPLICAS.map(|id| (id, format!("http://{}", self.address(id)))).into()
    }

    fn before(&self, id: ReplicaId) -> Vec<String> {
        let words = ["ip", "netns", "exec", &format!("replica{id}")];
        words.map(str::to_owned).to_vec()
    }

    fn lose(&self, from: ReplicaId, to: ReplicaId, lost: bool) {
        let to = host(to);
        run(&if lost {
            format!("ip -n replica{from} neighbour replace {to} lladdr {UNUSED_MAC} dev eth nud permanent")
        } else {
            format!("ip -n replica{from} neighbour delete {to} dev eth")
        });
    }
}

fn host(id: ReplicaId) -> String {
    format!("10.77.0.{id}")
}

fn run(line: &str) {
    let mut words = line.split(' ');
    let done = Command::new(words.next().expect("a command")).args(words).output();
    let done = done.expect("a command that can be run");
    assert!(
        done.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
