//! Tokens that have not expired but are no longer valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use agora::auth::{Authenticator, Identity, SessionRevocation};
use contract::{Bus, Clock, Error, Event, InProcessBus, ManualClock, Role, TokenError, TokenKeys};

use crate::test_server::{NOW_US, TTL_SECONDS};

/// Fewer than a test has tokens.
const TOKENS_MAX: u64 = 2;

struct TestAuth {
    auth: Arc<Authenticator>,
    keys: Arc<TokenKeys>,
    clock: Arc<ManualClock>,
}

impl TestAuth {
    fn open() -> Self {
        let keys = Arc::new(TokenKeys::ephemeral());
        let clock = Arc::new(ManualClock::at_us(NOW_US));
        let auth = Arc::new(Authenticator::new(keys.clone(), clock.clone(), TOKENS_MAX));
        Self { auth, keys, clock }
    }

    fn token(&self, user: i64, session: i64) -> String {
        let now_us = self.clock.now_us();
        self.keys
            .sign_user(user, Role::Member, false, session, now_us, TTL_SECONDS)
            .0
    }

    fn identify(&self, user: i64, session: i64) -> Result<Identity, TokenError> {
        self.auth.identify_token(&self.token(user, session))
    }
}

fn ended(user: i64, session: i64) -> SessionRevocation {
    SessionRevocation {
        user,
        session: Some(session),
        at_us: NOW_US,
    }
}

fn end_of(user: i64, session: Option<i64>, at_us: i64) -> Event {
    Event::SessionsEnded { user, session, at_us }
}

#[tokio::test]
async fn sessions_ended_before_the_start_are_loaded_at_the_start() {
    let test = TestAuth::open();
    let bus = InProcessBus::new(4);
    assert!(test.identify(1, 10).is_ok());
    test.auth
        .watch_ended_sessions(&bus, async || Ok::<_, Error>(vec![ended(1, 10)]))
        .await
        .unwrap();
    assert_eq!(test.identify(1, 10), Err(TokenError::Invalid));
    assert!(test.identify(1, 11).is_ok());
}

#[tokio::test]
async fn the_start_fails_when_ended_sessions_cannot_be_read() {
    let test = TestAuth::open();
    let failed = test
        .auth
        .watch_ended_sessions(&InProcessBus::new(4), async || Err(Error::Unavailable("no database")))
        .await;
    assert!(failed.is_err());
}

#[tokio::test]
async fn ended_sessions_are_read_again_after_lost_events() {
    let test = TestAuth::open();
    let bus = InProcessBus::new(1);
    let readings = Arc::new(AtomicUsize::new(0));
    let read = {
        let readings = readings.clone();
        move || {
            let before = readings.fetch_add(1, Ordering::SeqCst);
            async move {
                match before {
                    0 => Ok(Vec::new()),
                    1 => Err(Error::Unavailable("not now")),
                    _ => Ok(vec![ended(1, 10)]),
                }
            }
        }
    };
    test.auth.watch_ended_sessions(&bus, read).await.unwrap();
    let holder = test.identify(1, 10).unwrap();
    // The listener has not run yet: its queue has room only for the last of these events.
    bus.publish(end_of(1, Some(10), NOW_US));
    bus.publish(end_of(2, Some(20), NOW_US));
    assert_eq!(test.auth.until_invalidated(&holder).await, TokenError::Invalid);
    assert_eq!(readings.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn all_sessions_of_a_user_end_and_later_ones_are_valid() {
    let test = TestAuth::open();
    let (first, other) = (test.identify(1, 10).unwrap(), test.identify(2, 20).unwrap());
    test.auth.revoke(SessionRevocation {
        user: 1,
        session: None,
        at_us: NOW_US,
    });
    assert_eq!(test.auth.require_valid(&first), Err(TokenError::Invalid));
    assert_eq!(test.auth.require_valid(&other), Ok(()));
    test.clock.advance(Duration::from_secs(1));
    assert!(test.identify(1, 11).is_ok());
}

#[tokio::test]
async fn a_service_has_no_session_to_end() {
    let test = TestAuth::open();
    let (token, _) = test.keys.sign_service("7", test.clock.now_us(), TTL_SECONDS);
    test.auth.revoke(SessionRevocation {
        user: 7,
        session: None,
        at_us: NOW_US,
    });
    assert!(test.auth.identify_token(&token).is_ok());
}

#[test]
fn a_remembered_token_expires_and_ends_like_any_other() {
    let test = TestAuth::open();
    let (ended_token, expiring) = (test.token(1, 10), test.token(2, 20));
    for token in [&ended_token, &expiring, &ended_token, &expiring] {
        assert!(test.auth.identify_token(token).is_ok());
    }
    test.auth.revoke(ended(1, 10));
    assert_eq!(test.auth.identify_token(&ended_token), Err(TokenError::Invalid));
    assert!(test.auth.identify_token(&expiring).is_ok());
    test.clock.advance(Duration::from_secs(TTL_SECONDS.unsigned_abs()));
    assert_eq!(test.auth.identify_token(&expiring), Err(TokenError::Expired));
}

#[test]
fn a_token_that_resembles_a_remembered_one_is_invalid() {
    let test = TestAuth::open();
    let token = test.token(1, 10);
    assert!(test.auth.identify_token(&token).is_ok());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let foreign = TokenKeys::ephemeral()
        .sign_user(1, Role::Member, false, 10, NOW_US, TTL_SECONDS)
        .0;
    let other_signature = foreign.rsplit_once('.').unwrap().1;
    for changed in [
        format!("{signed}.{other_signature}"),
        format!("{signed}."),
        signed.to_owned(),
        format!("{signed}.{signature}="),
        token.to_uppercase(),
    ] {
        assert_eq!(
            test.auth.identify_token(&changed),
            Err(TokenError::Invalid),
            "{changed}"
        );
    }
}
