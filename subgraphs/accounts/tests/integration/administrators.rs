//! Administrators: the last active one stays, and no program can take over an administrator's account.

use accounts::create_admin;
use serde_json::json;

use crate::support::{AccountsDomain, CallerSession, DEACTIVATE, ERASE, PASSWORD};

async fn admin(domain: &AccountsDomain, name: &str) -> i64 {
    create_admin(
        &domain.services,
        name,
        Some(&format!("{name}@example.com")),
        PASSWORD.to_owned(),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn the_last_active_administrator_cannot_be_removed() {
    let domain = AccountsDomain::new().await;
    let root = admin(&domain, "root").await;
    for removal in ["mutation { deactivateAccount { id } }", "mutation { eraseAccount }"] {
        let refused = domain.query(&CallerSession::admin(root), removal, json!({})).await;
        assert_eq!(refused.code(), "CONFLICT", "{removal}");
        assert!(
            refused.message().contains("last active administrator"),
            "{}",
            refused.message()
        );
    }
    assert_eq!(domain.login("root", PASSWORD).await.code(), "OK");
    let second = admin(&domain, "second").await;
    // A deactivated administrator is not the last active one, and can be erased.
    for removal in [DEACTIVATE, ERASE] {
        let removed = domain
            .query(&CallerSession::admin(second), removal, json!({"id": root}))
            .await;
        assert_eq!(removed.code(), "OK", "{removal}");
    }
    let last = domain
        .query(
            &CallerSession::admin(second),
            "mutation { deactivateAccount { id } }",
            json!({}),
        )
        .await;
    assert_eq!(last.code(), "CONFLICT");
}

#[tokio::test]
async fn two_administrators_cannot_remove_each_other_at_once() {
    for removal in [DEACTIVATE, ERASE] {
        let domain = AccountsDomain::new().await;
        let (one, two) = (admin(&domain, "one").await, admin(&domain, "two").await);
        let (by_one, by_two) = (CallerSession::admin(one), CallerSession::admin(two));
        let (first, second) = tokio::join!(
            domain.query(&by_one, removal, json!({"id": two})),
            domain.query(&by_two, removal, json!({"id": one}))
        );
        let mut codes = [first.code(), second.code()];
        codes.sort_unstable();
        assert_eq!(codes, ["CONFLICT", "OK"], "{removal}");
    }
}

#[tokio::test]
async fn a_service_cannot_change_or_close_an_administrators_account() {
    let domain = AccountsDomain::new().await;
    let (root, _) = (admin(&domain, "root").await, admin(&domain, "second").await);
    let member = domain.sign_up("dan").await.id;
    for change in [
        r#"mutation($id: ID!) { setPassword(userId: $id, new: "another password") }"#,
        r#"mutation($id: ID!) { updateUser(id: $id, input: { password: "another password" }) { id } }"#,
        r#"mutation($id: ID!) { updateUser(id: $id, input: { email: "new@example.com" }) { id } }"#,
        r#"mutation($id: ID!) { updateEmail(userId: $id, email: "newer@example.com") { id } }"#,
        r#"mutation($id: ID!) { updateProfile(userId: $id, input: { name: "x" }) { id } }"#,
        "mutation($id: ID!) { incrementKarma(userId: $id) { id } }",
        DEACTIVATE,
        ERASE,
    ] {
        let send = async |id: i64| domain.query(&CallerSession::service(), change, json!({"id": id})).await;
        assert_eq!(send(root).await.code(), "FORBIDDEN", "{change}");
        assert_eq!(send(member).await.code(), "OK", "{change}");
    }
    assert_eq!(domain.login("root", PASSWORD).await.code(), "OK");
    assert_eq!(domain.login("root@example.com", PASSWORD).await.code(), "OK");
}
