//! Data folders of earlier builds (`tests/upgrades/`): this build opens them, and shows what their own builds showed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::{Audit, HttpClient, TestApp};

/// 2026-12-01T00:00:00Z, after the last write to any of the folders.
const NOW_US: i64 = 1_796_083_200_000_000;
/// The password of the person who registered, instead of being in the sample data.
const PASSWORD: &str = "an old password";
const PERSON: &str = "{ me {
    username karma unreadCount portfolioValue
    wallets { balance held lent committed }
    holdings { nodes { stock { name } free held committed } }
    brokerageOrders(first: 20) { nodes { status side quantity } }
    bookPurchases { nodes { title } }
    inbox { nodes { contents } }
} }";
const LISTS: &str = "{
    stocks(first: 5) { nodes { name price quantity } }
    books(first: 10) { nodes { title quantity } }
    products(first: 5) { nodes { name available } }
}";
const POST: &str = "{ post(id: \"7\") { title score text } }";

/// The folders, each named after its build.
fn folders() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("upgrades");
    let entries = fs::read_dir(all)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.is_dir()).collect()
}

/// Starts a server on a copy of the data folder.
async fn upgraded(folder: &Path) -> TestApp {
    let copy = tempfile::tempdir().expect("a folder");
    let data = copy.path().join("data");
    fs::create_dir(&data).expect("a folder");
    let database = fs::read(folder.join("agora.db.zst")).expect("a database");
    let database = zstd::decode_all(database.as_slice()).expect("a database");
    fs::write(data.join("agora.db"), database).expect("a copy");
    fs::copy(folder.join("keys.json"), data.join("keys.json")).expect("a copy");
    fs::set_permissions(data.join("keys.json"), Permissions::from_mode(0o600)).expect("permissions");
    TestApp::over(copy, NOW_US).await
}

fn answers(folder: &Path) -> Value {
    let answers = fs::read(folder.join("answers.json")).expect("the answers of the earlier build");
    serde_json::from_slice(&answers).expect("JSON")
}

async fn sign_in(app: &TestApp, username: &str) -> HttpClient {
    let sign_in =
        "mutation($login: String!, $password: String!) { login(login: $login, password: $password) { token } }";
    let password = if username == "eve" {
        PASSWORD
    } else {
        agora::demo::PASSWORD
    };
    let variables = json!({ "login": username, "password": password });
    let answer = app.anonymous().query(sign_in, variables).await;
    app.anonymous().with_token(answer.text("login.token"))
}

#[tokio::test]
async fn an_upgraded_folder_shows_what_its_build_showed() {
    for folder in folders() {
        let app = upgraded(&folder).await;
        let before = answers(&folder);
        let people = before["people"].as_object().expect("people");
        assert!(people.contains_key("eve"), "{}", folder.display());

        for (username, me) in people {
            let person = sign_in(&app, username).await;
            assert_eq!(person.query(PERSON, json!({})).await.at("me"), me, "{username}");
        }
        assert_eq!(
            (*app.anonymous().query(LISTS, json!({})).await)["data"],
            before["lists"]
        );
        assert_eq!(*app.anonymous().query(POST, json!({})).await.at("post"), before["post"]);
        Audit::open(&app.data_folder()).assert_balanced();
    }
}

#[tokio::test]
async fn an_upgraded_folder_continues_to_be_used() {
    for folder in folders() {
        let app = upgraded(&folder).await;
        let eve = sign_in(&app, "eve").await;
        let bought = eve
            .query("mutation { purchaseBook(id: \"1\") { book { quantity } } }", json!({}))
            .await;
        let voted = eve
            .query("mutation { upvote(postId: \"1\") { score } }", json!({}))
            .await;

        assert_eq!(*bought.at("purchaseBook.book.quantity"), 8);
        assert!(voted.at("upvote.score").is_number());
        Audit::open(&app.data_folder()).assert_balanced();
    }
}

#[tokio::test]
async fn credentials_from_before_an_upgrade_stay_valid() {
    for folder in folders() {
        let app = upgraded(&folder).await;
        let token = fs::read_to_string(folder.join("service.token")).expect("a credential");
        let service = app.anonymous().with_token(token.trim());

        let email = service.query("{ user(username: \"eve\") { email } }", json!({})).await;

        assert_eq!(*email.at("user.email"), "eve@example.org", "only operators see it");
    }
}
