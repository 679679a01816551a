//! Passwords that are guessed, many in one request, for names that exist and for names that do not.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::HttpClient;
use tokio::task::JoinSet;

use super::target::Target;

/// The duration of the attack.
const ATTACK_TIME: Duration = Duration::from_secs(3);
/// The clients that guess at once.
const CLIENTS: usize = 4;

/// Returns 50 guesses: some for the owner, by name and by email, the others for names of which each is new and long.
fn guesses(client: usize, turn: usize) -> String {
    let login = |n: usize| match n % 3 {
        0 => "ada".to_owned(),
        1 => "ada@example.com".to_owned(),
        _ => format!("stranger{client}_{turn}_{n}{}", "x".repeat(10_000)),
    };
    let fields: String = (0..50)
        .map(|n| {
            format!(
                "g{n}: login(login: \"{}\", password: \"wrong {n}\") {{ token }} ",
                login(n)
            )
        })
        .collect();
    format!("mutation {{ {fields} }}")
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_lock_no_owner_out_and_hold_no_memory() {
    let target = Target::start();
    let owner = HttpClient::new(target.url());
    owner.sign_in("ada").await;
    let attack = async {
        let mut sending = JoinSet::new();
        for client in 0..CLIENTS {
            let anonymous = HttpClient::new(target.url());
            sending.spawn(async move {
                let begun = Instant::now();
                for turn in 0.. {
                    if begun.elapsed() >= ATTACK_TIME {
                        break;
                    }
                    let answer = anonymous.query(&guesses(client, turn), json!({})).await;
                    assert!(answer["data"].is_null(), "{:?}", answer.code());
                    assert_ne!(answer.code(), "INTERNAL");
                }
            });
        }
        sending.join_all().await;
    };
    target.attacked_by(attack).await.assert_held();
    owner.sign_in("ada").await;
}
