//! Documents give the same answers by [`Documents`](graphql::Documents) as by async-graphql.

use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use async_graphql::parser::parse_query;
use async_graphql::{
    Data, EmptySubscription, ObjectType, Request, Response, Schema, ServerError, ValidationMode, Variables,
};
use graphql::{DocumentRequest, Documents, Root};
use serde_json::{Value, json};

use crate::schemas::{by_library, by_this_crate};

/// The response of async-graphql, with its errors in the order of their paths.
async fn by_library(document: &str, variables: Value) -> Value {
    let schema = Schema::build(by_library::Query::default(), by_library::Mutation, EmptySubscription);
    let schema = schema.validation_mode(ValidationMode::Fast).enable_federation();
    let request = Request::new(document).variables(Variables::from_json(variables));
    let response = schema
        .finish()
        .execute(request.data(7_i32).data(AtomicI32::new(0)))
        .await;
    in_order(response)
}

fn schema<Q, M>(query: Q, mutation: M) -> Schema<Q, M, EmptySubscription>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
{
    let schema = Schema::build(query, mutation, EmptySubscription);
    schema
        .validation_mode(ValidationMode::Fast)
        .enable_federation()
        .finish()
}

/// The response of this crate; `None` if it leaves the document to the library.
async fn by_this_crate(document: &str, variables: Value) -> Option<Value> {
    let schema = schema(Root::<by_this_crate::Query>::default(), by_this_crate::Mutation);
    let documents = Documents::new(&schema).expect("the context of the schema");
    let mut data = Data::default();
    data.insert(7_i32);
    data.insert(AtomicI32::new(0));
    let request = DocumentRequest {
        document: Arc::new(parse_query(document).expect("a document")),
        variables: Variables::from_json(variables),
        data,
    };
    documents.execute(request).await.ok().map(in_order)
}

fn in_order(mut response: Response) -> Value {
    let path = |error: &ServerError| format!("{:?} {}", error.path, error.message);
    response.errors.sort_by_key(path);
    serde_json::to_value(&response).expect("a response is JSON")
}

/// Documents, and their variables.
fn documents() -> Vec<(&'static str, Value)> {
    let ids = json!({ "ids": [1, 2, 3] });
    let entity = |id: &str| json!({ "__typename": "Book", "id": id });
    let many: Vec<Value> = (1..40).map(|id| entity(&id.to_string())).collect();
    vec![
        ("{ number }", json!({})),
        ("{ __typename number seven: number }", json!({})),
        (
            "{ book(id: 4) { id title upper: title(upper: true) authors { name born } } }",
            json!({}),
        ),
        ("{ book(id: 0) { id } }", json!({})),
        (
            "query($ids: [Int!]!) { books(ids: $ids) { id title mayFail next { id next { title } } } }",
            ids.clone(),
        ),
        ("query($ids: [Int!]!) { books(ids: $ids) { id fails } }", ids.clone()),
        (
            "query($ids: [Int!]!) { books(ids: $ids) { fails } number }",
            ids.clone(),
        ),
        (
            "query($ids: [Int!]!, $n: Int = 3) { books(ids: $ids) { authors(first: $n) { born } none { id } } }",
            ids,
        ),
        ("{ book(id: 1) { fails } }", json!({})),
        ("{ book(id: 1) { next { authors(first: 0) { name } } } }", json!({})),
        ("{ unknown number }", json!({})),
        (
            "{ book(id: 1) { ... on Book { id ... { title } } ...Rest } } fragment Rest on Book { next { id } }",
            json!({}),
        ),
        ("{ book(id: 1) { id ... on Author { name } } }", json!({})),
        ("{ book(id: 1) { next { id } next { title } } }", json!({})),
        (
            "{ named { name ... on Place { height } ... on Author { born } __typename } }",
            json!({}),
        ),
        ("{ named { name } }", json!({})),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Book { id title } } }",
            json!({ "r": many }),
        ),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { ... on Book { mayFail fails } } number }",
            json!({ "r": [entity("1"), entity("2")] }),
        ),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { ... on Book { id } } }",
            json!({ "r": [entity("1"), entity("-3")] }),
        ),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { ... on Book { id } } }",
            json!({ "r": [entity("1"), entity("x")] }),
        ),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { ... on Book { id } } }",
            json!({ "r": [{ "__typename": "Other", "id": "1" }] }),
        ),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { ... on Book { id } } }",
            json!({ "r": [] }),
        ),
        (
            "query($r: [_Any!]!) { _entities(representations: $r) { ... on Book { id } } }",
            json!({ "r": entity("1") }),
        ),
        (
            "{ _entities(representations: [{ __typename: \"Book\", id: \"5\" }]) { ... on Book { title } } }",
            json!({}),
        ),
        ("mutation { a: add(to: 1) b: add(to: 2) c: add(to: 3) }", json!({})),
    ]
}

#[tokio::test]
async fn documents_give_the_answers_of_the_library() {
    for (document, variables) in documents() {
        let expected = by_library(document, variables.clone()).await;
        assert_eq!(by_this_crate(document, variables).await, Some(expected), "{document}");
    }
}

#[tokio::test]
async fn the_library_executes_directives_introspection_and_several_operations() {
    let left = [
        "{ number @skip(if: true) }",
        "{ book(id: 1) { ... @include(if: false) { id } } }",
        "{ book(id: 1) { ...B } } fragment B on Book { id @skip(if: true) }",
        "{ __schema { queryType { name } } }",
        "{ __type(name: \"Book\") { name } }",
        "{ _service { sdl } }",
        "query A { number } query B { number }",
        "subscription { number }",
    ];
    for document in left {
        assert_eq!(by_this_crate(document, json!({})).await, None, "{document}");
    }
}

#[tokio::test]
async fn the_wrapped_query_type_is_the_same_type_in_the_schema() {
    let wrapped = schema(Root::<by_this_crate::Query>::default(), by_this_crate::Mutation);
    let plain = schema(by_library::Query::default(), by_library::Mutation);
    assert_eq!(wrapped.sdl(), plain.sdl());
}
