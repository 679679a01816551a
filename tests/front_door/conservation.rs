//! Money and shares always add up: random operations by several people, beside a small pure model.

mod crowd;
mod model;
mod op;
mod world;

use proptest::test_runner::Config;
use proptest_state_machine::prop_state_machine;

use world::World;

/// The number of runs of random operations.
const RUNS: u32 = 24;

prop_state_machine! {
    #![proptest_config(Config { cases: RUNS, failure_persistence: None, max_shrink_iters: 200, ..Config::default() })]

    #[test]
    fn every_operation_matches_the_model_and_the_books_balance(sequential 300..500 => World);
}
