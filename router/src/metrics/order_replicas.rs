//! The metrics of the order replicas.

use order_log::NodeStatus;

use super::catalogue::{self as metric, Metric};
use super::exposition::Exposition;

/// Writes the metrics of these replicas. One that does not answer has neither term nor lag.
pub fn write(out: &mut Exposition, replicas: &[NodeStatus]) {
    let newest = replicas.iter().map(|replica| replica.applied).max().unwrap_or(-1);
    let mut each = |metric: &'static Metric, value: &dyn Fn(&NodeStatus) -> Option<i128>| {
        let mut samples = out.metric(metric);
        for replica in replicas {
            if let Some(value) = value(replica) {
                samples.value(&[("replica", &replica.id.to_string())], value);
            }
        }
    };
    each(metric::REPLICA_UP, &|replica| Some(replica.alive.into()));
    each(metric::REPLICA_LEADER, &|replica| {
        Some((replica.alive && replica.leader).into())
    });
    each(metric::REPLICA_TERM, &|replica| {
        replica.alive.then_some(replica.term.into())
    });
    each(metric::REPLICA_LAG, &|replica| {
        replica.alive.then(|| i128::from(newest) - i128::from(replica.applied))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_lags_behind_the_newest_and_a_dead_one_has_no_lag() {
        let replica = |id, alive, leader, applied| NodeStatus {
            id,
            alive,
            ready: alive,
            leader,
            applied,
            term: 4,
        };
        let mut out = Exposition::default();
        write(
            &mut out,
            &[
                replica(1, true, true, 9),
                replica(2, true, false, 7),
                replica(3, false, false, -1),
            ],
        );
        let text = out.into_text();
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "agora_order_replica_up{replica=\"1\"} 1",
            "agora_order_replica_up{replica=\"2\"} 1",
            "agora_order_replica_up{replica=\"3\"} 0",
            "agora_order_replica_leader{replica=\"1\"} 1",
            "agora_order_replica_leader{replica=\"2\"} 0",
            "agora_order_replica_leader{replica=\"3\"} 0",
            "agora_order_replica_term{replica=\"1\"} 4",
            "agora_order_replica_term{replica=\"2\"} 4",
            "agora_order_replica_lag_trades{replica=\"1\"} 0",
            "agora_order_replica_lag_trades{replica=\"2\"} 2",
        ];
        assert_eq!(samples, expected);
    }
}
