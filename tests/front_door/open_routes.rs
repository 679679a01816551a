//! Calls every route that writes, in every mount, without a token against accounts of all kinds, and checks that no
//! account changes. The routes come from the OpenAPI documents, so new ones are covered, too.

use serde_json::{Value, json};
use tests::{HttpClient, TestApp};

const MOUNTS: [&str; 5] = ["bazaar", "brokerage", "bookstore", "shop", "community"];
/// An administrator, an investor and a broker with money and shares, and two members of the demo.
const PEOPLE: [(i64, &str); 5] = [(5, "admin"), (1, "ada"), (2, "ben"), (3, "cleo"), (4, "dan")];

/// The routes that change or close the account in their path. They answer 403 without a token.
const OF_AN_ACCOUNT: [&str; 6] = [
    "PUT /shop/api/user/{id}",
    "DELETE /shop/api/user/{id}",
    "PUT /community/users/{username}/email",
    "PUT /community/users/{username}/karma/increment",
    "PUT /community/users/{username}/karma/decrement",
    "DELETE /community/users/{username}",
];

/// Fields that some route reads, each with a harmful value.
fn hostile_body(name: &str) -> Value {
    json!({
        "password": "taken over by a stranger", "address": "Elsewhere 1", "email": "stranger@example.com",
        "username": name, "name": name, "karma": 1_000, "surname": "Stranger", "brokerageFee": 100, "amount": 1, "role": "BROKER",
    })
}

async fn routes(caller: &HttpClient) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for mount in MOUNTS {
        let document = caller.get(&format!("/{mount}/openapi.json")).await.body;
        for (path, methods) in document["paths"].as_object().expect("paths") {
            let methods = methods.as_object().expect("methods").keys();
            let changing = methods.filter(|method| ["post", "put", "patch", "delete"].contains(&method.as_str()));
            all.extend(changing.map(|method| (method.to_uppercase(), format!("/{mount}{path}"))));
        }
    }
    all
}

/// All data of an account.
const ACCOUNT: &str = "query($id: ID!) {
    user(id: $id) { username email phone displayName name surname karma active role brokerageFeePercent
        address { text } wallets { balance committed } holdings { nodes { free committed held } }
        authorizations { nodes { id remaining remainingShares active } } } }";

/// Returns an account as an operator sees it, to detect changes.
async fn state(operator: &HttpClient, id: i64) -> String {
    operator.query(ACCOUNT, json!({ "id": id })).await.to_string()
}

#[tokio::test]
async fn no_open_route_changes_an_account_created_elsewhere() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let operator = app.signed_in("admin").await;
    let routes = routes(&anonymous).await;
    assert!(routes.len() >= 40, "{routes:?}");
    let mut refused = 0;
    for (id, name) in PEOPLE {
        let before = state(&operator, id).await;
        assert!(!before.contains("errors"), "{before}");
        for (method, route) in &routes {
            let path = route
                .replace("{username}", name)
                .replace("{stockName}", "FishCo")
                .split('/')
                .map(|segment| {
                    if segment.starts_with('{') {
                        id.to_string()
                    } else {
                        segment.to_owned()
                    }
                })
                .collect::<Vec<_>>()
                .join("/");
            let mut body = hostile_body(name);
            if path.ends_with("/email") {
                body = json!({ "email": format!("stranger{id}@example.com") });
            }
            let answer = anonymous.send(anonymous.request(method, &path).json(&body)).await;
            if OF_AN_ACCOUNT.contains(&format!("{method} {route}").as_str()) {
                assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
                refused += 1;
            }
            assert_ne!(answer.status, 500, "{method} {path}: {}", answer.body);
            assert_eq!(state(&operator, id).await, before, "{method} {path} changed {name}");
        }
    }
    assert_eq!(refused, PEOPLE.len() * OF_AN_ACCOUNT.len());
    for (_, name) in PEOPLE {
        app.signed_in(name).await;
    }
}
