//! All people run the same operations at once. The model has no order to compare with, but the books must balance.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use proptest_state_machine::ReferenceStateMachine;

use super::model::{Model, Op};
use super::world::{Stage, is_executed};

/// The people who act at once, and the operations of each.
const ACTORS: usize = 8;
const OPERATIONS: usize = 250;

/// Returns random operations, the same in every run for the same `place`.
fn operations(place: usize) -> Vec<Op> {
    let config = proptest::test_runner::Config::default();
    let seed = [u8::try_from(place).expect("few actors"); 32];
    let rng = proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let operation = Model::transitions(&Model::new());
    let mut next = || operation.new_tree(&mut runner).expect("an operation").current();
    (0..OPERATIONS).map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_balance_under_concurrent_operations() {
    let stage = Stage::set().await;
    let shares = stage.audit().shares();

    let stage = std::sync::Arc::new(stage);
    let mut actors = tokio::task::JoinSet::new();
    for place in 0..ACTORS {
        let stage = stage.clone();
        actors.spawn(async move {
            let mut executed = 0;
            for op in operations(place) {
                let Ok((person, query, variables)) = stage.call(&op) else {
                    continue;
                };
                let answer = person.query(query, variables).await;
                executed += usize::from(is_executed(&answer));
                if matches!(op, Op::Reprice { .. }) {
                    stage.catch_up().await;
                }
            }
            executed
        });
    }
    let executed: usize = actors.join_all().await.into_iter().sum();

    stage.catch_up().await;
    let audit = stage.audit();
    audit.assert_balanced();
    assert_eq!(audit.shares(), shares, "shares came or went");
    assert!(
        executed > ACTORS * OPERATIONS / 4,
        "only {executed} operations were executed"
    );
}
