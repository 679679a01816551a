//! Writers without an account who fill the disk.

use serde_json::json;
use tests::HttpClient;
use tokio::task::JoinSet;

use super::target::Target;

/// The clients that write at once.
const CLIENTS: usize = 4;
/// The most posts that one client tries to write: together twice as many as a minute allows.
const POSTS_MAX: usize = 200;
/// The most bytes that the data folder may have after the attack: what a minute allows, once in the database and once in its
/// log.
const STORED_BYTES_MAX: u64 = 2 * 80 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_writers_fill_no_disk() {
    let target = Target::start();
    let attack = async {
        let mut sending = JoinSet::new();
        for _ in 0..CLIENTS {
            let anonymous = HttpClient::new(target.url());
            sending.spawn(async move {
                // 40,000 characters of four bytes each.
                let text = "\u{1F600}".repeat(40_000);
                let post = json!({ "title": "Long", "text": text, "community": "Books", "username": "cleo" });
                for _ in 0..POSTS_MAX {
                    match anonymous.post("/community/posts", post.clone()).await.status {
                        201 => {}
                        429 => return true,
                        status => panic!("{status}"),
                    }
                }
                false
            });
        }
        let refused = sending.join_all().await;
        assert_eq!(refused, [true; CLIENTS], "the clients that were refused at last");
    };
    target.attacked_by(attack).await.assert_held();
    let stored = target.stored_bytes();
    assert!(stored < STORED_BYTES_MAX, "{stored} bytes");
}
