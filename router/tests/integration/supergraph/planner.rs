//! Plans of supergraphs with the features that our own subgraphs do not use.

use agora::subgraph::Subgraph;
use agora::supergraph::{Supergraph, SupergraphError};
use contract::Viewer;

use crate::graph_client;

/// The subgraphs of every supergraph here.
const GRAPHS: &str = r#"
    enum join__Graph {
        A @join__graph(name: "a", url: "http://a.test/graphql")
        B @join__graph(name: "b", url: "http://b.test/graphql")
        C @join__graph(name: "c", url: "http://c.test/graphql")
    }
"#;

fn supergraph(types: &str) -> Supergraph {
    Supergraph::without_subgraphs(&format!("{GRAPHS}{types}"), &[]).unwrap()
}

fn plan(types: &str, query: &str) -> String {
    supergraph(types).plan_text(query, None).unwrap()
}

#[test]
fn a_key_of_another_subgraph_leads_to_a_third_one() {
    let types = r#"
        type Query @join__type(graph: A) { book: Book @join__field(graph: A) }
        type Book
            @join__type(graph: A, key: "isbn") @join__type(graph: B, key: "isbn") @join__type(graph: B, key: "id")
            @join__type(graph: C, key: "id")
        {
            isbn: ID! @join__field(graph: A) @join__field(graph: B)
            id: ID! @join__field(graph: B) @join__field(graph: C)
            price: Int @join__field(graph: C)
        }
    "#;
    insta::assert_snapshot!(plan(types, "{ book { price } }"), @r#"
    Sequence
      Fetch a  { book { __typename isbn } }
      Fetch b  Book(isbn) => { id }   at book
      Fetch c  Book(id) => { price }   at book
    "#);
}

#[test]
fn the_parts_of_a_compound_key_may_come_from_two_subgraphs() {
    let types = r#"
        type Query @join__type(graph: A) { book: Book @join__field(graph: A) }
        type Book
            @join__type(graph: A, key: "isbn") @join__type(graph: B, key: "isbn")
            @join__type(graph: C, key: "id shelf { row }")
        {
            isbn: ID! @join__field(graph: A) @join__field(graph: B)
            id: ID! @join__field(graph: A) @join__field(graph: C)
            shelf: Shelf @join__field(graph: B) @join__field(graph: C)
            price: Int @join__field(graph: C)
        }
        type Shelf @join__type(graph: B) @join__type(graph: C) { row: Int }
    "#;
    insta::assert_snapshot!(plan(types, "{ book { price } }"), @r#"
    Sequence
      Fetch a  { book { __typename id isbn } }
      Fetch b  Book(isbn) => { shelf { row } }   at book
      Fetch c  Book(id shelf { row }) => { price }   at book
    "#);
}

#[test]
fn a_required_field_with_arguments_does_not_take_the_key_of_a_selected_one() {
    let types = r#"
        type Query @join__type(graph: A) { book: Book @join__field(graph: A) }
        type Book @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {
            id: ID!
            price(currency: String): Int @join__field(graph: A) @join__field(graph: B, external: true)
            shipping: Int @join__field(graph: B, requires: "price(currency: \"EUR\")")
        }
    "#;
    insta::assert_snapshot!(plan(types, "{ book { price(currency: \"USD\") shipping } }"), @r#"
    Sequence
      Fetch a  query($a0:String) { book { __typename price(currency: $a0) id _2_price: price(currency: "EUR") } }
      Fetch b  Book(id price: _2_price) => { shipping }   at book
    "#);
}

#[test]
fn a_subgraph_is_entered_again_for_a_field_with_a_requirement() {
    let types = r#"
        type Query @join__type(graph: B) { book: Book @join__field(graph: B) }
        type Book @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {
            id: ID!
            size: Size @join__field(graph: A) @join__field(graph: B, external: true)
            title: String @join__field(graph: B)
            shipping: Int @join__field(graph: B, requires: "size { width height }")
        }
        type Size @join__type(graph: A) @join__type(graph: B) {
            width: Int @join__field(graph: A) @join__field(graph: B, external: true)
            height: Int @join__field(graph: A) @join__field(graph: B, external: true)
        }
    "#;
    insta::assert_snapshot!(plan(types, "{ book { title shipping size { width } } }"), @r#"
    Sequence
      Fetch b  { book { __typename title id } }
      Fetch a  Book(id) => { size { width height } }   at book
      Fetch b  Book(id size { width height }) => { shipping }   at book
    "#);
}

#[test]
fn a_provided_field_needs_no_other_fetch() {
    let types = r#"
        type Query @join__type(graph: A) {
            best: Book @join__field(graph: A, provides: "title")
            book: Book @join__field(graph: A)
        }
        type Book @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {
            id: ID!
            title: String @join__field(graph: A, external: true) @join__field(graph: B)
        }
    "#;
    insta::assert_snapshot!(plan(types, "{ best { title } book { title } }"), @r#"
    Sequence
      Fetch a  { best { title } book { __typename id } }
      Fetch b  Book(id) => { title }   at book
    "#);
}

#[test]
fn an_object_without_a_key_comes_in_parts_from_the_subgraphs_that_share_it() {
    let types = r#"
        type Query @join__type(graph: A) @join__type(graph: B) { position: Position }
        type Position @join__type(graph: A) @join__type(graph: B) {
            x: Int @join__field(graph: A)
            y: Int @join__field(graph: B)
            unit: String
        }
    "#;
    insta::assert_snapshot!(plan(types, "{ position { x y unit } }"), @r#"
    Parallel
      Fetch a  { position { x unit } }
      Fetch b  { position { y } }
    "#);
}

#[test]
fn a_shared_root_field_is_asked_of_the_subgraph_that_needs_no_more_fetches() {
    let types = r#"
        type Query @join__type(graph: A) @join__type(graph: B) { book: Book }
        type Book @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {
            id: ID!
            title: String @join__field(graph: B)
        }
    "#;
    insta::assert_snapshot!(plan(types, "{ book { id title } }"), @r#"
    Fetch b  { book { id title } }
    "#);
}

#[test]
fn an_interface_object_learns_its_types_from_the_subgraph_that_has_the_interface() {
    let types = r#"
        type Query @join__type(graph: A) @join__type(graph: B) {
            rated: [Media] @join__field(graph: A)
            media: [Media] @join__field(graph: B)
        }
        interface Media @join__type(graph: A, key: "id", isInterfaceObject: true) @join__type(graph: B, key: "id") {
            id: ID!
            title: String @join__field(graph: B)
            stars: Int @join__field(graph: A)
        }
        type Book implements Media @join__implements(graph: B, interface: "Media") @join__type(graph: B, key: "id") {
            id: ID!
            title: String
            pages: Int
            stars: Int @join__field
        }
        type Film implements Media @join__implements(graph: B, interface: "Media") @join__type(graph: B, key: "id") {
            id: ID!
            title: String
            stars: Int @join__field
        }
    "#;
    insta::assert_snapshot!(plan(types, "{ rated { stars title ... on Book { pages } } }"), @r#"
    Sequence
      Fetch a  { rated { stars id } }
      Fetch b  Media(id) => { __typename title ...on Book { pages } }   at rated.@
    "#);
    insta::assert_snapshot!(plan(types, "{ media { title stars } }"), @r#"
    Sequence
      Fetch b  { media { __typename title ...on Book { id } ...on Film { id } } }
      Fetch a  Book|Film(id) => { stars }   at media.@|[Book], media.@|[Film]
    "#);
}

#[test]
fn fields_of_a_union_with_different_types_in_a_subgraph_get_aliases() {
    let types = r#"
        type Query @join__type(graph: A) { any: [Any] }
        union Any @join__type(graph: A) @join__unionMember(graph: A, member: "Book") @join__unionMember(graph: A, member: "Film")
            = Book | Film
        type Book @join__type(graph: A) @join__type(graph: B) {
            name: String @join__field(graph: A, type: "String!") @join__field(graph: B, type: "String")
        }
        type Film @join__type(graph: A) { name: String }
    "#;
    insta::assert_snapshot!(plan(types, "{ any { ... on Book { name } ... on Film { name } } }"), @r#"
    Fetch a  { any { __typename ...on Book { name } ...on Film { _2_name: name } } }
    "#);
}

#[test]
fn an_override_with_a_label_is_not_chosen() {
    let types = |label: &str| {
        format!(
            r#"
            type Query @join__type(graph: A) {{ book: Book @join__field(graph: A) }}
            type Book @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {{
                id: ID!
                title: String
                    @join__field(graph: A, overrideLabel: "{label}")
                    @join__field(graph: B, override: "a", overrideLabel: "{label}")
            }}
            "#
        )
    };
    insta::assert_snapshot!(plan(&types("percent(40)"), "{ book { title } }"), @r#"
    Fetch a  { book { title } }
    "#);
    insta::assert_snapshot!(plan(&types("percent(100)"), "{ book { title } }"), @r#"
    Sequence
      Fetch a  { book { __typename id } }
      Fetch b  Book(id) => { title }   at book
    "#);
}

#[test]
fn a_feature_that_is_not_supported_is_refused_by_name() {
    let open = |specification: &str, purpose: &str| {
        let types = format!(
            r#"
            schema @link(url: "https://specs.apollo.dev/{specification}"{purpose}) {{ query: Query }}
            type Query @join__type(graph: A) {{ id: ID }}
            "#
        );
        Supergraph::without_subgraphs(&format!("{GRAPHS}{types}"), &[]).map(drop)
    };
    let table = [
        ("context/v0.1", ", for: SECURITY", "@context"),
        ("policy/v0.1", "", "@policy"),
        ("unheard/v1.0", ", for: EXECUTION", "@unheard"),
    ];
    for (specification, purpose, feature) in table {
        match open(specification, purpose) {
            Err(SupergraphError::Unsupported(refused)) => assert_eq!(refused, feature),
            other => panic!("{specification}: {other:?}"),
        }
    }
    for (specification, purpose) in [
        ("authenticated/v0.1", ", for: SECURITY"),
        ("requiresScopes/v0.1", ", for: SECURITY"),
        ("inaccessible/v0.2", ", for: SECURITY"),
        ("unheard/v1.0", ""),
    ] {
        open(specification, purpose).expect("a feature that is supported or changes no answer");
    }
}

#[test]
fn query_fields_of_other_subgraphs_are_fetched_for_an_object_inside_the_answer() {
    let types = r#"
        type Query @join__type(graph: A) @join__type(graph: B) {
            outcome: Outcome @join__field(graph: A)
            now: Int @join__field(graph: B)
        }
        type Outcome @join__type(graph: A) { query: Query }
    "#;
    insta::assert_snapshot!(plan(types, "{ outcome { query { now } } }"), @r#"
    Sequence
      Fetch a  { outcome { query { __typename } } }
      Fetch b  { now }   at outcome.query
    "#);
}

#[test]
fn a_subgraph_gets_one_request_for_lookups_that_can_wait() {
    let types = r#"
        type Query @join__type(graph: A) { book: Book @join__field(graph: A) shelf: Shelf @join__field(graph: A) }
        type Book @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {
            id: ID!
            shelf: Shelf @join__field(graph: B)
        }
        type Shelf @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") @join__type(graph: C, key: "id") {
            id: ID!
            row: Int @join__field(graph: C)
        }
    "#;
    insta::assert_snapshot!(plan(types, "{ book { shelf { row } } shelf { row } }"), @r#"
    Sequence
      Fetch a  { book { __typename id } shelf { __typename id } }
      Fetch b  Book(id) => { shelf { __typename id } }   at book
      Fetch c  Shelf(id) => { row }   at book.shelf, shelf
    "#);
}

#[tokio::test]
async fn an_access_rule_is_known_by_the_name_that_its_link_gives() {
    let types = |link: &str, directive: &str| {
        format!(
            r#"
            schema @link(url: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY{link}) {{ query: Query }}
            directive @{directive} on FIELD_DEFINITION
            type Query @join__type(graph: A) {{ open: Int secret: Int @{directive} }}
            "#
        )
    };
    for (link, directive) in [
        ("", "authenticated"),
        (r#", as: "auth""#, "auth"),
        (r#", import: ["@authenticated"], as: "auth""#, "authenticated"),
        (r#", import: [{ name: "@authenticated", as: "@members" }]"#, "members"),
    ] {
        let answer = anonymous_answer(&types(link, directive), "{ secret }").await;
        assert!(answer.contains(r#""code":"UNAUTHENTICATED""#), "{directive}: {answer}");
    }
}

/// Returns the answer that an anonymous caller gets, while no subgraph answers.
async fn anonymous_answer(types: &str, query: &str) -> String {
    let request = graph_client::request(Viewer::Anonymous, query, serde_json::json!({}));
    let answer = supergraph(types).fetch(request).await.into_encoded();
    String::from_utf8(answer.body.to_vec()).unwrap()
}
