//! Query plans, in a readable form.

use agora::supergraph::Supergraph;

use crate::world::SUPERGRAPH;

#[test]
fn the_plan_of_an_operation_is_readable() {
    // The test fetches nothing, so the subgraphs are not needed.
    let supergraph = Supergraph::without_subgraphs(SUPERGRAPH, &contract::SCALARS).unwrap();
    let plan = |query: &str| supergraph.plan_text(query, None).unwrap();
    insta::assert_snapshot!(plan("{ me { name reviews { body product { name shipping } } } depots { city } }"), @r#"
    Sequence
      Parallel
        Fetch people  { me { __typename name id } }
        Fetch shipping  { depots { city } }
      Fetch reviews  Person(id) => { reviews { body product { __typename upc } } }   at me
      Fetch products  Product(upc) => { name price weight }   at me.reviews.@.product
      Fetch shipping  Product(upc price weight) => { shipping }   at me.reviews.@.product
    "#);
    insta::assert_snapshot!(plan("{ me { favourite { ... on Product { name } ... on Review { author { name } } } } }"), @r#"
    Sequence
      Fetch people  { me { __typename id } }
      Fetch reviews  Person(id) => { favourite { __typename ...on Product { upc } ...on Review { author { __typename id } } } }   at me
      Parallel
        Fetch products  Product(upc) => { name }   at me.favourite|[Product]
        Fetch people  Person(id) => { name }   at me.favourite|[Review].author
    "#);
    insta::assert_snapshot!(plan("mutation { note(text: \"a\") jot(text: \"b\") again: note(text: \"c\") }"), @r#"
    Serial
      Fetch people  mutation($a0:String!) { note(text: $a0) }
      Fetch reviews  mutation($a1:String!) { jot(text: $a1) }
      Fetch people  mutation($a2:String!) { _2_note: note(text: $a2) }
    "#);
    insta::assert_snapshot!(plan("mutation { a: rename(id: \"1\", name: \"x\") { karma } a: rename(id: \"1\", name: \"x\") { name } b: rename(id: \"1\", name: \"y\") { karma } }"), @r#"
    Serial
      Sequence
        Fetch people  mutation($a0:ID!, $a1:String!) { rename(id: $a0, name: $a1) { __typename name id } }
        Fetch reviews  Person(id) => { karma }   at rename
      Sequence
        Fetch people  mutation($a0:ID!, $a2:String!) { _2_rename: rename(id: $a0, name: $a2) { __typename id } }
        Fetch reviews  Person(id) => { karma }   at _2_rename
    "#);
    insta::assert_snapshot!(plan("subscription { personChanged { name karma } }"), @r#"
    Subscribe people  subscription { personChanged { __typename name id } }
    Fetch reviews  Person(id) => { karma }   at personChanged
    "#);
    insta::assert_snapshot!(plan("{ __schema { queryType { name } } __typename }"), @r#"
    Introspect
    "#);
}
