//! Tests of the throttle with a fixed clock.

use super::*;

const SECOND_US: i64 = 1_000_000;
const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

fn throttle(settings: Settings) -> Throttle {
    Throttle::new(&settings)
}

fn few() -> Settings {
    Settings {
        failed_logins_max: 2,
        failed_logins_everywhere_max: 4,
        failed_logins_accounts_max: 8,
        ..Settings::default()
    }
}

fn typed(name: &str) -> LoginAttempt<'_> {
    LoginAttempt {
        from: HERE,
        name: Some(name),
        account: None,
    }
}

fn from(octet: u8, name: &str) -> LoginAttempt<'_> {
    LoginAttempt {
        from: Some(IpAddr::from([192, 0, 2, octet])),
        ..typed(name)
    }
}

/// Makes an attempt with a wrong password.
fn guess(throttle: &Throttle, attempt: LoginAttempt<'_>, now_us: i64) -> Verdict {
    let verdict = throttle.check(attempt, now_us);
    throttle.record_failure(attempt, verdict, false, now_us);
    verdict
}

#[test]
fn each_further_wrong_password_doubles_the_wait_up_to_a_maximum() {
    let throttle = throttle(Settings::default());
    for _ in 0..10 {
        assert_eq!(guess(&throttle, typed("ada"), 0), Verdict::Allowed);
    }
    let mut now_us = 0;
    for wait in [15, 30, 60, 120, 240, 480, 900, 900, 900] {
        // Repeating the attempt does not extend the wait.
        for _ in 0..50 {
            assert_eq!(guess(&throttle, typed("ada"), now_us), Verdict::Wait(wait));
        }
        now_us += i64::from(wait) * SECOND_US;
        assert_eq!(guess(&throttle, typed("ada"), now_us - 1), Verdict::Wait(1));
        assert_eq!(
            guess(&throttle, typed("ada"), now_us),
            Verdict::Allowed,
            "after {wait} s"
        );
    }
}

#[test]
fn many_addresses_share_a_bound() {
    let throttle = throttle(Settings::default());
    for octet in 0..100 {
        assert_eq!(guess(&throttle, from(octet, "ada"), 0), Verdict::Allowed);
    }
    assert_eq!(guess(&throttle, from(200, "ada"), 0), Verdict::Wait(15));
    assert_eq!(guess(&throttle, from(200, "ben"), 0), Verdict::Allowed);
    let mut now_us = 0;
    for wait in [15, 30, 60, 60] {
        now_us += i64::from(wait) * SECOND_US;
        assert_eq!(guess(&throttle, from(200, "ada"), now_us - 1), Verdict::Wait(1));
        assert_eq!(guess(&throttle, from(201, "ada"), now_us), Verdict::Allowed);
    }
}

#[test]
fn the_names_of_an_account_share_their_counts_secretly() {
    let throttle = throttle(few());
    let [username, email] = ["ada", "ada@example.com"].map(|name| LoginAttempt {
        account: Some(1),
        ..typed(name)
    });
    for _ in 0..2 {
        assert_eq!(guess(&throttle, username, 0), Verdict::Allowed);
    }
    assert_eq!(guess(&throttle, username, 0), Verdict::Wait(15));
    for expected in [Verdict::WaitSilently, Verdict::WaitSilently, Verdict::Wait(15)] {
        assert_eq!(guess(&throttle, email, 0), expected);
    }
    // A signed-in caller and the caller's own account.
    let own = LoginAttempt { name: None, ..email };
    assert_eq!(throttle.check(own, 0), Verdict::Wait(15));
}

#[test]
fn a_right_password_resets_only_the_count_of_its_address() {
    let throttle = throttle(few());
    let ada = LoginAttempt {
        account: Some(1),
        ..typed("ada")
    };
    let elsewhere = LoginAttempt { from: None, ..ada };
    for _ in 0..2 {
        guess(&throttle, ada, 0);
        guess(&throttle, elsewhere, 0);
    }
    throttle.record_success(ada);
    // All four were counted for all addresses together.
    assert_eq!(throttle.check(ada, 0), Verdict::Wait(15));
    assert_eq!(throttle.check(ada, 15 * SECOND_US), Verdict::Allowed);
    guess(&throttle, elsewhere, 15 * SECOND_US);
    assert_eq!(throttle.check(elsewhere, 15 * SECOND_US), Verdict::Wait(30));
}

#[test]
fn the_typing_errors_of_an_owner_block_no_other_address() {
    let throttle = throttle(few());
    let own = LoginAttempt {
        name: None,
        account: Some(1),
        from: HERE,
    };
    for second in 0..20 {
        let now_us = second * 1_000 * SECOND_US;
        let verdict = throttle.check(own, now_us);
        throttle.record_failure(own, verdict, true, now_us);
    }
    let elsewhere = LoginAttempt { from: None, ..own };
    assert_eq!(throttle.check(elsewhere, 20_000 * SECOND_US), Verdict::Allowed);
}

#[test]
fn a_clock_that_steps_back_makes_no_wait_longer() {
    let throttle = throttle(few());
    let day_us = 24 * 3_600 * SECOND_US;
    for _ in 0..2 {
        guess(&throttle, typed("ada"), day_us);
    }
    assert_eq!(throttle.check(typed("ada"), day_us), Verdict::Wait(15));
    assert_eq!(throttle.check(typed("ada"), 0), Verdict::Wait(15));
    assert_eq!(throttle.check(typed("ada"), 15 * SECOND_US), Verdict::Allowed);
    assert_eq!(throttle.check(typed("ada"), day_us), Verdict::Allowed);
}

#[test]
fn wrong_passwords_are_forgotten_a_day_after_the_last() {
    let throttle = throttle(few());
    for _ in 0..2 {
        guess(&throttle, typed("ada"), 0);
    }
    let day_us = 24 * 3_600 * SECOND_US;
    guess(&throttle, typed("ada"), day_us - 1);
    assert_eq!(throttle.check(typed("ada"), day_us), Verdict::Wait(30));
    assert_eq!(guess(&throttle, typed("ada"), 2 * day_us), Verdict::Allowed);
    assert_eq!(guess(&throttle, typed("ada"), 2 * day_us), Verdict::Allowed);
}

#[test]
fn a_flood_of_other_names_allows_no_more_guesses() {
    let throttle = throttle(Settings {
        failed_logins_max: 10,
        failed_logins_accounts_max: 8,
        ..Settings::default()
    });
    let mut looked_at = 0;
    for number in 0..1_000 {
        if guess(&throttle, typed("ada"), 0) == Verdict::Allowed {
            looked_at += 1;
        }
        let other = format!("other {number}");
        // An account of the guesser's own, whose counts are reset by its right password.
        match number % 2 {
            0 => drop(guess(&throttle, typed(&other), 0)),
            _ => throttle.record_success(typed(&other)),
        }
    }
    assert!(looked_at <= 10, "{looked_at}");
    assert!(throttle.lock().counts.len() <= 8);
}

#[test]
fn counts_below_the_bound_are_not_evicted_either() {
    let throttle = throttle(few());
    guess(&throttle, typed("ada"), 0);
    for number in 0..100 {
        // Each name twice, so that its count reaches the limit.
        let other = format!("other {number}");
        guess(&throttle, from(1, &other), 0);
        guess(&throttle, from(1, &other), 0);
    }
    guess(&throttle, typed("ada"), 0);
    assert!(matches!(throttle.check(typed("ada"), 0), Verdict::Wait(_)));
}
