//! People who do not register: the demo people and administrators.

use accounts::demo;
use contract::{Error, Viewer};
use serde_json::json;

use crate::support::{App, Who};

#[tokio::test]
async fn the_demo_people_are_there_once_however_often_they_are_asked_for() {
    let app = App::new().await;
    let people = demo::seed(&app.services).await.unwrap();
    let rows = async || {
        let document = "{ users { nodes { id username email displayName role brokerageFeePercent karma } } }";
        app.ask(&Who::service(), document, json!({}))
            .await
            .at("/users/nodes")
            .clone()
    };
    let before = rows().await;
    assert_eq!(demo::seed(&app.services).await.unwrap(), people);
    assert_eq!(rows().await, before);
    assert_eq!(before.as_array().unwrap().len(), 5);
    assert_eq!(before[0]["email"], "ada@example.com");
    assert_eq!(
        (&before[0]["role"], &before[1]["role"]),
        (&json!("INVESTOR"), &json!("BROKER"))
    );
    assert_eq!(before[1]["brokerageFeePercent"], 1.0);

    let ada = app.login("ada@example.com", demo::PASSWORD).await.person(&app, "login");
    assert_eq!(ada.id, people.ada);
    let admin = app.login("admin", "agora-demo-2026").await.person(&app, "login");
    assert!(matches!(admin.who.viewer, Viewer::User { admin: true, .. }));
    assert_eq!(admin.id, people.admin);
}

#[tokio::test]
async fn an_administrator_is_made_by_whoever_runs_the_installation_and_nobody_else() {
    let app = App::new().await;
    let make = async |name: &str, password: &str| {
        accounts::create_admin(&app.services, name, Some("root@example.com"), password.to_owned()).await
    };
    let id = make("root", "a long password").await.unwrap();
    let root = app.login("root", "a long password").await.person(&app, "login");
    assert_eq!(root.id, id);
    assert!(root.who.viewer.is_operator());
    assert!(matches!(make("ROOT", "a long password").await, Err(Error::Conflict(_))));
    assert!(matches!(make("other", "short").await, Err(Error::InvalidInput { .. })));
}

#[tokio::test]
async fn the_tables_have_a_way_back() {
    use migrations::MigratorTrait;
    let app = App::new().await;
    let there_and_back = app.services.db.migrate(async |connection| {
        migrations::Migrator::down(connection, None).await?;
        migrations::Migrator::up(connection, None).await
    });
    there_and_back.await.unwrap();
    app.join("ada").await;
}
