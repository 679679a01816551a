//! Every route and mutation that creates accounts refuses a name that looks like an existing one.

use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn no_api_creates_an_account_that_imitates_the_administrator() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
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
}
