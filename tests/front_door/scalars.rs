//! A value that its scalar does not accept is a request error: no part of the request runs.

use serde_json::{Value, json};
use testing::{Answer, Request};
use tests::{HttpClient, TestApp};

const DEPOSITS: &str =
    r#"mutation($m: Money!) { a: deposit(amount: { amount: "1.00" }) { id } b: deposit(amount: $m) { id } }"#;

async fn balance(person: &HttpClient) -> Value {
    let wallet = person.query("{ me { wallet { balance } } }", json!({})).await;
    wallet.at("me").clone()
}

/// Sends a GraphQL document and accepts the media type whose statuses the specification defines.
async fn ask(person: &HttpClient, document: &str, variables: Value) -> Answer {
    let request = Request::new(document, variables).header("accept", "application/graphql-response+json");
    person.execute(request).await
}

/// Asserts status 400, no `data`, and an error with the code and the field.
fn assert_refused(reply: &Answer, field: &str, reason: &str) {
    assert_eq!((reply.status, reply.code()), (Some(400), "INVALID_INPUT"), "{reply}");
    assert!(reply.get("data").is_none(), "{reply}");
    assert_eq!(reply["errors"][0]["extensions"]["field"], field, "{reply}");
    let message = reply.message();
    assert!(
        message
            .trim_start_matches('$')
            .starts_with(&format!("{field}: {reason}")),
        "{message}"
    );
    assert!(!message.contains("occurred while"), "{message}");
}

#[tokio::test]
async fn wrong_money_in_a_variable_is_refused_before_anything_runs() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let before = balance(&cleo).await;
    for (money, field, reason) in [
        (json!("oops"), "m", "must be money such as"),
        (json!(5), "m", "must be money such as"),
        (json!([{ "amount": "1.00" }]), "m", "must be money such as"),
        (json!({}), "m.amount", "is required"),
        (json!({ "amount": 5 }), "m.amount", "must be a string"),
        (json!({ "amount": "1.001" }), "m.amount", "must have at most 2 decimals"),
        (json!({ "amount": "1e3" }), "m.amount", "must be a decimal number"),
        (json!({ "amount": " 1" }), "m.amount", "must be a decimal number"),
        (
            json!({ "amount": "1000000000000.01" }),
            "m.amount",
            "must be at most 1000000000000.00",
        ),
        (
            json!({ "amount": "1.00", "currency": "usd" }),
            "m.currency",
            "must be an ISO 4217 code",
        ),
        (
            json!({ "amount": "1.00", "curency": "EUR" }),
            "m",
            "must have no member \"curency\"",
        ),
    ] {
        let reply = ask(&cleo, DEPOSITS, json!({ "m": money })).await;
        assert_refused(&reply, field, reason);
    }
    assert_eq!(balance(&cleo).await, before);
    let done = ask(&cleo, DEPOSITS, json!({ "m": { "amount": "1.000" } })).await;
    assert_eq!(done.status, Some(200), "{done}");
    assert_ne!(balance(&cleo).await, before);
}

#[tokio::test]
async fn wrong_money_in_a_literal_is_refused_before_anything_runs() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let before = balance(&cleo).await;
    for (money, field, reason) in [
        ("\"oops\"", "", "must be money such as"),
        ("5", "", "must be money such as"),
        ("USD", "", "must be money such as"),
        ("[{ amount: \"1.00\" }]", "", "must be money such as"),
        ("{ amount: \"1.001\" }", ".amount", "must have at most 2 decimals"),
        ("{ amount: \"1.00\", curency: \"EUR\" }", "", "must have no member"),
        ("{ amount: 1.00 }", ".amount", "must be a string"),
    ] {
        let literal = format!(
            "mutation {{ a: deposit(amount: {{ amount: \"1.00\" }}) {{ id }} b: deposit(amount: {money}) {{ id }} }}"
        );
        assert_refused(
            &ask(&cleo, &literal, json!({})).await,
            &format!("amount{field}"),
            reason,
        );
        let default = format!(
            "mutation($m: Money! = {money}) {{ a: deposit(amount: {{ amount: \"1.00\" }}) {{ id }} b: deposit(amount: $m) {{ id }} }}"
        );
        assert_refused(&ask(&cleo, &default, json!({})).await, &format!("m{field}"), reason);
    }
    assert_eq!(balance(&cleo).await, before);
}

#[tokio::test]
async fn variables_inside_money_are_checked_before_anything_runs() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let before = balance(&cleo).await;
    let deposits = r#"mutation($a: String!, $c: String) {
        a: deposit(amount: { amount: "1.00" }) { id } b: deposit(amount: { amount: $a, currency: $c }) { id } }"#;
    let wrong = ask(&cleo, deposits, json!({ "a": "1.001" })).await;
    assert_refused(&wrong, "amount.amount", "must have at most 2 decimals");
    let wrong = ask(&cleo, deposits, json!({ "a": "1.00", "c": null })).await;
    assert_refused(&wrong, "amount.currency", "must be a string");
    assert_eq!(balance(&cleo).await, before);
    let unknown = r#"mutation { deposit(amount: { amount: $nothing }) { id } }"#;
    assert_eq!(ask(&cleo, unknown, json!({})).await.code(), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(ask(&cleo, deposits, json!({ "a": "1.00" })).await.status, Some(200));
}

#[tokio::test]
async fn wrong_dates_and_times_are_refused_with_their_argument() {
    let app = TestApp::new().await;
    let (ada, admin) = (app.signed_in("ada").await, app.signed_in("admin").await);
    let order = "mutation($d: Date!) { placeShopOrder(input: { product: 1, quantity: 1, date: $d }) { id } }";
    for day in [
        "2026-02-30",
        "2026-1-2",
        " 2026-01-02",
        "2026-01-02T00:00:00Z",
        "0000-12-31",
    ] {
        let reply = ask(&ada, order, json!({ "d": day })).await;
        assert_refused(&reply, "d", "must be ");
        let literal = order.replace("($d: Date!)", "").replace("$d", &format!("\"{day}\""));
        assert_refused(&ask(&ada, &literal, json!({})).await, "input.date", "must be ");
    }
    let post = "mutation($input: PostInput!) { createPost(input: $input) { at } }";
    for at in [
        "tomorrow",
        "2024-02-30T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:60Z",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05+24:00",
        " 2026-01-02T03:04:05Z",
        "2026-01-02",
    ] {
        let input = json!({ "title": "t", "text": "x", "community": "C", "at": at });
        let reply = ask(&admin, post, json!({ "input": input })).await;
        assert_refused(
            &reply,
            "input.at",
            "must be an RFC 3339 date-time such as 2026-01-31T12:30:00Z",
        );
        let literal = format!(
            r#"mutation {{ createPost(input: {{ title: "t", text: "x", community: "C", at: "{at}" }}) {{ at }} }}"#
        );
        let reply = ask(&admin, &literal, json!({})).await;
        assert_refused(
            &reply,
            "input.at",
            "must be an RFC 3339 date-time such as 2026-01-31T12:30:00Z",
        );
        assert!(reply["errors"][0]["locations"][0]["column"].as_u64() > Some(50));
    }
    for (at, shown) in [
        ("2026-01-02t03:04:05z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.5+02:00", "2026-01-02T01:04:05.500+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
    ] {
        let input = json!({ "title": "t", "text": "x", "community": "C", "at": at });
        let reply = ask(&admin, post, json!({ "input": input })).await;
        assert_eq!(reply.at("createPost.at"), shown);
    }
}

#[tokio::test]
async fn a_moment_out_of_range_is_not_called_malformed() {
    let app = TestApp::new().await;
    let admin = app.signed_in("admin").await;
    let reason = "must be from the year 0000 to the year 9999 in UTC";
    let post = "mutation($input: PostInput!) { createPost(input: $input) { at } }";
    for at in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+00:01"] {
        let input = json!({ "title": "t", "text": "x", "community": "C", "at": at });
        assert_refused(&ask(&admin, post, json!({ "input": input })).await, "input.at", reason);
        let body = json!({ "title": "t", "text": "x", "community": "C", "username": "dan", "date": at });
        let answer = app.anonymous().post("/community/posts", body).await;
        assert_eq!(
            (answer.status, &answer.body["message"]),
            (400, &json!(format!("date {reason}")))
        );
    }
}

#[tokio::test]
async fn a_duplicate_member_is_refused_at_any_depth() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let before = balance(&cleo).await;
    for document in [
        r#"mutation { deposit(amount: { amount: "1.00", amount: "2.00" }) { id } }"#,
        r#"mutation($a: String! = "1") { deposit(amount: { amount: $a, amount: $a }) { id } }"#,
        r#"mutation($m: Money! = { amount: "1.00", amount: "2.00" }) { deposit(amount: $m) { id } }"#,
        r#"mutation { createPost(input: { title: "a", title: "b", text: "x", community: "C" }) { title } }"#,
        r#"mutation($i: PostInput! = { title: "a", title: "b", text: "x", community: "C" }) { createPost(input: $i) { title } }"#,
        r#"mutation { createPost(input: { title: "a", text: "x", community: "C", community: "D" }) { ...F } } fragment F on Post { title }"#,
    ] {
        let reply = ask(&cleo, document, json!({})).await;
        assert_eq!(
            (reply.status, reply.code()),
            (Some(400), "GRAPHQL_VALIDATION_FAILED"),
            "{document}"
        );
        assert!(reply.get("data").is_none());
    }
    assert_eq!(balance(&cleo).await, before);
    let posts = ask(
        &cleo,
        "{ recentPosts(community: \"C\", first: 5) { nodes { id } } }",
        json!({}),
    )
    .await;
    assert_eq!(posts.at("recentPosts.nodes"), &json!([]));
}

#[tokio::test]
async fn a_duplicate_member_of_variables_is_refused() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let before = balance(&cleo).await;
    let deposit = "mutation($m: Money!) { deposit(amount: $m) { id } }";
    // Hand-written JSON: a JSON library would send one of the members.
    for variables in [
        r#"{"m":{"amount":"1.00","amount":"2.00"}}"#,
        r#"{"m":{"amount":"1.00"},"m":{"amount":"2.00"}}"#,
        r#"{"m":{"amount":"1.00"},"other":[{"deep":{"a":1,"a":1}}]}"#,
    ] {
        let request = cleo
            .request("POST", "/graphql")
            .header("content-type", "application/json");
        let body = format!(r#"{{"query":"{deposit}","variables":{variables}}}"#);
        let reply = cleo.send(request.body(body)).await;
        let error = &reply.body["errors"][0];
        assert_eq!(
            (reply.status, &error["extensions"]["code"]),
            (400, &json!("INVALID_INPUT"))
        );
        assert!(
            error["message"].to_string().contains("must be given once"),
            "{variables}: {error}"
        );
    }
    assert_eq!(balance(&cleo).await, before);
}

#[tokio::test]
async fn a_json_number_is_read_by_its_value() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let query = "query($first: Int, $id: ID!) { books(first: $first) { nodes { id } } book(id: $id) { id } }";
    // Hand-written JSON: a JSON library would not send these spellings.
    for (first, id, status) in [
        ("1", "1", 200),
        ("1.0", "1.0", 200),
        ("1e0", "1e0", 200),
        ("0.1e1", "\"1\"", 200),
        ("-0", "1", 200),
        ("1.5", "1", 400),
        ("1", "1.5", 400),
        ("1e10", "1", 400),
        ("1", "1e-300", 400),
        ("1", "true", 400),
    ] {
        let body = format!(r#"{{"query":"{query}","variables":{{"first":{first},"id":{id}}}}}"#);
        let request = anonymous
            .request("POST", "/graphql")
            .header("content-type", "application/json")
            .header("accept", "application/graphql-response+json");
        let reply = anonymous.send(request.body(body)).await;
        assert_eq!(reply.status, status, "{first} {id}: {}", reply.body);
        if status == 200 {
            assert_eq!(reply.body["data"]["book"]["id"], "book_1", "{first} {id}");
        }
    }
    let sent = |amount: &str, quantity: &str| {
        format!(r#"{{"title":"Ten Million","topic":"t","quantity":{quantity},"price":{amount}}}"#)
    };
    for (amount, quantity, status) in [
        ("1.0E7", "1", 201),
        ("15.990", "1", 201),
        ("1e-3", "1", 400),
        ("1e13", "1", 400),
        ("1", "1.0", 400),
    ] {
        let request = anonymous
            .request("POST", "/bookstore/catalog/books")
            .header("content-type", "application/json");
        let reply = anonymous.send(request.body(sent(amount, quantity))).await;
        assert_eq!(reply.status, status, "{amount} {quantity}: {}", reply.body);
    }
}

#[tokio::test]
async fn an_id_takes_an_integer_of_any_length() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let documents = [
        "{ book(id: LONG) { id } }",
        "query($id: ID! = LONG) { book(id: $id) { id } }",
        "{ postsByScore(ids: [1, LONG]) { id } }",
        "{ postsByScore(ids: LONG) { id } }",
        "query($ids: [ID!]! = [1, LONG]) { postsByScore(ids: $ids) { id } }",
        "mutation { placeShopOrder(input: { product: LONG, quantity: 1, date: \"2026-01-31\" }) { id } }",
        "mutation($o: ShopOrderInput! = { product: LONG, quantity: 1, date: \"2026-01-31\" }) { placeShopOrder(input: $o) { id } }",
    ];
    for id in [
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        &"9".repeat(400),
    ] {
        for document in documents {
            let number = ask(&cleo, &document.replace("LONG", id), json!({})).await;
            let text = ask(&cleo, &document.replace("LONG", &format!("\"{id}\"")), json!({})).await;
            let seen = |answer: &Answer| (answer.status, answer.code().to_owned(), answer.get("data").cloned());
            assert_eq!(seen(&number), seen(&text), "{document} {id}");
            assert!(number.get("data").is_some(), "{document} {id}: {number}");
        }
    }
    let anonymous = app.anonymous();
    for id in [
        "9223372036854775808",
        "18446744073709551616",
        "12345678901234567890123",
        "1e300",
    ] {
        let body = format!(r#"{{"query":"query($id: ID!) {{ book(id: $id) {{ id }} }}","variables":{{"id":{id}}}}}"#);
        let request = anonymous
            .request("POST", "/graphql")
            .header("content-type", "application/json");
        let reply = anonymous.send(request.body(body)).await;
        assert_eq!(reply.body, json!({ "data": { "book": null } }), "{id}");
    }
}

#[tokio::test]
async fn a_float_takes_every_finite_integer() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let inline = "mutation { updateProfile(input: { brokerageFeePercent: LONG }) { id } }";
    let default = "mutation($f: Float = LONG) { updateProfile(input: { brokerageFeePercent: $f }) { id } }";
    let member = "mutation($i: ProfileInput! = { brokerageFeePercent: LONG }) { updateProfile(input: $i) { id } }";
    let sent = "mutation($f: Float) { updateProfile(input: { brokerageFeePercent: $f }) { id } }";
    for number in ["9223372036854775808", "-9223372036854775809", &"9".repeat(300)] {
        let variables: Value = serde_json::from_str(&format!(r#"{{"f":{number}}}"#)).expect("JSON");
        let expected = ask(&cleo, sent, variables).await;
        assert!(expected.get("data").is_some(), "{number}: {expected}");
        for document in [inline, default, member] {
            let reply = ask(&cleo, &document.replace("LONG", number), json!({})).await;
            assert_eq!(
                (reply.status, reply.code()),
                (expected.status, expected.code()),
                "{document} {number}"
            );
        }
    }
    for document in [inline, default, member] {
        let infinite = "9".repeat(400);
        let reply = ask(&cleo, &document.replace("LONG", &infinite), json!({})).await;
        assert_eq!(
            (reply.status, reply.code()),
            (Some(400), "GRAPHQL_VALIDATION_FAILED"),
            "{document}"
        );
    }
}
