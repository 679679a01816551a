//! Migrating down any number of steps and up again leaves books that add up and a demo that starts.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use agora::app::App;
use agora::config::Settings;
use contract::{Db, DbOptions, InProcessBus, SystemClock};
use migrations::{Migrator, MigratorTrait};
use tests::Audit;

use crate::killed::command::{agora, done};

async fn start_demo(data: &Path) {
    let mut settings = Settings::default();
    settings.server.data = data.to_owned();
    let app = App::open(&settings, Arc::new(SystemClock)).await.expect("Agora opens");
    agora::demo::seed(&app.services).await.expect("the demo's data");
    app.close().await.expect("the database closes");
}

#[tokio::test]
async fn the_demo_starts_balanced_after_any_steps_down_and_up() {
    let folder = tempfile::tempdir().unwrap();
    let seeded = folder.path().join("seeded");
    start_demo(&seeded).await;
    for steps in 1..=Migrator::migrations().len() {
        let data = folder.path().join(format!("back-{steps}"));
        fs::create_dir(&data).unwrap();
        for name in ["agora.db", "agora.db.commits"] {
            fs::copy(seeded.join(name), data.join(name)).unwrap();
        }
        done(agora(&data, &["migrate", "--down", &steps.to_string(), "--yes"]));
        for start in ["first", "second"] {
            start_demo(&data).await;
            let broken = Audit::open(&data).violations();
            assert!(
                broken.is_empty(),
                "{steps} steps back, {start} start: {}",
                broken.join("\n")
            );
        }
    }
}

#[tokio::test]
async fn migrating_down_past_the_brokerage_returns_reserved_money() {
    let folder = tempfile::tempdir().unwrap();
    start_demo(folder.path()).await;
    let all = "SELECT sum(balance_minor + committed_minor + lent_minor + held_minor) FROM wallet";
    let before = Audit::open(folder.path());
    let money = before.number(all);
    assert!(before.number("SELECT sum(lent_minor) FROM wallet") > 0);
    assert!(before.number("SELECT sum(held_minor) FROM wallet") > 0);
    drop(before);
    let options = DbOptions::new(folder.path().join("agora.db"));
    let db = Db::open(options, Arc::new(InProcessBus::new(1))).await.unwrap();
    let back = u32::try_from(Migrator::migrations().len() - 6).unwrap();
    db.migrate(async move |connection| Migrator::down(connection, Some(back)).await)
        .await
        .unwrap();
    db.close().await.unwrap();
    let after = Audit::open(folder.path());
    assert_eq!(after.number(all), money);
    assert_eq!(after.number("SELECT sum(lent_minor + held_minor) FROM wallet"), 0);
    let entries = "SELECT sum(amount_minor) FROM ledger_entry WHERE account = 'BALANCE'";
    assert_eq!(
        after.number("SELECT sum(balance_minor) FROM wallet"),
        after.number(entries)
    );
    assert_eq!(after.number("SELECT count(*) FROM hold WHERE state = 'PENDING'"), 0);
}
