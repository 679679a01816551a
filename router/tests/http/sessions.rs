//! Tokens that have not expired but are no longer valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use agora::auth::{Authenticator, EndedSession, Identity};
use contract::{Bus, Clock, Error, Event, InProcessBus, ManualClock, Role, TokenError, TokenKeys};

use crate::door::{NOW_US, TTL_SECONDS};

struct Desk {
    auth: Arc<Authenticator>,
    keys: Arc<TokenKeys>,
    clock: Arc<ManualClock>,
}

impl Desk {
    fn open() -> Self {
        let keys = Arc::new(TokenKeys::ephemeral());
        let clock = Arc::new(ManualClock::at_us(NOW_US));
        let auth = Arc::new(Authenticator::new(keys.clone(), clock.clone()));
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

fn ended(user: i64, session: i64) -> EndedSession {
    EndedSession {
        user,
        session: Some(session),
        at_us: NOW_US,
    }
}

fn end_of(user: i64, session: Option<i64>, at_us: i64) -> Event {
    Event::SessionsEnded { user, session, at_us }
}

#[tokio::test]
async fn sessions_that_ended_before_the_start_are_known_at_the_start() {
    let desk = Desk::open();
    let bus = InProcessBus::new(4);
    assert!(desk.identify(1, 10).is_ok());
    desk.auth
        .listen(&bus, async || Ok::<_, Error>(vec![ended(1, 10)]))
        .await
        .unwrap();
    assert_eq!(desk.identify(1, 10), Err(TokenError::Invalid));
    assert!(desk.identify(1, 11).is_ok());
}

#[tokio::test]
async fn who_cannot_read_which_sessions_ended_does_not_start() {
    let desk = Desk::open();
    let failed = desk
        .auth
        .listen(&InProcessBus::new(4), async || Err(Error::Unavailable("no database")))
        .await;
    assert!(failed.is_err());
}

#[tokio::test]
async fn when_events_are_lost_it_is_read_again_what_they_said() {
    let desk = Desk::open();
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
    desk.auth.listen(&bus, read).await.unwrap();
    let holder = desk.identify(1, 10).unwrap();
    // The listener has not run yet: its queue has room only for the last of these events.
    bus.publish(end_of(1, Some(10), NOW_US));
    bus.publish(end_of(2, Some(20), NOW_US));
    assert_eq!(desk.auth.until_void(&holder).await, TokenError::Invalid);
    assert_eq!(readings.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn all_sessions_of_a_person_end_and_later_ones_hold() {
    let desk = Desk::open();
    let (first, other) = (desk.identify(1, 10).unwrap(), desk.identify(2, 20).unwrap());
    desk.auth.revoke(EndedSession {
        user: 1,
        session: None,
        at_us: NOW_US,
    });
    assert_eq!(desk.auth.check(&first), Err(TokenError::Invalid));
    assert_eq!(desk.auth.check(&other), Ok(()));
    desk.clock.advance(Duration::from_secs(1));
    assert!(desk.identify(1, 11).is_ok());
}

#[tokio::test]
async fn a_service_has_no_session_that_could_end() {
    let desk = Desk::open();
    let (token, _) = desk.keys.sign_service("7", desk.clock.now_us(), TTL_SECONDS);
    desk.auth.revoke(EndedSession {
        user: 7,
        session: None,
        at_us: NOW_US,
    });
    assert!(desk.auth.identify_token(&token).is_ok());
}
