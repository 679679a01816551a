//! The rule of the pre-vote, in all small cases and on a simulated clock.

use std::time::Duration;

use openraft::CommittedLeaderId;

use super::PreVoteState;
use crate::OrderLogSettings;
use crate::command::ReplicaId;
use crate::store::LogId;

const LEASE: Duration = Duration::from_millis(1_000);

fn log(index: u64) -> Option<LogId> {
    (index > 0).then(|| LogId::new(CommittedLeaderId::new(1, 1), index))
}

/// All states of a group in which every replica misses its leader or not, leads or not, and has a shorter or a longer
/// log.
fn all_groups(voters: u64) -> Vec<Vec<PreVoteState>> {
    let mut groups = vec![Vec::new()];
    for id in 1..=voters {
        let mut longer = Vec::new();
        for group in groups {
            for (since_heartbeat_ms, leads, index) in [
                (999, false, 0),
                (999, false, 1),
                (1_001, false, 0),
                (1_001, false, 1),
                (5_000, true, 1),
            ] {
                let state = PreVoteState {
                    id,
                    leads,
                    since_heartbeat_ms,
                    last_log: log(index),
                };
                longer.push([group.clone(), vec![state]].concat());
            }
        }
        groups = longer;
    }
    groups
}

/// The replicas that start an election when each has the answers of those that `hears` names.
fn starters(group: &[PreVoteState], hears: impl Fn(ReplicaId, ReplicaId) -> bool) -> Vec<ReplicaId> {
    let starts = |state: &&PreVoteState| {
        let others = group
            .iter()
            .filter(|other| other.id != state.id && hears(state.id, other.id));
        let others: Vec<_> = others.cloned().collect();
        state.should_start_election(&others, group.len(), LEASE)
    };
    group.iter().filter(starts).map(|state| state.id).collect()
}

fn misses_leader(state: &&PreVoteState) -> bool {
    state.since_heartbeat_ms > 1_000 && !state.leads
}

#[test]
fn one_replica_starts_exactly_when_a_majority_misses_the_leader() {
    for voters in [1, 2, 3, 4, 5] {
        for group in all_groups(voters) {
            let missing = group.iter().filter(misses_leader).count();
            let wanted = missing * 2 > group.len() && !group.iter().any(|state| state.leads);
            let started = starters(&group, |_, _| true);
            assert_eq!(started.len(), usize::from(wanted), "{started:?} in {group:?}");
        }
    }
}

#[test]
fn the_starter_can_win_the_votes_of_all_that_miss_the_leader() {
    for group in all_groups(5) {
        for starter in starters(&group, |_, _| true) {
            let log_of = |id: ReplicaId| group.iter().find(|state| state.id == id).expect("a replica").last_log;
            let voters = group.iter().filter(misses_leader);
            // A voter grants its vote to a candidate whose log is at least as long.
            assert!(
                voters.into_iter().all(|voter| log_of(starter) >= voter.last_log),
                "{starter} in {group:?}"
            );
        }
    }
}

#[test]
fn a_majority_that_reaches_only_itself_starts_one_election() {
    for group in all_groups(5) {
        // Replicas 1 to 3 are cut off from 4 and 5.
        let side = |id: ReplicaId| id <= 3;
        let started = starters(&group, |one, other| side(one) == side(other));
        let inside: Vec<_> = group.iter().filter(|state| side(state.id)).collect();
        let wanted = inside.iter().all(misses_leader);
        assert_eq!(started.len(), usize::from(wanted), "{started:?} in {group:?}");
    }
}

#[test]
fn no_replicas_leave_the_election_to_each_other() {
    for group in all_groups(4) {
        for (one, other) in group.iter().flat_map(|one| group.iter().map(move |other| (one, other))) {
            assert_eq!(one.precedes(other), one.id != other.id && !other.precedes(one));
            for third in &group {
                assert!(!(one.precedes(other) && other.precedes(third) && third.precedes(one)));
            }
        }
    }
}

/// Kills the leader at 0 and restarts it later. Returns when the first election starts, and which replica starts it.
fn first_election(leader: ReplicaId, restarted_at: u64, longer_log: bool, phase: u64) -> (u64, ReplicaId) {
    let settings = OrderLogSettings::default();
    let look = u64::try_from(settings.heartbeat.as_millis()).expect("a number") / 2;
    for now in 0_u64.. {
        let mut group: Vec<_> = (1..=3)
            .map(|id| PreVoteState {
                id,
                leads: false,
                // The clock of a replica that restarts starts again.
                since_heartbeat_ms: if id == leader {
                    now.saturating_sub(restarted_at)
                } else {
                    now
                },
                last_log: log(1),
            })
            .collect();
        if longer_log {
            // The leader died with an entry that it had sent to none.
            group[usize::try_from(leader).expect("an index") - 1].last_log = log(2);
        }
        group.retain(|state| state.id != leader || now >= restarted_at);
        for state in &group {
            // Each replica looks at its own moments.
            let looks = (now + phase * state.id).is_multiple_of(look);
            let others: Vec<_> = group.iter().filter(|other| other.id != state.id).cloned().collect();
            if looks && state.should_start_election(&others, 3, settings.lease()) {
                return (now, state.id);
            }
        }
    }
    unreachable!("the clock does not end")
}

#[test]
fn survivors_do_not_wait_for_a_leader_that_restarted() {
    let lease = u64::try_from(OrderLogSettings::default().lease().as_millis()).expect("a number");
    for leader in 1..=3 {
        for restarted_at in (0..2_000).step_by(50) {
            for phase in [0, 20, 41, 77] {
                for longer_log in [false, true] {
                    let (at, starter) = first_election(leader, restarted_at, longer_log, phase);
                    let case = format!("leader {leader} restarted at {restarted_at}: {starter} starts at {at}");
                    // A survivor looks twice in each heartbeat. The lease of a leader that restarts within that time may
                    // run out before the survivors look.
                    let is_at_once = restarted_at < 125;
                    let latest = lease + 125 + if is_at_once { restarted_at } else { 0 };
                    assert!(at <= latest, "{case}");
                    assert!(starter != leader || is_at_once, "{case}");
                }
            }
        }
    }
}
