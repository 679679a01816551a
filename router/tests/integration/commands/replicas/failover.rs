//! The leader of a demo dies, and its supervisor restarts it while the others elect another one. The times are those
//! that a user gets.

use serde_json::Value;

use super::demo::Demo;
use super::eventually;

impl Demo {
    /// Waits until all replicas run, have caught up and follow one leader, which it returns.
    fn settled_leader(&self) -> u64 {
        let mut leader = None;
        eventually("all replicas follow one leader", || {
            let replicas = self.0.graphql("{ orderReplicas { id alive leader applied } }", None);
            let replicas = replicas["data"]["orderReplicas"].as_array().expect("a list").clone();
            let leaders: Vec<_> = replicas.iter().filter(|replica| replica["leader"] == true).collect();
            leader = leaders
                .first()
                .and_then(|leader| u64::try_from(testing::number_of(leader["id"].as_str()?)).ok());
            let settled = |replica: &Value| replica["alive"] == true && replica["applied"] == replicas[0]["applied"];
            let ready = |id: u64| self.send(&format!("GET /bazaar/order/{id}/ping"), &Value::Null).0 == 200;
            leaders.len() == 1 && replicas.iter().all(settled) && (1..=3).all(ready)
        });
        leader.expect("a leader")
    }
}

#[test]
fn survivors_elect_one_of_themselves_while_the_leader_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let mut killed_last = false;
    // The best candidate of equals has the highest id: when replica 3 does not lead, it follows the leader that dies.
    for kill in 0..3 {
        let leader = demo.settled_leader();
        killed_last = leader == 3;
        demo.kill(leader);
        demo.trade(
            &format!("after kill {kill}"),
            "POST /bazaar/orders",
            "/data/order_number",
        );
        let next = demo.settled_leader();
        assert_ne!(next, leader, "the survivors waited for the leader that had died");
        if killed_last {
            break;
        }
    }
    assert!(killed_last, "replica 3 never led");
}
