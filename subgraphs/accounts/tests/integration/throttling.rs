//! Throttling: guessers have to wait, owners do not, and no response reveals which names exist or belong together.

use std::net::IpAddr;

use contract::with_client_address;
use serde_json::{Value, json};
use testing::Answer;

use crate::support::{AccountsDomain, PASSWORD};

/// An address that no person has signed in from.
fn elsewhere(octet: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, octet]))
}

/// The code of a response, and its `retryAfter` in seconds.
fn verdict(answer: &Answer) -> (&str, Value) {
    (
        answer.code(),
        answer.json()["errors"][0]["extensions"]["retryAfter"].clone(),
    )
}

async fn guesses(domain: &AccountsDomain, login: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(domain.login(login, "wrong password").await.code(), "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn ten_wrong_passwords_delay_guessers_and_not_the_owner() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    domain.sign_up("ben").await;
    guesses(&domain, "ada", 10).await;
    with_client_address(elsewhere(7), async {
        guesses(&domain, "ada", 10).await;
        for (wait, seconds) in [(15, 15), (30, 30), (60, 60)] {
            for (login, password) in [("ada", "wrong password"), ("Ada", PASSWORD)] {
                let answer = domain.login(login, password).await;
                assert_eq!(verdict(&answer), ("RATE_LIMITED", json!(wait)));
            }
            domain.advance_seconds(seconds);
            guesses(&domain, "ada", 1).await;
        }
    })
    .await;
    let answer = domain.login("ada", PASSWORD).await;
    assert_eq!(answer.code(), "OK", "the owner, from where the account was made");
    let answer = domain.login("ben", PASSWORD).await;
    assert_eq!(answer.code(), "OK", "others are not concerned");
    with_client_address(elsewhere(7), async {
        domain.advance_seconds(120);
        assert_eq!(domain.login("ada", PASSWORD).await.code(), "OK");
        // From now on this address is known as the owner's.
        guesses(&domain, "ada", 10).await;
        assert_eq!(domain.login("ada", "wrong password").await.code(), "RATE_LIMITED");
        assert_eq!(domain.login("ada@example.com", PASSWORD).await.code(), "OK");
    })
    .await;
}

#[tokio::test]
async fn guesses_in_one_request_count_each_and_spare_the_owner() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let guesses: String = (0..50)
        .map(|n| format!(r#"g{n}: login(login: "ada", password: "wrong {n}") {{ token }} "#))
        .collect();
    let answer = domain
        .query(&ada.caller, &format!("mutation {{ {guesses} }}"), json!({}))
        .await;
    // The first error nulls the data, because the mutation's field is not nullable.
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn known_and_unknown_emails_have_the_same_responses() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    for (first, second) in [("ada", "ada@example.com"), ("ada@example.com", "ada")] {
        with_client_address(elsewhere(7), async {
            guesses(&domain, first, 10).await;
            // The right password is rejected too: both names of the account share ten guesses.
            for password in ["wrong password", PASSWORD].into_iter().cycle().take(12) {
                let [of_account, of_none] = [second, "unknown@example.com"].map(|login| domain.login(login, password));
                let (of_account, of_none) = (of_account.await, of_none.await);
                assert_eq!(verdict(&of_account), verdict(&of_none), "{second}");
                assert_eq!(of_account.message(), of_none.message());
                assert_ne!(of_account.code(), "OK");
            }
        })
        .await;
        // All counts expire.
        domain.advance_minutes(24 * 60);
    }
}

#[tokio::test]
async fn an_unknown_name_waits_like_a_known_one() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    with_client_address(elsewhere(7), async {
        for _ in 0..16 {
            let (ada, unknown) = (
                domain.login("ada", "wrong").await,
                domain.login(" UNKNOWN", "wrong").await,
            );
            assert_eq!(verdict(&ada), verdict(&unknown));
            domain.advance_seconds(20);
        }
    })
    .await;
}

#[tokio::test]
async fn a_guesser_with_many_addresses_waits_and_the_owner_does_not() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    for octet in 0..100 {
        with_client_address(elsewhere(octet), guesses(&domain, "ada", 1)).await;
    }
    with_client_address(elsewhere(200), async {
        let answer = domain.login("ada", PASSWORD).await;
        assert_eq!(verdict(&answer), ("RATE_LIMITED", json!(15)));
        // By email it gets the response of an unknown email.
        assert_eq!(
            domain.login("ada@example.com", PASSWORD).await.code(),
            "UNAUTHENTICATED"
        );
        guesses(&domain, "unknown@example.com", 1).await;
    })
    .await;
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn one_ipv6_network_counts_as_one_client() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    for host in 0..10 {
        let address = format!("2001:db8:0:7::{host:x}").parse().ok();
        with_client_address(address, guesses(&domain, "ada", 1)).await;
    }
    let same = "2001:db8:0:7:ffff::1".parse().ok();
    assert_eq!(
        with_client_address(same, domain.login("ada", "wrong")).await.code(),
        "RATE_LIMITED"
    );
    let other = "2001:db8:0:8::1".parse().ok();
    assert_eq!(
        with_client_address(other, domain.login("ada", "wrong")).await.code(),
        "UNAUTHENTICATED"
    );
}

#[tokio::test]
async fn known_addresses_survive_a_restart_and_a_flood() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    for name in 0..20 {
        with_client_address(elsewhere(7), domain.sign_up(&format!("other{name}"))).await;
    }
    let again = domain.again();
    guesses(&again, "ada", 10).await;
    assert_eq!(again.login("ada", "wrong").await.code(), "RATE_LIMITED");
    assert_eq!(again.login("ada", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn wrong_current_passwords_count_like_wrong_logins() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    with_client_address(elsewhere(7), async {
        let change = r#"mutation { changePassword(current: "wrong", new: "new password") }"#;
        for _ in 0..10 {
            assert_eq!(domain.query(&ada.caller, change, json!({})).await.field(), "current");
        }
        let answer = domain.query(&ada.caller, change, json!({})).await;
        assert_eq!(verdict(&answer), ("RATE_LIMITED", json!(15)));
        assert_eq!(domain.login("ada", PASSWORD).await.code(), "UNAUTHENTICATED");
    })
    .await;
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "OK");
}
