//! Tests that the checker rejects wrong histories.

use std::collections::HashSet;

use order_log::command::TradeSide;

use super::RegisterOperation::{self, Read, TooFew, Traded, Unknown};
use super::{CatalogObservation, FailedAttempt, GroundTruth, Recorder};

#[test]
fn the_checker_rejects_impossible_histories() {
    let history = |operations: &[RegisterOperation]| {
        let recorder = Recorder::default();
        for operation in operations {
            let id = recorder.call(Some("key"));
            recorder.response(id, operation.clone());
        }
        recorder.recorded()
    };
    let nothing = GroundTruth::default();
    let (bought, sold) = (Traded(TradeSide::Buy, 20), Traded(TradeSide::Sell, 5));
    let right = [bought.clone(), Read(10), TooFew(11), sold.clone(), Read(15)];
    assert!(history(&right).is_linearizable(&nothing));
    for wrong in [
        // Late: a later read does not see the answered trade, or no longer sees it.
        vec![bought.clone(), Read(30)],
        vec![bought.clone(), Read(10), Read(30)],
        // Early: no client has traded yet.
        vec![Read(10), bought.clone()],
        // Twice.
        vec![sold.clone(), Read(40)],
        vec![bought.clone(), bought.clone()],
        // Refused without a reason.
        vec![TooFew(30)],
    ] {
        assert!(!history(&wrong).is_linearizable(&nothing), "{wrong:?}");
    }

    // A trade with an unknown outcome happens later or never, but not twice, and not before its request.
    let unknown = Unknown(TradeSide::Buy, 20);
    let happened = GroundTruth {
        recorded: HashSet::from(["key".to_owned()]),
        ..GroundTruth::default()
    };
    for (right, known) in [
        (vec![unknown.clone(), Read(30), Read(10), Read(10)], &happened),
        (vec![unknown.clone(), Read(30), bought.clone(), Read(10)], &nothing),
        (vec![unknown.clone(), Read(30)], &happened),
    ] {
        assert!(history(&right).is_linearizable(known), "{right:?}");
    }
    for (wrong, known) in [
        (vec![unknown.clone(), Read(10), Read(30)], &happened),
        (vec![unknown.clone(), Read(10)], &nothing),
        (vec![Read(10), unknown], &happened),
    ] {
        assert!(!history(&wrong).is_linearizable(known), "{wrong:?}");
    }

    // The shares of an attempt are missing for a while and come back, once.
    let attempt = FailedAttempt {
        name: "attempt".to_owned(),
        key: "key".to_owned(),
        quantity: 20,
    };
    let attempted = |open: &[(usize, usize)]| GroundTruth {
        failed_attempts: vec![attempt.clone()],
        observations: open
            .iter()
            .enumerate()
            .map(|(n, (from, to))| CatalogObservation {
                from: *from,
                to: *to,
                open: if n == 1 {
                    HashSet::from(["attempt".to_owned()])
                } else {
                    HashSet::new()
                },
            })
            .collect(),
        ..GroundTruth::default()
    };
    let (once, whenever) = (Traded(TradeSide::Buy, 1), attempted(&[]));
    let seen = history(&[once, Read(9), Read(29)]);
    assert!(seen.is_linearizable(&whenever));
    assert!(!seen.is_linearizable(&nothing));
    assert!(!seen.with_wrong_read(1, |left| left + 20).is_linearizable(&whenever));
    // The attempt was open after the first read.
    assert!(seen.is_linearizable(&attempted(&[(0, 1), (3, 4), (5, 6)])));
    assert!(!seen.is_linearizable(&attempted(&[(4, 4), (5, 5), (6, 6)])));
}
