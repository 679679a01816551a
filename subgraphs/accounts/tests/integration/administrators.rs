//! Administrators: the last active one stays, and no program can take over an administrator's account.

use accounts::create_admin;
use serde_json::json;

use crate::support::{AccountsDomain, CallerSession, PASSWORD};

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
    for how in ["deactivateAccount { id }", "eraseAccount"] {
        let refused = domain
            .query(&CallerSession::admin(root), &format!("mutation {{ {how} }}"), json!({}))
            .await;
        assert_eq!(refused.code(), "CONFLICT", "{how}");
        assert!(
            refused.message().contains("last active administrator"),
            "{}",
            refused.message()
        );
    }
    assert_eq!(domain.login("root", PASSWORD).await.code(), "OK");
    let second = admin(&domain, "second").await;
    // A deactivated administrator is not the last active one, and can be erased.
    for how in [
        format!("deactivateAccount(userId: {root}) {{ id }}"),
        format!("eraseAccount(userId: {root})"),
    ] {
        let left = domain
            .query(
                &CallerSession::admin(second),
                &format!("mutation {{ {how} }}"),
                json!({}),
            )
            .await;
        assert_eq!(left.code(), "OK", "{how}");
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
    for how in ["deactivateAccount(userId: ID) { id }", "eraseAccount(userId: ID)"] {
        let domain = AccountsDomain::new().await;
        let (one, two) = (admin(&domain, "one").await, admin(&domain, "two").await);
        let removal = |of: i64| format!("mutation {{ {} }}", how.replace("ID", &of.to_string()));
        let (by_one, by_two) = (CallerSession::admin(one), CallerSession::admin(two));
        let (of_two, of_one) = (removal(two), removal(one));
        let (first, second) = tokio::join!(
            domain.query(&by_one, &of_two, json!({})),
            domain.query(&by_two, &of_one, json!({}))
        );
        let mut codes = [first.code(), second.code()];
        codes.sort_unstable();
        assert_eq!(codes, ["CONFLICT", "OK"], "{how}");
    }
}

#[tokio::test]
async fn a_service_cannot_change_or_close_an_administrators_account() {
    let domain = AccountsDomain::new().await;
    let (root, _) = (admin(&domain, "root").await, admin(&domain, "second").await);
    let member = domain.sign_up("dan").await.id;
    for how in [
        r#"setPassword(userId: ID, new: "another password")"#,
        r#"updateUser(id: ID, input: { password: "another password" }) { id }"#,
        r#"updateUser(id: ID, input: { email: "new@example.com" }) { id }"#,
        r#"updateEmail(userId: ID, email: "newer@example.com") { id }"#,
        r#"updateProfile(userId: ID, input: { name: "x" }) { id }"#,
        "incrementKarma(userId: ID) { id }",
        "deactivateAccount(userId: ID) { id }",
        "eraseAccount(userId: ID)",
    ] {
        let ask = async |id: i64| {
            let document = format!("mutation {{ {} }}", how.replace("ID", &id.to_string()));
            domain.query(&CallerSession::service(), &document, json!({})).await
        };
        assert_eq!(ask(root).await.code(), "FORBIDDEN", "{how}");
        assert_eq!(ask(member).await.code(), "OK", "{how}");
    }
    assert_eq!(domain.login("root", PASSWORD).await.code(), "OK");
    assert_eq!(domain.login("root@example.com", PASSWORD).await.code(), "OK");
}
