//! Every route and mutation that creates accounts refuses a name that looks like an existing one.

use serde_json::json;
use tests::{HttpClient, TestApp};

/// Tries to create an account of that name through every route and mutation. Each must refuse it.
async fn is_refused_everywhere(app: &TestApp, operator: &HttpClient, name: &str, how: &str) {
    let anonymous = app.anonymous();
    let email = "someone@example.com";
    let register = "mutation($input: RegisterInput!) { register(input: $input) { token } }";
    let input = json!({ "username": name, "password": "a long password" });
    let graph = anonymous.query(register, json!({ "input": input })).await;
    let codes = ["CONFLICT", "INVALID_INPUT"];
    assert!(codes.contains(&graph.code()), "register: {how}: {graph}");
    let create = "mutation($input: CreateUserInput!) { createUser(input: $input) { id } }";
    let input = json!({ "username": name, "email": email });
    let graph = operator.query(create, json!({ "input": input })).await;
    assert!(codes.contains(&graph.code()), "createUser: {how}: {graph}");
    for (route, body) in [
        (
            "/shop/api/users",
            json!({ "name": name, "password": "a long password", "address": "Quay 1" }),
        ),
        ("/community/users", json!({ "username": name, "email": email })),
        (
            "/brokerage/users/register",
            json!({ "username": name, "name": "A", "surname": "B", "email": email, "password": "a long password",
                "type": "investor" }),
        ),
    ] {
        let answer = anonymous.post(route, body).await;
        assert!([400, 409].contains(&answer.status), "{route}: {how}: {}", answer.body);
    }
}

#[tokio::test]
async fn no_api_creates_an_account_that_imitates_the_administrator() {
    let app = TestApp::new().await;
    let operator = app.signed_in("admin").await;
    for (name, how) in [
        ("ADMIN", "another case"),
        ("аdmin", "a Cyrillic letter"),
        ("ａｄｍｉｎ", "full-width letters"),
        ("ad\u{200b}min", "a space of no width"),
        ("ad\u{ad}min", "a soft hyphen"),
        ("admin\u{3164}", "a filler"),
        ("admin\u{2800}", "a blank of Braille"),
        ("admin\u{2028}x", "a line separator"),
        ("\u{202e}nimda", "a change of direction"),
        ("admi\u{307}n", "a dot above a dot"),
        ("ADMİN", "a Turkish capital letter"),
        ("admın", "a Turkish small letter"),
        ("𝒶𝒹𝓂𝒾𝓃", "mathematical letters"),
        ("adrnin", "two letters for one"),
    ] {
        is_refused_everywhere(&app, &operator, name, how).await;
    }
}

#[tokio::test]
async fn no_api_creates_an_account_that_imitates_a_generated_name() {
    let app = TestApp::new().await;
    let operator = app.signed_in("admin").await;
    for (name, how) in [
        ("investor-97", "the form itself"),
        ("Broker-17", "another case"),
        ("investor\u{2011}97", "a hyphen that does not break"),
        ("broker\u{2010}17", "a hyphen of its own code point"),
        ("erased\u{2012}17", "a dash as wide as a digit"),
        ("deactivated\u{2013}17", "a short dash"),
        ("deactivated\u{2014}17", "a long dash"),
        ("member\u{2212}17", "a minus"),
        ("member\u{ff0d}17", "a full-width hyphen"),
        ("member\u{30fc}17", "a mark for long vowels"),
        ("deactivated-1O", "a letter for a zero"),
        ("deactivated-l7", "a letter for a one"),
        ("investor-\u{ff11}\u{ff17}", "full-width digits"),
        ("investor-\u{1d7cf}\u{1d7d5}", "mathematical digits"),
        ("investor-17-2", "the form for names that are taken"),
        ("rnember-17", "two letters for one"),
    ] {
        is_refused_everywhere(&app, &operator, name, how).await;
    }
    let register = "mutation($input: RegisterInput!) { register(input: $input) { user { username } } }";
    for name in [
        "broker",
        "investor-",
        "member-17a",
        "broker-of-17",
        "17-member",
        "investor-relations",
    ] {
        let input = json!({ "username": name, "password": "a long password" });
        let graph = app.anonymous().query(register, json!({ "input": input })).await;
        assert_eq!(graph.at("register.user.username"), name, "{graph}");
    }
}

#[tokio::test]
async fn names_that_are_shown_contain_no_invisible_characters() {
    let app = TestApp::new().await;
    let dan = app.signed_in("dan").await;
    for name in [
        "ad\u{200b}min",
        "\u{202e}nimda",
        "ad\u{ad}min",
        "ad\u{2066}min",
        "admin\u{3164}",
    ] {
        let post = json!({ "title": "t", "text": "x", "community": "Books", "username": name });
        let posted = app.anonymous().post("/community/posts", post).await;
        assert_eq!(posted.status, 400, "{name:?}: {}", posted.body);
        for member in ["displayName", "name", "surname"] {
            let update = "mutation($input: ProfileInput!) { updateProfile(input: $input) { id } }";
            let graph = dan.query(update, json!({ "input": { member: name } })).await;
            assert_eq!(graph.code(), "INVALID_INPUT", "{member}: {name:?}: {graph}");
        }
    }
    // Persian and emoji need joiners and selectors.
    for name in [
        "\u{639}\u{644}\u{6cc}\u{200c}\u{631}\u{636}\u{627}",
        "Ada \u{2764}\u{fe0f}",
    ] {
        let update = "mutation($input: ProfileInput!) { updateProfile(input: $input) { displayName } }";
        let graph = dan.query(update, json!({ "input": { "displayName": name } })).await;
        assert_eq!(graph.at("updateProfile.displayName"), name, "{graph}");
    }
}
