//! Calls every route that writes, in every mount, without a token against accounts of all kinds, and checks that no
//! account changes. The routes come from the OpenAPI documents, so new ones are covered, too.

mod requests;

use serde_json::json;
use tests::{HttpClient, TestApp};

use self::requests::{HostileRequest, OF_AN_ACCOUNT, PEOPLE, routes};

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
        for route in &routes {
            let request = HostileRequest::new(route, id, name);
            refused += usize::from(request.assert_refused(&anonymous).await);
            let HostileRequest { method, path, .. } = request;
            assert_eq!(state(&operator, id).await, before, "{method} {path} changed {name}");
        }
    }
    assert_eq!(refused, PEOPLE.len() * OF_AN_ACCOUNT.len());
    for (_, name) in PEOPLE {
        app.signed_in(name).await;
    }
}

#[tokio::test]
async fn anonymous_votes_change_no_karma_of_accounts_made_elsewhere() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let dan = app.signed_in("dan").await;
    let create = r#"mutation { createPost(input: { title: "t", text: "x", community: "Books" }) { id } }"#;
    let post = dan.query(create, json!({})).await.id("createPost.id");
    let karma = async || dan.query("{ me { karma } }", json!({})).await.at("me.karma").clone();
    let before = karma().await;
    for upvotes in 1..=3 {
        let voted = anonymous
            .post(&format!("/community/votes/{post}/upvotes"), json!({}))
            .await;
        assert_eq!((voted.status, &voted.body["upvotes"]), (201, &json!(upvotes)));
    }
    assert_eq!(karma().await, before);
    let increment = anonymous.request("PUT", "/community/users/dan/karma/increment");
    assert_eq!(anonymous.send(increment).await.status, 403);
}
