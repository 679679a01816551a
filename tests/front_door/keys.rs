//! `agora keys` beside a running server: a new key keeps people and programs signed in, and an old one ends when nothing depends on
//! it.

use std::time::Duration;

use serde_json::json;
use testing::within;
use tests::HttpClient;

use crate::killed::command::{ServerProcess, agora, demo, refusal_of};

/// The longest wait until a server reads its keys again.
const KEYS_WAIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn rotated_keys_keep_people_and_programs_signed_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = ServerProcess::start(demo(&data));
    let printed = |arguments: &[&str]| {
        let output = agora(&data, arguments).output().expect("the program starts");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{told}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        told
    };
    let first_key = || {
        let listed = printed(&["keys", "list"]);
        let line = listed
            .lines()
            .find(|line| line.contains("\tsigns\t"))
            .expect("a key that signs");
        line.split('\t').next().expect("an id").to_owned()
    };
    let me = async |client: &HttpClient| client.query("{ me { username } }", json!({})).await.code().to_owned();
    let programs = async |client: &HttpClient| {
        let asked = client.query("{ bookPurchases { nodes { id } } }", json!({})).await;
        asked.code().to_owned()
    };
    let anonymous = HttpClient::new(&server.url);
    let before = anonymous.sign_in("ada").await;
    let told = printed(&["token", "--service", "stock-room"]);
    let token = told.lines().find(|line| line.starts_with("ey")).expect("a token");
    let program = anonymous.with_token(token);
    let old = first_key();

    printed(&["keys", "rotate"]);

    let new = first_key();
    assert_ne!(new, old);
    let after = anonymous.sign_in("ada").await;
    let key_of = |client: &HttpClient| {
        let token = client.token().expect("a token").to_owned();
        token.split('.').next().expect("a header").to_owned()
    };
    assert_ne!(key_of(&before), key_of(&after), "the new key signs");
    assert_eq!(
        [me(&before).await, me(&after).await, programs(&program).await],
        ["OK", "OK", "OK"]
    );

    let refused = refusal_of(agora(&data, &["keys", "retire", &old]));
    assert!(refused.contains("(stock-room)"), "{refused}");
    let listed = printed(&["token", "list"]);
    let line = listed
        .lines()
        .find(|line| line.contains("\tstock-room\t"))
        .expect("a credential");
    printed(&["token", "revoke", line.split('\t').next().expect("an id")]);
    let refused = refusal_of(agora(&data, &["keys", "retire", &old]));
    assert!(refused.contains("access tokens of people"), "{refused}");
    assert!(refusal_of(agora(&data, &["keys", "retire", &new])).contains("signs"));

    printed(&["keys", "retire", "--yes", &old]);

    let refused = async {
        while me(&before).await == "OK" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(KEYS_WAIT, "the server drops the key", refused).await;
    assert_eq!([me(&before).await, me(&after).await], ["UNAUTHENTICATED", "OK"]);
    assert_ne!(programs(&program).await, "OK");
    server.stop();
}
