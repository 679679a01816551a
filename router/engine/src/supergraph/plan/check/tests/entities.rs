//! Entities are resolved by keys and requirements that were fetched before.

use super::super::fault::PlanFaultKind::{
    Misnamed, NoKey, NoPlace, NoRequirement, NotFetchedBefore, NotResolvable, SharedVariable,
};
use super::*;

const SHIPPING: &str = "{ products { shipping } }";
const SHIPPING_INPUT: &str = "{ products { __typename upc eur: price(currency: \"EUR\") weight } }";
const SHIPPING_REQUIRED: &str = "... on Product { __typename upc price: eur weight }";

fn shipping(first: &str, required: &str) -> Result<(), PlanFaultKind> {
    let shipping = entities("shipping", "products", required, "... on Product { shipping }");
    check(SHIPPING, sequence([root("products", first), shipping]))
}

#[test]
fn requirements_are_fetched_with_their_arguments() {
    assert_eq!(shipping(SHIPPING_INPUT, SHIPPING_REQUIRED), Ok(()));
}

#[test]
fn a_requirement_must_not_be_left_out() {
    let fault = NoRequirement(text("Product.shipping"));
    assert_eq!(
        shipping(SHIPPING_INPUT, "... on Product { __typename upc weight }"),
        Err(fault)
    );
}

#[test]
fn a_requirement_must_have_its_arguments() {
    let first = "{ products { __typename upc eur: price(currency: \"USD\") weight } }";
    let fault = NoRequirement(text("Product.shipping"));
    assert_eq!(shipping(first, SHIPPING_REQUIRED), Err(fault));
}

#[test]
fn a_clients_alias_must_not_pass_for_a_requirement() {
    let first = "{ products { __typename upc eur: weight weight } }";
    let fault = Misnamed(text("weight"));
    assert_eq!(shipping(first, SHIPPING_REQUIRED), Err(fault));
}

#[test]
fn a_requirement_needs_a_representation() {
    let operation = "{ topReview { product { name } } }";
    let steps = root("reviews", "{ topReview { product { name } } }");
    assert_eq!(check(operation, steps), Ok(()));
    let steps = sequence([
        root("products", SHIPPING_INPUT),
        entities(
            "shipping",
            "products",
            "... on Product { __typename upc }",
            "... on Product { shipping }",
        ),
    ]);
    assert_eq!(check(SHIPPING, steps), Err(NoRequirement(text("Product.shipping"))));
}

#[test]
fn a_key_must_be_fetched_in_an_earlier_step() {
    let missing = shipping(
        "{ products { __typename eur: price(currency: \"EUR\") weight } }",
        SHIPPING_REQUIRED,
    );
    assert_eq!(missing, Err(NotFetchedBefore(text("Product.upc"))));
    let required = "... on Product { __typename upc }";
    let input = || {
        entities(
            "products",
            "lastReview.product",
            required,
            "... on Product { weight name }",
        )
    };
    let stock = || entities("shipping", "lastReview.product", required, "... on Product { stock }");
    let reviews = || root("reviews", "{ lastReview { product { __typename upc } } }");
    let operation = "{ lastReview { product { name weight stock } } }";
    assert_eq!(
        check(operation, sequence([reviews(), parallel([input(), stock()])])),
        Ok(())
    );
    assert_eq!(check(operation, sequence([input(), reviews(), stock()])), Err(NoPlace));
    assert_eq!(check(operation, parallel([reviews(), input()])), Err(NoPlace));
}

#[test]
fn steps_that_run_at_the_same_time_do_not_see_each_other() {
    let operation = "{ lastReview { product { shipping } } }";
    let first = || root("reviews", "{ lastReview { product { __typename upc } } }");
    let key = "... on Product { __typename upc }";
    let input = || {
        let selected = "... on Product { weight eur: price(currency: \"EUR\") }";
        entities("products", "lastReview.product", key, selected)
    };
    let output = || {
        entities(
            "shipping",
            "lastReview.product",
            SHIPPING_REQUIRED,
            "... on Product { shipping }",
        )
    };
    assert_eq!(check(operation, sequence([first(), input(), output()])), Ok(()));
    assert_eq!(
        check(operation, sequence([first(), parallel([input(), output()])])),
        Err(NotFetchedBefore(text("price(currency: \"EUR\")")))
    );
}

#[test]
fn a_representation_needs_a_key_that_the_subgraph_resolves() {
    let first = root("products", "{ products { __typename name } }");
    let stock = entities(
        "shipping",
        "products",
        "... on Product { __typename name }",
        "... on Product { stock }",
    );
    let checked = check("{ products { name stock } }", sequence([first, stock]));
    assert_eq!(checked, Err(NoKey(text("Product"))));
}

#[test]
fn a_representation_needs_its_type() {
    let first = root("products", "{ products { upc } }");
    let stock = entities("shipping", "products", "upc", "... on Product { stock }");
    let checked = check("{ products { upc stock } }", sequence([first, stock]));
    assert_eq!(checked, Err(NotFetchedBefore(text("Product.__typename"))));
}

#[test]
fn a_subgraph_must_be_able_to_resolve_the_field() {
    let resolve = |subgraph: &str, field: &str| {
        let first = root("reviews", "{ lastReview { product { __typename upc } } }");
        let required = "... on Product { __typename upc }";
        let selected = format!("... on Product {{ {field} }}");
        let second = entities(subgraph, "lastReview.product", required, &selected);
        let operation = format!("{{ lastReview {{ product {{ {field} }} }} }}");
        check(&operation, sequence([first, second]))
    };
    assert_eq!(resolve("products", "weight"), Ok(()));
    assert_eq!(
        resolve("shipping", "weight"),
        Err(NotResolvable(text("Product.weight")))
    );
    assert_eq!(resolve("shipping", "stock"), Ok(()));
    assert_eq!(resolve("products", "stock"), Err(NotResolvable(text("Product.stock"))));
    assert_eq!(resolve("shipping", "upc"), Ok(()));
}

#[test]
fn a_field_is_provided_on_its_path_only() {
    let provided = root("reviews", "{ topReview { product { name } } }");
    assert_eq!(check("{ topReview { product { name } } }", provided), Ok(()));
    let elsewhere = root("reviews", "{ lastReview { product { name } } }");
    let fault = NotResolvable(text("Product.name"));
    assert_eq!(check("{ lastReview { product { name } } }", elsewhere), Err(fault));
}

#[test]
fn an_interface_object_is_sent_under_its_interface() {
    let rating = |rewrites: Vec<Rewrite>| {
        let mut batch = batch("media", "... on Media { __typename id }");
        batch.input_rewrites = rewrites;
        let fetch = fetch("reviews", &entities_document("... on Media { __typename rating }"));
        let first = root("products", "{ media { __typename id } }");
        check(
            "{ media { rating } }",
            sequence([first, PlanStep::Entities(fetch, vec![batch])]),
        )
    };
    let as_media = || rewrite("__typename", RewriteAction::Set(text("Media")));
    assert_eq!(rating(vec![as_media()]), Ok(()));
    assert_eq!(rating(Vec::new()), Err(PlanFaultKind::Unknown(text("Book"))));
}

#[test]
fn an_interface_object_does_not_tell_its_type() {
    let first = root("reviews", "{ rated { __typename id } }");
    let checked = check("{ rated { id } }", first);
    assert_eq!(checked, Err(PlanFaultKind::NotFetched(text("Book.__typename"))));
    let steps = sequence([
        root("reviews", "{ rated { interface: __typename id } }"),
        entities(
            "products",
            "rated",
            "__typename: interface id",
            "... on Media { __typename title }",
        ),
    ]);
    assert_eq!(check("{ rated { id title } }", steps), Ok(()));
}

#[test]
fn batches_that_share_a_variable_send_the_same_representations() {
    let document = "query($r: [_Any!]!) { one: _entities(representations: $r) { ... on Product { stock } } two: _entities(representations: $r) { ... on Product { stock } } }";
    let batch = |key: &str, path: &str| EntityBatch {
        key: Name::new(key),
        variable: Name::new("r"),
        ..batch(path, "... on Product { __typename upc }")
    };
    let batches = |second: &str| vec![batch("one", "products"), batch("two", second)];
    let plan = |batches: Vec<EntityBatch>| {
        let first = "query($a0: ID!) { products { __typename upc } product(upc: $a0) { __typename upc } }";
        let second = PlanStep::Entities(fetch("shipping", document), batches);
        sequence([root("products", first), second])
    };
    let operation = "{ products { upc stock } product(upc: 1) { upc stock } }";
    let checked = check(operation, plan(batches("product")));
    assert_eq!(checked, Err(SharedVariable(text("r"))));
    let checked = check(
        "{ products { upc stock } product(upc: 1) { upc } }",
        plan(batches("products")),
    );
    assert_eq!(checked, Ok(()));
}
