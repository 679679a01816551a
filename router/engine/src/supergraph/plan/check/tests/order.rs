//! Root fields are executed as the kind of their operation requires.

use super::super::fault::PlanFaultKind::RootOrder;
use super::*;
use crate::supergraph::plan::model::MutationStep;

const TWO: &str = "mutation { rename(upc: \"1\", name: \"n\") { upc stock } review(upc: \"1\") { id } }";

fn rename() -> MutationStep {
    let document = "mutation($a0: ID! $a1: String!) { rename(upc: $a0, name: $a1) { __typename upc } }";
    let stock = entities(
        "shipping",
        "rename",
        "... on Product { __typename upc }",
        "... on Product { stock }",
    );
    step("rename", sequence([root("products", document), stock]))
}

fn review() -> MutationStep {
    step(
        "review",
        root("reviews", "mutation($a0: ID!) { review(upc: $a0) { id } }"),
    )
}

fn step(key: &str, step: PlanStep) -> MutationStep {
    MutationStep {
        data_key: Name::new(key),
        step,
    }
}

fn refused(operation: &str, steps: PlanStep) -> String {
    match check(operation, steps) {
        Err(RootOrder(kind, reason)) => format!("{kind}: {reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn root_fields_of_a_mutation_are_executed_in_order() {
    assert_eq!(check(TWO, PlanStep::Serial(vec![rename(), review()])), Ok(()));
    assert_eq!(
        refused(TWO, PlanStep::Serial(vec![review(), rename()])),
        "mutation: its steps do not have the order of its root fields"
    );
    let together = sequence([rename().step, review().step]);
    assert_eq!(refused(TWO, together), "mutation: its root fields are not serial");
    assert_eq!(
        refused(TWO, PlanStep::Serial(vec![rename()])),
        "mutation: its steps do not have the order of its root fields"
    );
}

#[test]
fn a_root_field_is_finished_before_the_next_one_begins() {
    let PlanStep::Sequence(mut renaming) = rename().step else {
        panic!()
    };
    let stock = renaming.pop().unwrap();
    let late = vec![
        step("rename", sequence(renaming)),
        step("review", sequence([review().step, stock])),
    ];
    assert_eq!(
        refused(TWO, PlanStep::Serial(late)),
        "mutation: a step fetches data for another root field"
    );
}

#[test]
fn a_root_field_is_executed_once() {
    let one = "mutation { review(upc: \"1\") { id } }";
    assert_eq!(check(one, review().step), Ok(()));
    let twice = sequence([review().step, review().step]);
    assert_eq!(
        refused(one, twice),
        "mutation: a step does not execute its root field exactly once"
    );
}

#[test]
fn a_subscription_has_exactly_its_root_field_as_its_source() {
    let operation = "subscription { reviewed { product { stock } } }";
    let stock = || {
        let required = "... on Product { __typename upc }";
        entities("shipping", "reviewed.product", required, "... on Product { stock }")
    };
    let fetches = |source: Option<&str>, steps| Fetches {
        source: source.map(|document| fetch("reviews", document)),
        steps,
    };
    let right = "subscription { reviewed { product { __typename upc } } }";
    assert_eq!(check_fetches(operation, &fetches(Some(right), stock())), Ok(()));
    let fault = Err(RootOrder(
        "subscription",
        text("its source is not exactly its root field"),
    ));
    let two = "subscription { reviewed { product { __typename upc } } unreviewed { id } }";
    assert_eq!(check_fetches(operation, &fetches(Some(two), stock())), fault);
    assert_eq!(check_fetches(operation, &fetches(None, stock())), fault);
    let again = sequence([root("reviews", "{ topReview { id } }"), stock()]);
    let fault = Err(RootOrder("subscription", text("its steps fetch root fields")));
    assert_eq!(check_fetches(operation, &fetches(Some(right), again)), fault);
}

#[test]
fn a_query_has_no_source() {
    let fetches = Fetches {
        source: Some(fetch("products", "{ products { name } }")),
        steps: sequence([]),
    };
    let fault = RootOrder("query", text("it has a source"));
    assert_eq!(check_fetches("{ products { name } }", &fetches), Err(fault));
}
