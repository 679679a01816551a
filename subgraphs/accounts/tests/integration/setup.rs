//! People who do not register: the demo people and administrators.

use accounts::demo;
use contract::{Error, Viewer};
use serde_json::json;

use crate::support::{AccountsDomain, CallerSession, SignedIn};

#[tokio::test]
async fn seeding_the_demo_users_repeatedly_creates_them_once() {
    let domain = AccountsDomain::new().await;
    let people = demo::seed(&domain.services).await.unwrap();
    let rows = async || {
        let document = "{ users { nodes { id username email displayName role brokerageFeePercent karma } } }";
        domain
            .query(&CallerSession::service(), document, json!({}))
            .await
            .at("users.nodes")
            .clone()
    };
    let before = rows().await;
    assert_eq!(demo::seed(&domain.services).await.unwrap(), people);
    assert_eq!(rows().await, before);
    assert_eq!(before.as_array().unwrap().len(), 5);
    assert_eq!(before[0]["email"], "ada@example.com");
    assert_eq!(
        (&before[0]["role"], &before[1]["role"]),
        (&json!("INVESTOR"), &json!("BROKER"))
    );
    assert_eq!(before[1]["brokerageFeePercent"], 1.0);

    let ada = domain
        .login("ada@example.com", demo::PASSWORD)
        .await
        .person(&domain, "login");
    assert_eq!(ada.id, people.ada);
    let admin = domain.login("admin", "agora-demo-2026").await.person(&domain, "login");
    assert!(matches!(admin.caller.viewer, Viewer::User { admin: true, .. }));
    assert_eq!(admin.id, people.admin);
}

#[tokio::test]
async fn create_admin_creates_an_operator_by_the_account_rules() {
    let domain = AccountsDomain::new().await;
    let make = async |name: &str, password: &str| {
        accounts::create_admin(&domain.services, name, Some("root@example.com"), password.to_owned()).await
    };
    let id = make("root", "a long password").await.unwrap();
    let root = domain.login("root", "a long password").await.person(&domain, "login");
    assert_eq!(root.id, id);
    assert!(root.caller.viewer.is_operator());
    assert!(matches!(make("ROOT", "a long password").await, Err(Error::Conflict(_))));
    assert!(matches!(make("other", "short").await, Err(Error::InvalidInput { .. })));
}

#[tokio::test]
async fn the_migrations_can_be_reverted() {
    use migrations::MigratorTrait;
    let domain = AccountsDomain::new().await;
    let there_and_back = domain.services.db.migrate(async |connection| {
        migrations::Migrator::down(connection, None).await?;
        migrations::Migrator::up(connection, None).await
    });
    there_and_back.await.unwrap();
    domain.sign_up("ada").await;
}
