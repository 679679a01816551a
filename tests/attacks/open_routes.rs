//! Open REST routes that are called against the accounts of others.

use serde_json::json;
use tests::HttpClient;
use tokio::task::JoinSet;

use super::open_route_requests::{HostileRequest, OF_AN_ACCOUNT, PEOPLE, routes};
use super::target::Target;

/// Returns the parts of the accounts that strangers attack.
async fn accounts(operator: &HttpClient) -> String {
    let account = "query($id: ID!) { user(id: $id) { username email active role brokerageFeePercent } }";
    let mut found = String::new();
    for (id, _) in PEOPLE {
        found += &operator.query(account, json!({ "id": id })).await.to_string();
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn open_routes_take_over_no_account() {
    let target = Target::start();
    let anonymous = HttpClient::new(target.url());
    let operator = anonymous.sign_in("admin").await;
    let before = accounts(&operator).await;
    let routes = routes(&anonymous).await;
    let attack = async {
        let mut sending = JoinSet::new();
        for (id, name) in PEOPLE {
            let (anonymous, routes) = (anonymous.clone(), routes.clone());
            sending.spawn(async move {
                let mut refused = 0;
                for route in &routes {
                    let request = HostileRequest::new(route, id, name);
                    refused += usize::from(request.assert_refused(&anonymous).await);
                }
                refused
            });
        }
        let refused: usize = sending.join_all().await.into_iter().sum();
        assert_eq!(refused, PEOPLE.len() * OF_AN_ACCOUNT.len());
    };
    target.attacked_by(attack).await.assert_held();
    assert_eq!(accounts(&operator).await, before);
    for (_, name) in PEOPLE {
        anonymous.sign_in(name).await;
    }
}
