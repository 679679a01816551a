//! Log-in, refresh and log-out, and attacks on them by guessing and by token theft.

use accounts::{SessionEnd, Settings, ended_sessions};
use contract::{Clock, Event};
use serde_json::json;
use testing::received_events;

use crate::support::{AccountsDomain, CallerSession, PASSWORD, SET_PASSWORD, SignedIn, SignedInUser, fast_settings};

#[tokio::test]
async fn a_login_accepts_the_username_or_the_email_in_any_case() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("Ada").await;
    for login in ["Ada", "ada", " ADA ", "ada@example.com", "ADA@EXAMPLE.COM"] {
        let answer = domain.login(login, PASSWORD).await;
        assert_eq!(answer.person(&domain, "login").id, ada.id, "{login}");
        assert_eq!(answer.at("login.expiresAt"), "2027-01-15T08:15:00+00:00");
    }
}

#[tokio::test]
async fn all_failed_logins_have_the_same_response() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    domain.sign_up("ben").await;
    domain
        .query(&ada.caller, "mutation { deactivateAccount { active } }", json!({}))
        .await
        .at("");
    let huge = "x".repeat(5_000);
    for (login, password) in [
        ("unknown", PASSWORD),
        ("ben", "wrong password"),
        ("ben", ""),
        ("ben", &huge),
        ("ada", PASSWORD),
        ("ada@example.com", PASSWORD),
    ] {
        let answer = domain.login(login, password).await;
        assert_eq!(
            (answer.code(), answer.message()),
            ("UNAUTHENTICATED", "wrong username, email or password"),
            "{login}"
        );
    }
    assert_eq!(domain.login(" ", PASSWORD).await.field(), "login");
    assert_eq!(domain.login(&huge, PASSWORD).await.code(), "INVALID_INPUT");
}

#[tokio::test]
async fn an_account_without_a_password_has_no_login() {
    let domain = AccountsDomain::new().await;
    let now_us = domain.clock.now_us();
    let write = domain.services.db.write(async move |tx| {
        let joined = entities::user::insert(tx, entities::user::Model::with_username("feed", now_us)).await?;
        Ok(joined.is_ok())
    });
    assert!(write.await.unwrap());
    assert_eq!(domain.login("feed", "").await.code(), "UNAUTHENTICATED");
    let set = r#"mutation { setPassword(userId: "1", new: "first password") }"#;
    domain.query(&CallerSession::service(), set, json!({})).await.at("");
    assert_eq!(domain.login("feed", "first password").await.code(), "OK");
}

#[tokio::test]
async fn concurrent_guesses_count_like_sequential_ones() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    let guesses = (0..50).map(|_| domain.login("ada", "wrong password"));
    let answers = futures_util::future::join_all(guesses).await;
    let tried = answers.iter().filter(|answer| answer.code() == "UNAUTHENTICATED");
    // Two attempts are checked concurrently, so the second of the last pair may slip through.
    assert!((10..=11).contains(&tried.count()));
}

#[tokio::test]
async fn many_logins_with_the_right_password_are_not_throttled() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    let answers = futures_util::future::join_all((0..40).map(|_| domain.login("ada", PASSWORD))).await;
    assert!(answers.iter().all(|answer| answer.code() == "OK"));
}

#[tokio::test]
async fn a_login_that_waits_too_long_for_hashing_is_refused() {
    let domain = AccountsDomain::with(Settings {
        hashing_at_once: 1,
        hashing_wait_ms_max: 0,
        argon2_memory_kib: 20_000,
        argon2_passes: 5,
        ..fast_settings()
    })
    .await;
    let answers = futures_util::future::join_all((0..20).map(|_| domain.login("ada", PASSWORD))).await;
    assert!(answers.iter().any(|answer| answer.code() == "UNAVAILABLE"));
    assert!(answers.iter().any(|answer| answer.code() == "UNAUTHENTICATED"));
}

#[tokio::test]
async fn passwords_are_stored_as_argon2id_and_tokens_as_digests() {
    let domain = AccountsDomain::with(Settings::default()).await;
    let ada = domain.sign_up("ada").await;
    assert_eq!(domain.login("ada", PASSWORD).await.code(), "OK");
    let kept = domain.bytes_on_disk();
    let keeps = |text: &str| kept.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(keeps("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(!keeps(PASSWORD));
    assert!(!keeps(&ada.refresh_token[..64]) && !keeps(&ada.refresh_token[64..]));
}

#[tokio::test]
async fn a_refresh_token_yields_the_next_one_and_keeps_the_session() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    domain.advance_minutes(24 * 60);
    let next = domain.refresh(&ada.refresh_token).await.person(&domain, "refresh");
    assert_eq!((next.id, next.caller.session), (ada.id, ada.caller.session));
    // Each token is valid for 30 days after its creation.
    domain.advance_minutes(30 * 24 * 60 - 1);
    let last = domain.refresh(&next.refresh_token).await.person(&domain, "refresh");
    domain.advance_minutes(30 * 24 * 60);
    assert_eq!(domain.refresh(&last.refresh_token).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_used_refresh_token_of_any_age_ends_its_session() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let other = domain.login("ada", PASSWORD).await.person(&domain, "login");
    let second = domain.refresh(&ada.refresh_token).await.person(&domain, "refresh");
    let third = domain.refresh(&second.refresh_token).await.person(&domain, "refresh");

    let mut events = domain.events();
    let stolen = domain.refresh(&ada.refresh_token).await;
    assert_eq!(stolen.code(), "UNAUTHENTICATED");
    assert_eq!(
        received_events(&mut events),
        [Event::SessionsEnded {
            user: ada.id,
            session: ada.caller.session,
            at_us: domain.clock.now_us()
        }]
    );
    let answer = domain.refresh(&third.refresh_token).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(answer.message(), stolen.message());
    assert_eq!(
        domain.refresh(&other.refresh_token).await.code(),
        "OK",
        "other sessions go on"
    );
}

#[tokio::test]
async fn concurrent_uses_of_one_refresh_token_succeed_once() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let answers = futures_util::future::join_all((0..20).map(|_| domain.refresh(&ada.refresh_token))).await;
    let served = answers.iter().filter(|answer| answer.code() == "OK").count();
    assert_eq!(served, 1);
    assert!(
        answers
            .iter()
            .all(|answer| ["OK", "UNAUTHENTICATED"].contains(&answer.code()))
    );
}

#[tokio::test]
async fn an_unknown_refresh_token_changes_nothing() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let other = "0".repeat(128);
    let upper = ada.refresh_token.to_uppercase();
    let long = "a".repeat(100_000);
    for token in [
        "",
        "x",
        &other,
        &upper,
        &long,
        &ada.refresh_token[..64],
        "é".repeat(64).as_str(),
    ] {
        assert_eq!(domain.refresh(token).await.code(), "UNAUTHENTICATED");
    }
    assert_eq!(domain.refresh(&ada.refresh_token).await.code(), "OK");
}

#[tokio::test]
async fn a_logout_ends_only_its_own_session() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let other = domain.login("ada", PASSWORD).await.person(&domain, "login");
    let mut events = domain.events();
    for _ in 0..2 {
        assert_eq!(log_out(&domain, &ada).await, json!(true), "a second time is no error");
    }
    let ended_at_us = domain.clock.now_us();
    assert_eq!(
        received_events(&mut events),
        [Event::SessionsEnded {
            user: ada.id,
            session: ada.caller.session,
            at_us: ended_at_us
        }]
    );
    assert_eq!(domain.refresh(&ada.refresh_token).await.code(), "UNAUTHENTICATED");
    assert_eq!(domain.refresh(&other.refresh_token).await.code(), "OK");

    let ended = ended_sessions(&domain.services.db, ended_at_us).await.unwrap();
    let expected = SessionEnd {
        user: ada.id,
        session: ada.caller.session.unwrap(),
        at_us: ended_at_us,
    };
    assert_eq!(ended, [expected]);
    assert_eq!(ended_sessions(&domain.services.db, ended_at_us + 1).await.unwrap(), []);
}

#[tokio::test]
async fn a_logout_without_a_session_ends_all_sessions_of_the_user() {
    let domain = AccountsDomain::new().await;
    let mut ada = domain.sign_up("ada").await;
    let other = domain.login("ada", PASSWORD).await.person(&domain, "login");
    let ben = domain.sign_up("ben").await;
    ada.caller.session = None;
    log_out(&domain, &ada).await;
    for (person, code) in [(&ada, "UNAUTHENTICATED"), (&other, "UNAUTHENTICATED"), (&ben, "OK")] {
        assert_eq!(domain.refresh(&person.refresh_token).await.code(), code);
    }
}

#[tokio::test]
async fn a_logout_cannot_end_a_session_of_another_user() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let mut ben = domain.sign_up("ben").await;
    ben.caller.session = ada.caller.session;
    log_out(&domain, &ben).await;
    assert_eq!(domain.refresh(&ada.refresh_token).await.code(), "OK");
}

#[tokio::test]
async fn sessions_that_ended_long_ago_are_deleted() {
    let domain = AccountsDomain::new().await;
    let ada = domain.sign_up("ada").await;
    let ben = domain.sign_up("ben").await;
    log_out(&domain, &ada).await;
    let keep = contract::Retention {
        key_hours: 24,
        session_hours: 24,
        rows_max: 1,
    };
    let count = async || ended_sessions(&domain.services.db, 0).await.unwrap().len();
    assert_eq!((domain.services.sweep(keep).await.unwrap(), count().await), (0, 1));
    domain.advance_minutes(25 * 60);
    assert_eq!((domain.services.sweep(keep).await.unwrap(), count().await), (1, 0));
    assert_eq!(
        domain.refresh(&ben.refresh_token).await.code(),
        "OK",
        "an open session stays"
    );
    domain.advance_minutes(40 * 24 * 60);
    assert_eq!(domain.services.sweep(keep).await.unwrap(), 1, "it ran out");
}

async fn log_out(domain: &AccountsDomain, person: &SignedInUser) -> serde_json::Value {
    let answer = domain.query(&person.caller, "mutation { logout }", json!({})).await;
    answer.at("logout").clone()
}

#[tokio::test]
async fn an_access_token_lives_fifteen_minutes() {
    let domain = AccountsDomain::new().await;
    domain.sign_up("ada").await;
    let answer = domain.login("ada", PASSWORD).await;
    let token = answer.at("login.token").as_str().unwrap();
    let now_us = domain.clock.now_us();
    let minute_us = 60_000_000;
    assert!(domain.services.keys.verify(token, now_us + 15 * minute_us - 1).is_ok());
    assert!(domain.services.keys.verify(token, now_us + 15 * minute_us).is_err());
}

#[tokio::test]
async fn no_login_with_the_old_password_survives_its_change() {
    let domain = AccountsDomain::with(Settings {
        argon2_memory_kib: 2_000,
        ..fast_settings()
    })
    .await;
    let ada = domain.sign_up("ada").await;
    let service = domain.service();
    let set = json!({"id": ada.id, "password": "another password"});
    // Each log-in has read the old hash before the change, and is checked against it during or after.
    let (changed, log_ins) = tokio::join!(
        service.query(SET_PASSWORD, set),
        futures_util::future::join_all((0..20).map(|_| domain.login("ada", PASSWORD))),
    );
    changed.at("");
    for log_in in log_ins.iter().filter(|answer| answer.code() == "OK") {
        let token = log_in.person(&domain, "login").refresh_token;
        assert_eq!(domain.refresh(&token).await.code(), "UNAUTHENTICATED");
    }
}
