//! Names are path segments of URLs. Every domain refuses a name that no URL can carry, and every other name is
//! reached at its `Location`.

use serde_json::{Value, json};
use tests::{HttpClient, TestApp};

/// Browsers and proxies resolve these segments away, percent-encoded or not.
const NOWHERE: [&str; 4] = [".", "..", " . ", "..\t"];
const ANYWHERE: [&str; 10] = [
    "a/b", "a%2Fb", "...", "a?b=c", "a#b", "a b", "%2e%2e", "ä/ö", "a&b+c", ".hidden",
];

/// Returns every GraphQL mutation that sets a name: the document, the field that is refused, and the variables with
/// the name.
fn by_graphql(name: &str) -> Vec<(&'static str, &'static str, Value)> {
    let price = json!({ "amount": "1", "currency": "USD" });
    let (email, password) = (format!("{}@example.com", name.len()), agora::demo::PASSWORD);
    vec![
        (
            "mutation($input: StockInput!) { listStock(input: $input) { id } }",
            "input.name",
            json!({ "input": { "name": name, "price": price, "quantity": 1 } }),
        ),
        (
            "mutation($input: BookInput!) { addBook(input: $input) { id } }",
            "input.topic",
            json!({ "input": { "title": "x", "topic": name, "quantity": 1, "price": price } }),
        ),
        (
            "mutation($input: CreateUserInput!) { createUser(input: $input) { id } }",
            "input.username",
            json!({ "input": { "username": name, "email": email } }),
        ),
        (
            "mutation($input: RegisterInput!) { register(input: $input) { token } }",
            "input.username",
            json!({ "input": { "username": name, "password": password, "role": "MEMBER" } }),
        ),
        (
            "mutation($input: PostInput!) { createPost(input: $input) { id } }",
            "input.community",
            json!({ "input": { "title": "x", "text": "x", "community": name } }),
        ),
    ]
}

/// Returns every REST request that sets a name: the path, the field that is refused, and the body with the name.
fn by_rest(name: &str) -> Vec<(&'static str, &'static str, Value)> {
    let (email, password) = (format!("{}@example.org", name.len()), agora::demo::PASSWORD);
    vec![
        (
            "/bookstore/catalog/books",
            "topic",
            json!({ "title": "x", "topic": name, "quantity": 1, "price": 1 }),
        ),
        (
            "/community/users",
            "username",
            json!({ "username": name, "email": email }),
        ),
        (
            "/community/posts",
            "community",
            json!({ "title": "x", "text": "x", "community": name, "username": "dan" }),
        ),
        (
            "/community/posts",
            "username",
            json!({ "title": "x", "text": "x", "community": "Books", "username": name }),
        ),
        (
            "/shop/api/users",
            "name",
            json!({ "name": name, "password": password, "address": "x" }),
        ),
        (
            "/brokerage/users/register",
            "username",
            json!({ "name": "x", "surname": "x", "email": email, "password": password, "type": "investor", "username": name }),
        ),
    ]
}

#[tokio::test]
async fn a_name_that_fits_no_url_is_refused_in_every_domain() {
    let app = TestApp::new().await;
    let (admin, anonymous) = (app.signed_in("admin").await, app.anonymous());
    for name in NOWHERE {
        for (document, field, variables) in by_graphql(name) {
            let reply = admin.query(document, variables).await;
            assert_eq!(reply.code(), "INVALID_INPUT", "{document} {name:?}: {reply}");
            let told = reply.pointer("/errors/0/extensions/field");
            assert_eq!(told, Some(&json!(field)), "{name:?}: {reply}");
        }
        for (path, member, body) in by_rest(name) {
            let reply = anonymous.post(path, body).await;
            assert_eq!(reply.status, 400, "{path} {name:?}: {}", reply.body);
            let text = reply.body.to_string();
            assert!(
                text.contains(member) && text.contains("no address can carry"),
                "{path} {name:?}: {text}"
            );
        }
    }
    // White space alone is refused, too.
    for (path, member, body) in by_rest(" \u{200b}") {
        let reply = anonymous.post(path, body).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.body);
        assert!(reply.body.to_string().contains(member), "{path}: {}", reply.body);
    }
}

/// Creates an object and returns its `Location`.
async fn made(person: &HttpClient, path: &str, body: &Value) -> String {
    let response = person.request("POST", path).json(body).send().await.expect("an answer");
    let status = response.status();
    let location = response
        .headers()
        .get("location")
        .map(|value| value.to_str().expect("text").to_owned());
    assert!(status.is_success(), "{path} {body}: {status}");
    location.expect("a place")
}

#[tokio::test]
async fn any_other_name_is_found_at_its_location() {
    let app = TestApp::new().await;
    let (admin, anonymous) = (app.signed_in("admin").await, app.anonymous());
    for (index, name) in ANYWHERE.into_iter().enumerate() {
        let body = json!({ "username": name, "email": format!("{index}@example.com") });
        let at = made(&anonymous, "/community/users", &body).await;
        let found = anonymous.get(&at).await;
        assert_eq!((found.status, &found.body["username"]), (200, &json!(name)), "{at}");

        let encoded = at.strip_prefix("/community/users/").expect("a segment");
        assert!(!encoded.contains(['/', '?', '#', ' ']), "{at}");
        let post = json!({ "title": "x", "text": "x", "community": name, "username": name });
        made(&anonymous, "/community/posts", &post).await;
        let posts = anonymous.get(&format!("/community/communities/{encoded}/posts")).await;
        assert_eq!(posts.body[0]["community"], name, "{at}: {}", posts.body);

        let book = json!({ "title": name, "topic": name, "quantity": 1, "price": 1 });
        made(&anonymous, "/bookstore/catalog/books", &book).await;
        let books = anonymous.get(&format!("/bookstore/search/{encoded}")).await;
        assert_eq!(books.body[0]["title"], name, "{at}: {}", books.body);

        let list = "mutation($input: StockInput!) { listStock(input: $input) { id } }";
        let stock = json!({ "name": name, "quantity": 1, "price": { "amount": "1", "currency": "USD" } });
        admin.query(list, json!({ "input": stock })).await.at("listStock");
        for path in ["/bazaar/stocks", "/bazaar/catalog/lookup"] {
            let found = anonymous.get(&format!("{path}/{encoded}")).await;
            assert_eq!(found.status, 200, "{path}/{encoded}: {}", found.body);
            assert!(
                found.body.to_string().contains(&json!(name).to_string()),
                "{path}/{encoded}: {}",
                found.body
            );
        }
    }
}
