//! Log-in, refresh and log-out, and attacks on them by guessing and by token theft.

use accounts::{EndedSession, Settings, ended_sessions};
use contract::{Clock, Event};
use serde_json::json;
use testing::heard;

use crate::support::{App, PASSWORD, Person, Who, quick};

#[tokio::test]
async fn people_log_in_with_their_username_or_their_email_in_any_case() {
    let app = App::new().await;
    let ada = app.join("Ada").await;
    for login in ["Ada", "ada", " ADA ", "ada@example.com", "ADA@EXAMPLE.COM"] {
        let answer = app.login(login, PASSWORD).await;
        assert_eq!(answer.person(&app, "login").id, ada.id, "{login}");
        assert_eq!(answer.at("/login/expiresAt"), "2027-01-15T08:15:00+00:00");
    }
}

#[tokio::test]
async fn an_unknown_name_a_wrong_password_and_an_account_out_of_use_are_answered_alike() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    app.join("ben").await;
    app.ask(&ada.who, "mutation { deactivateAccount { active } }", json!({}))
        .await
        .at("");
    let huge = "x".repeat(5_000);
    for (login, password) in [
        ("nobody", PASSWORD),
        ("ben", "wrong password"),
        ("ben", ""),
        ("ben", &huge),
        ("ada", PASSWORD),
        ("ada@example.com", PASSWORD),
    ] {
        let answer = app.login(login, password).await;
        assert_eq!(
            (answer.code(), answer.message()),
            ("UNAUTHENTICATED", "wrong username, email or password"),
            "{login}"
        );
    }
    assert_eq!(app.login(" ", PASSWORD).await.field(), "login");
    assert_eq!(app.login(&huge, PASSWORD).await.code(), "INVALID_INPUT");
}

#[tokio::test]
async fn an_account_without_a_password_cannot_be_logged_in_to() {
    let app = App::new().await;
    let now_us = app.clock.now_us();
    let write = app.services.db.write(async move |tx| {
        let joined = entities::user::join(tx, entities::user::Model::named("feed", now_us)).await?;
        Ok(joined.is_ok())
    });
    assert!(write.await.unwrap());
    assert_eq!(app.login("feed", "").await.code(), "UNAUTHENTICATED");
    let set = r#"mutation { setPassword(userId: "1", new: "first password") }"#;
    app.ask(&Who::service(), set, json!({})).await.at("");
    assert_eq!(app.login("feed", "first password").await.code(), "OK");
}

#[tokio::test]
async fn guesses_at_the_same_time_are_counted_like_guesses_one_after_another() {
    let app = App::new().await;
    app.join("ada").await;
    let guesses = (0..50).map(|_| app.login("ada", "wrong password"));
    let answers = futures_util::future::join_all(guesses).await;
    let tried = answers.iter().filter(|answer| answer.code() == "UNAUTHENTICATED");
    // Two attempts are checked concurrently, so the second of the last pair may slip through.
    assert!((10..=11).contains(&tried.count()));
}

#[tokio::test]
async fn many_people_with_the_right_password_are_not_taken_for_guessers() {
    let app = App::new().await;
    app.join("ada").await;
    let answers = futures_util::future::join_all((0..40).map(|_| app.login("ada", PASSWORD))).await;
    assert!(answers.iter().all(|answer| answer.code() == "OK"));
}

#[tokio::test]
async fn who_waits_too_long_to_be_hashed_is_told_so() {
    let app = App::with(Settings {
        hashing_at_once: 1,
        hashing_wait_ms_max: 0,
        argon2_memory_kib: 20_000,
        argon2_passes: 5,
        ..quick()
    })
    .await;
    let answers = futures_util::future::join_all((0..20).map(|_| app.login("ada", PASSWORD))).await;
    assert!(answers.iter().any(|answer| answer.code() == "UNAVAILABLE"));
    assert!(answers.iter().any(|answer| answer.code() == "UNAUTHENTICATED"));
}

#[tokio::test]
async fn passwords_are_kept_as_argon2id_as_strong_as_recommended_and_tokens_only_as_digests() {
    let app = App::with(Settings::default()).await;
    let ada = app.join("ada").await;
    assert_eq!(app.login("ada", PASSWORD).await.code(), "OK");
    let kept = app.bytes_on_disk();
    let keeps = |text: &str| kept.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(keeps("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(!keeps(PASSWORD));
    assert!(!keeps(&ada.refresh_token[..64]) && !keeps(&ada.refresh_token[64..]));
}

#[tokio::test]
async fn a_refresh_token_makes_the_next_one_and_keeps_the_session() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    app.advance_minutes(24 * 60);
    let next = app.refresh(&ada.refresh_token).await.person(&app, "refresh");
    assert_eq!((next.id, next.who.session), (ada.id, ada.who.session));
    // Each token is valid for 30 days after its creation.
    app.advance_minutes(30 * 24 * 60 - 1);
    let last = app.refresh(&next.refresh_token).await.person(&app, "refresh");
    app.advance_minutes(30 * 24 * 60);
    assert_eq!(app.refresh(&last.refresh_token).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_old_refresh_token_ends_its_session_however_old_it_is() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let other = app.login("ada", PASSWORD).await.person(&app, "login");
    let second = app.refresh(&ada.refresh_token).await.person(&app, "refresh");
    let third = app.refresh(&second.refresh_token).await.person(&app, "refresh");

    let mut events = app.events();
    let stolen = app.refresh(&ada.refresh_token).await;
    assert_eq!(stolen.code(), "UNAUTHENTICATED");
    assert_eq!(
        heard(&mut events),
        [Event::SessionsEnded {
            user: ada.id,
            session: ada.who.session,
            at_us: app.clock.now_us()
        }]
    );
    let answer = app.refresh(&third.refresh_token).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(answer.message(), stolen.message());
    assert_eq!(
        app.refresh(&other.refresh_token).await.code(),
        "OK",
        "other sessions go on"
    );
}

#[tokio::test]
async fn of_two_uses_of_one_refresh_token_at_once_exactly_one_is_served() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let answers = futures_util::future::join_all((0..20).map(|_| app.refresh(&ada.refresh_token))).await;
    let served = answers.iter().filter(|answer| answer.code() == "OK").count();
    assert_eq!(served, 1);
    assert!(
        answers
            .iter()
            .all(|answer| ["OK", "UNAUTHENTICATED"].contains(&answer.code()))
    );
}

#[tokio::test]
async fn what_is_no_refresh_token_of_ours_changes_nothing() {
    let app = App::new().await;
    let ada = app.join("ada").await;
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
        assert_eq!(app.refresh(token).await.code(), "UNAUTHENTICATED");
    }
    assert_eq!(app.refresh(&ada.refresh_token).await.code(), "OK");
}

#[tokio::test]
async fn a_log_out_ends_the_session_it_came_from_and_no_other() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let other = app.login("ada", PASSWORD).await.person(&app, "login");
    let mut events = app.events();
    for _ in 0..2 {
        assert_eq!(log_out(&app, &ada).await, json!(true), "a second time is no error");
    }
    let ended_at_us = app.clock.now_us();
    assert_eq!(
        heard(&mut events),
        [Event::SessionsEnded {
            user: ada.id,
            session: ada.who.session,
            at_us: ended_at_us
        }]
    );
    assert_eq!(app.refresh(&ada.refresh_token).await.code(), "UNAUTHENTICATED");
    assert_eq!(app.refresh(&other.refresh_token).await.code(), "OK");

    let ended = ended_sessions(&app.services.db, ended_at_us).await.unwrap();
    let expected = EndedSession {
        user: ada.id,
        session: ada.who.session.unwrap(),
        at_us: ended_at_us,
    };
    assert_eq!(ended, [expected]);
    assert_eq!(ended_sessions(&app.services.db, ended_at_us + 1).await.unwrap(), []);
}

#[tokio::test]
async fn a_log_out_that_comes_from_no_session_ends_all_of_the_persons() {
    let app = App::new().await;
    let mut ada = app.join("ada").await;
    let other = app.login("ada", PASSWORD).await.person(&app, "login");
    let ben = app.join("ben").await;
    ada.who.session = None;
    log_out(&app, &ada).await;
    for (person, code) in [(&ada, "UNAUTHENTICATED"), (&other, "UNAUTHENTICATED"), (&ben, "OK")] {
        assert_eq!(app.refresh(&person.refresh_token).await.code(), code);
    }
}

#[tokio::test]
async fn nobody_ends_a_session_of_somebody_else() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let mut ben = app.join("ben").await;
    ben.who.session = ada.who.session;
    log_out(&app, &ben).await;
    assert_eq!(app.refresh(&ada.refresh_token).await.code(), "OK");
}

#[tokio::test]
async fn sessions_long_over_are_swept_away() {
    let app = App::new().await;
    let ada = app.join("ada").await;
    let ben = app.join("ben").await;
    log_out(&app, &ada).await;
    let keep = contract::Retention {
        key_hours: 24,
        session_hours: 24,
        rows_max: 1,
    };
    let count = async || ended_sessions(&app.services.db, 0).await.unwrap().len();
    assert_eq!((app.services.sweep(keep).await.unwrap(), count().await), (0, 1));
    app.advance_minutes(25 * 60);
    assert_eq!((app.services.sweep(keep).await.unwrap(), count().await), (1, 0));
    assert_eq!(
        app.refresh(&ben.refresh_token).await.code(),
        "OK",
        "an open session stays"
    );
    app.advance_minutes(40 * 24 * 60);
    assert_eq!(app.services.sweep(keep).await.unwrap(), 1, "it ran out");
}

async fn log_out(app: &App, person: &Person) -> serde_json::Value {
    let answer = app.ask(&person.who, "mutation { logout }", json!({})).await;
    answer.at("/logout").clone()
}

#[tokio::test]
async fn an_access_token_lives_fifteen_minutes() {
    let app = App::new().await;
    app.join("ada").await;
    let answer = app.login("ada", PASSWORD).await;
    let token = answer.at("/login/token").as_str().unwrap();
    let now_us = app.clock.now_us();
    let minute_us = 60_000_000;
    assert!(app.services.keys.verify(token, now_us + 15 * minute_us - 1).is_ok());
    assert!(app.services.keys.verify(token, now_us + 15 * minute_us).is_err());
}

#[tokio::test]
async fn no_log_in_with_the_old_password_outlives_its_change() {
    let app = App::with(Settings {
        argon2_memory_kib: 2_000,
        ..quick()
    })
    .await;
    let ada = app.join("ada").await;
    let set = format!(
        "mutation {{ setPassword(userId: {}, new: \"another password\") }}",
        ada.id
    );
    let service = Who::service();
    // Each log-in has read the old hash before the change, and is checked against it during or after.
    let (changed, log_ins) = tokio::join!(
        app.ask(&service, &set, json!({})),
        futures_util::future::join_all((0..20).map(|_| app.login("ada", PASSWORD))),
    );
    changed.at("");
    for log_in in log_ins.iter().filter(|answer| answer.code() == "OK") {
        let token = log_in.person(&app, "login").refresh_token;
        assert_eq!(app.refresh(&token).await.code(), "UNAUTHENTICATED");
    }
}
