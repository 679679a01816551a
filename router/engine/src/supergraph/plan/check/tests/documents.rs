//! Documents are valid for their subgraphs.

use super::super::fault::PlanFaultKind::{InvalidDocument, Unknown, WrongSubgraph};
use super::*;

const PRODUCT: &str = "{ product(upc: \"1\") { name } }";

#[test]
fn the_subgraph_must_know_fields_and_types() {
    let unknown = |document: &str| check("{ products { name } }", root("products", document));
    assert_eq!(
        unknown("{ products { reviews { body } } }"),
        Err(Unknown(text("Product.reviews")))
    );
    assert_eq!(unknown("{ topReview { body } }"), Err(Unknown(text("Query.topReview"))));
    assert_eq!(
        unknown("{ products { ... on Review { body } } }"),
        Err(Unknown(text("Review")))
    );
    let impossible = InvalidDocument(text("no Product is a Book"));
    assert_eq!(unknown("{ products { ... on Book { title } } }"), Err(impossible));
}

#[test]
fn a_fragment_on_a_type_that_cannot_occur_must_be_valid_too() {
    let document = "{ media { ... on Book { ... on Media { ... on Film { reviews } } } } }";
    let checked = check("{ media { __typename } }", root("products", document));
    assert_eq!(checked, Err(Unknown(text("Film.reviews"))));
}

#[test]
fn variables_are_declared_with_their_types_and_passed() {
    let wrong = |document: &str| check(PRODUCT, root("products", document));
    assert_eq!(wrong("query($a0: ID!) { product(upc: $a0) { name } }"), Ok(()));
    let fault = |reason: &str| Err(InvalidDocument(text(reason)));
    assert_eq!(
        wrong("{ product(upc: $a0) { name } }"),
        fault("a variable is not declared")
    );
    assert_eq!(
        wrong("query($a0: ID) { product(upc: $a0) { name } }"),
        fault("a variable does not have the type of its argument")
    );
    assert_eq!(
        wrong("query($a0: ID! $b: ID!) { product(upc: $a0) { name } }"),
        fault("a variable is not used")
    );
    assert_eq!(
        wrong("query($b: ID!) { product(upc: $b) { name } }"),
        fault("a variable is no argument of the operation")
    );
    assert_eq!(wrong("{ product { name } }"), fault("a required argument is missing"));
    assert_eq!(wrong("{ product(id: 1) { name } }"), fault("an unknown argument"));
}

#[test]
fn variables_must_be_passed() {
    let mut request = fetch("products", "query($a0: ID!) { product(upc: $a0) { name } }");
    request.variables.clear();
    let fault = InvalidDocument(text("a variable is not passed"));
    assert_eq!(check(PRODUCT, PlanStep::Fetch(request)), Err(fault));
}

#[test]
fn selections_fit_the_types_of_their_fields() {
    let fault = InvalidDocument(text("a leaf with selections, or an object without"));
    assert_eq!(
        check("{ products { name } }", root("products", "{ products }")),
        Err(fault)
    );
}

#[test]
fn fragments_of_the_document_are_followed() {
    let document = "{ products { ...P } } fragment P on Product { name }";
    assert_eq!(check("{ products { name } }", root("products", document)), Ok(()));
    let document = "{ products { ...P } } fragment P on Product { name ...P }";
    assert_eq!(
        check("{ products { name } }", root("products", document)),
        Err(PlanFaultKind::TooLarge)
    );
}

#[test]
fn a_fetch_goes_to_the_subgraph_of_its_name() {
    let mut request = fetch("products", "{ products { name } }");
    request.subgraph = 1;
    let fault = WrongSubgraph(text("products"));
    assert_eq!(check("{ products { name } }", PlanStep::Fetch(request)), Err(fault));
}

#[test]
fn a_selection_has_no_directives() {
    let document = "{ products { name @include(if: true) } }";
    let fault = InvalidDocument(text("a selection with a directive"));
    assert_eq!(check("{ products { name } }", root("products", document)), Err(fault));
}

#[test]
fn a_document_has_the_kind_of_its_operation() {
    let fault = InvalidDocument(text("it has another kind of operation, or directives"));
    let steps = root("products", "mutation { products { name } }");
    assert_eq!(check("{ products { name } }", steps), Err(fault));
}
