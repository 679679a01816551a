//! The routes that write, in every mount, as hostile requests without a token.

use serde_json::{Value, json};
use tests::HttpClient;

const MOUNTS: [&str; 5] = ["bazaar", "brokerage", "bookstore", "shop", "community"];
/// An administrator, an investor and a broker with money and shares, and two members of the demo.
pub const PEOPLE: [(i64, &str); 5] = [(5, "admin"), (1, "ada"), (2, "ben"), (3, "cleo"), (4, "dan")];

/// The routes that change or close the account in their path. They answer 403 without a token.
pub const OF_AN_ACCOUNT: [&str; 6] = [
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

/// Returns the method and the path of every route that writes.
pub async fn routes(caller: &HttpClient) -> Vec<(String, String)> {
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

/// A route that writes, with the data of a person in its path and its body.
pub struct HostileRequest {
    pub method: String,
    pub path: String,
    pub body: Value,
    /// Whether the route changes or closes the account in its path.
    pub is_of_an_account: bool,
}

impl HostileRequest {
    /// Returns the request of a route against this person.
    pub fn new((method, route): &(String, String), id: i64, name: &str) -> Self {
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
        let body = if path.ends_with("/email") {
            json!({ "email": format!("stranger{id}@example.com") })
        } else {
            hostile_body(name)
        };
        Self {
            is_of_an_account: OF_AN_ACCOUNT.contains(&format!("{method} {route}").as_str()),
            method: method.clone(),
            path,
            body,
        }
    }

    /// Sends the request, and asserts that it fails as it must. Returns whether its route is one of an account.
    pub async fn assert_refused(&self, caller: &HttpClient) -> bool {
        let Self { method, path, .. } = self;
        let answer = caller.send(caller.request(method, path).json(&self.body)).await;
        if self.is_of_an_account {
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
        }
        assert_ne!(answer.status, 500, "{method} {path}: {}", answer.body);
        self.is_of_an_account
    }
}
