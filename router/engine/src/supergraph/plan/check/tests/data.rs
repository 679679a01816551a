//! Everything selected is fetched, and nothing else.

use super::super::fault::PlanFaultKind::{self, Conflict, NotFetched, NotNeeded, OtherField};
use super::*;

const REVIEWS: &str = "{ products { upc reviews { body } } }";

fn reviews_after(first: &str) -> Result<(), PlanFaultKind> {
    let required = "... on Product { __typename upc }";
    let reviews = entities("reviews", "products", required, "... on Product { reviews { body } }");
    check(REVIEWS, sequence([root("products", first), reviews]))
}

#[test]
fn a_plan_that_fetches_everything_is_right() {
    assert_eq!(reviews_after("{ products { __typename upc } }"), Ok(()));
}

#[test]
fn a_selected_field_must_be_fetched() {
    let steps = root("products", "{ products { upc } }");
    assert_eq!(check(REVIEWS, steps), Err(NotFetched(text("Product.reviews"))));
    assert_eq!(check(REVIEWS, sequence([])), Err(NotFetched(text("Query.products"))));
}

#[test]
fn a_field_must_be_fetched_for_every_type() {
    let operation = "{ media { title } }";
    let all = "{ media { __typename title } }";
    assert_eq!(check(operation, root("products", all)), Ok(()));
    let each = "{ media { __typename ... on Book { title } ... on Film { title } } }";
    assert_eq!(check(operation, root("products", each)), Ok(()));
    let one = "{ media { __typename ... on Book { title } } }";
    assert_eq!(
        check(operation, root("products", one)),
        Err(NotFetched(text("Film.title")))
    );
}

#[test]
fn an_object_of_several_types_must_tell_its_type() {
    let steps = root("products", "{ media { title } }");
    assert_eq!(
        check("{ media { title } }", steps),
        Err(NotFetched(text("Book.__typename")))
    );
}

#[test]
fn the_insides_of_one_type_are_not_those_of_another() {
    let operation = "{ media { ... on Book { product { name } } ... on Film { product { name } } } }";
    let both = "{ media { __typename ... on Book { product { name } } ... on Film { product { name } } } }";
    assert_eq!(check(operation, root("products", both)), Ok(()));
    let mixed = "{ media { __typename ... on Book { product { name } } ... on Film { product { __typename } } } }";
    assert_eq!(
        check(operation, root("products", mixed)),
        Err(NotFetched(text("Product.name")))
    );
}

#[test]
fn a_key_must_have_the_selected_field() {
    let steps = root("products", "{ products { name: upc } }");
    let fault = OtherField {
        wanted: text("name()"),
        found: text("upc"),
    };
    assert_eq!(check("{ products { name } }", steps), Err(fault));
}

#[test]
fn a_field_must_have_its_arguments() {
    let operation = "{ products { price(currency: \"EUR\") } }";
    let with = "query($a0: String) { products { price(currency: $a0) } }";
    assert_eq!(check(operation, root("products", with)), Ok(()));
    let without = "{ products { price } }";
    let fault = OtherField {
        wanted: text("price(currency: $a0)"),
        found: text("price"),
    };
    assert_eq!(check(operation, root("products", without)), Err(fault));
    let two = "{ products { price(currency: \"EUR\") other: price(currency: \"USD\") } }";
    let swapped = "query($a0: String $a1: String) { products { price(currency: $a1) _2_price: price(currency: $a0) } }";
    assert!(matches!(check(two, root("products", swapped)), Err(OtherField { .. })));
}

#[test]
fn fetches_must_not_disagree_about_a_key() {
    let steps = sequence([
        root("products", "{ products { __typename upc } }"),
        entities(
            "reviews",
            "products",
            "... on Product { __typename upc }",
            "... on Product { upc: reviews { body } }",
        ),
    ]);
    let fault = Conflict(text("upc"), text("reviews"));
    assert_eq!(check("{ products { upc } }", steps), Err(fault));
}

#[test]
fn nothing_else_is_fetched() {
    assert_eq!(
        reviews_after("{ products { __typename upc weight } }"),
        Err(NotNeeded(text("weight")))
    );
}

#[test]
fn a_response_is_rewritten_before_it_is_merged() {
    let mut request = fetch("products", "{ products { alias: name } }");
    assert_eq!(
        check("{ products { name } }", PlanStep::Fetch(request)),
        Err(NotFetched(text("Product.name")))
    );
    request = fetch("products", "{ products { alias: name } }");
    request.rewrites = vec![rewrite("products.alias", RewriteAction::Rename(Name::new("name")))];
    assert_eq!(check("{ products { name } }", PlanStep::Fetch(request)), Ok(()));
}
