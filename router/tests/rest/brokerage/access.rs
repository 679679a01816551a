//! Access to the brokerage's routes: the same under every policy.

use agora::rest::Openness;
use contract::{Role, TokenKeys};

use super::floor::{ADA, Caller, Floor, reason};
use crate::app::NOW_US;

/// Every route with a valid body, grouped by the callers that may use it.
const PUBLIC: [(&str, &str, u16); 2] = [("GET /stocks", "", 200), ("GET /stocks/4", "", 200)];
const SIGN_IN: [(&str, &str, u16); 2] = [
    (
        "POST /users/register",
        r#"{"name":"E","surname":"L","email":"e@example.com","password":"correct horse","type":"investor"}"#,
        201,
    ),
    (
        "POST /users/login",
        r#"{"email":"ada@example.com","password":"agora-demo-2026"}"#,
        200,
    ),
];
/// Routes of one object, which operators may use too.
const BEARER: [(&str, &str); 9] = [
    ("GET /users", ""),
    ("GET /users/1", ""),
    ("GET /authorizations/1", ""),
    ("PUT /authorizations/1/revoke", ""),
    ("GET /transactions/1", ""),
    ("GET /stockholdings/1", ""),
    ("PUT /stockholdings/1", r#"{"committedAmount":0}"#),
    ("GET /orders/1", ""),
    ("PUT /orders/1", r#"{"status":"CANCELLED"}"#),
];
/// Routes of the caller's own data.
const PERSON: [(&str, &str); 9] = [
    ("PUT /users/1", r#"{"name":"Ada"}"#),
    ("GET /authorizations", ""),
    (
        "POST /authorizations",
        r#"{"type":"CAPITAL","brokerId":2,"amount":5,"endDate":"2027-01-01"}"#,
    ),
    ("GET /balance", ""),
    ("GET /transactions", ""),
    ("POST /transactions", r#"{"type":"deposit","amount":5}"#),
    ("GET /stockholdings", ""),
    ("GET /orders", ""),
    ("POST /orders", r#"{"type":"BUY","stockId":4,"stockAmount":1}"#),
];
const SERVICE: (&str, &str) = ("PUT /balance", r#"{"userId":1,"balance":5}"#);

fn with_token() -> impl Iterator<Item = (&'static str, &'static str)> {
    BEARER.into_iter().chain(PERSON).chain([SERVICE])
}

async fn floors() -> [Floor; 2] {
    let seed = async |on: &testing::TestServices| {
        accounts::demo::seed(&on.services).await.unwrap();
        exchange::demo::seed(&on.services).await.unwrap();
    };
    [
        Floor::with(Openness::Closed, seed).await,
        Floor::with(Openness::Anyone, seed).await,
    ]
}

/// Returns callers with invalid tokens.
fn impostors(floor: &Floor) -> Vec<(&'static str, Caller)> {
    let keys = &floor.on.services.keys;
    let sign = |keys: &TokenKeys, at: i64| keys.sign_user(ADA, Role::Investor, false, 1, at, 3600).0;
    let good = sign(keys, NOW_US);
    let (body, _) = good.rsplit_once('.').unwrap();
    vec![
        ("nonsense", floor.token("nonsense")),
        ("empty", floor.token("")),
        ("expired", floor.token(&sign(keys, NOW_US - 3_601 * 1_000_000))),
        ("another key", floor.token(&sign(&TokenKeys::ephemeral(), NOW_US))),
        ("no signature", floor.token(&format!("{body}."))),
        (
            "another scheme",
            Caller(vec![("authorization".to_owned(), format!("Basic {good}"))]),
        ),
    ]
}

#[tokio::test]
async fn without_a_token_that_holds_nothing_but_the_public_routes_answers() {
    for floor in floors().await {
        let mut callers = impostors(&floor);
        callers.push(("nobody", floor.nobody()));
        for (line, _) in with_token() {
            for (name, caller) in &callers {
                // The errors of a body are only shown to callers with access.
                let mut headers = caller.0.clone();
                headers.push(("content-type".to_owned(), "text/plain".to_owned()));
                let answered = floor.call(&Caller(headers), line, "{").await;
                assert_eq!(reason(&answered), (401, "UNAUTHENTICATED".to_owned()), "{name} {line}");
                assert_eq!(answered.header("www-authenticate"), "Bearer", "{name} {line}");
            }
        }
        for (line, body, status) in PUBLIC.iter().chain(&SIGN_IN) {
            for (name, caller) in impostors(&floor) {
                let answered = floor.call(&caller, line, body).await;
                assert_eq!(answered.status, 401, "{name} {line}: a token that is sent has to hold");
            }
            let answered = floor.call(&floor.nobody(), line, body).await;
            assert_eq!(answered.status, *status, "{line}: {}", answered.text);
        }
    }
}

#[tokio::test]
async fn a_person_is_told_what_a_program_may_and_the_other_way_round() {
    for floor in floors().await {
        let (ada, service) = (floor.ada(), floor.service());
        floor.deposit(&ada, "1000").await;
        floor.buy(&ada, 3).await;
        floor.lend_money("10").await;
        for (line, body) in BEARER.iter().chain(&PERSON) {
            let answered = floor.call(&ada, line, body).await;
            let expected = match *line {
                "PUT /orders/1" => [409, 409],
                _ => [200, 201],
            };
            assert!(expected.contains(&answered.status), "{line}: {}", answered.line());
        }
        assert_eq!(
            reason(&floor.call(&ada, SERVICE.0, SERVICE.1).await),
            (403, "FORBIDDEN".to_owned())
        );
        for (line, body) in PERSON {
            let answered = floor.call(&service, line, body).await;
            assert_eq!(reason(&answered), (403, "FORBIDDEN".to_owned()), "{line}");
        }
        for (line, body, status) in [
            ("GET /users", "", 200),
            ("GET /users/1", "", 200),
            ("GET /authorizations/1", "", 200),
            ("PUT /authorizations/1/revoke", "", 403),
            ("GET /transactions/1", "", 200),
            ("GET /stockholdings/1", "", 200),
            ("PUT /stockholdings/1", r#"{"committedAmount":0}"#, 200),
            ("GET /orders/1", "", 200),
            ("PUT /orders/1", r#"{"status":"CANCELLED"}"#, 404),
            ("PUT /balance", r#"{"userId":1,"balance":5}"#, 200),
        ] {
            let answered = floor.call(&service, line, body).await;
            assert_eq!(answered.status, status, "{line}: {}", answered.line());
        }
    }
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let floor = Floor::new().await;
    let ada = floor.ada();
    floor.deposit(&ada, "1000").await;
    floor.buy(&ada, 3).await;
    floor.lend_money("10").await;
    let before = [floor.money(&ada).await, floor.shares(&ada).await];
    let (_, eve) = floor.register("eve", "investor").await;
    for who in [&eve, &floor.cleo()] {
        for (line, body) in BEARER {
            let answered = floor.call(who, line, body).await;
            match line {
                "GET /users" | "GET /users/1" => {
                    assert_eq!(answered.status, 200, "{line}");
                    assert!(!answered.text.contains("ada@example.com"), "{line}: {}", answered.text);
                }
                _ => assert_eq!(reason(&answered), (404, "NOT_FOUND".to_owned()), "{line}"),
            }
        }
        for path in ["/authorizations", "/transactions", "/stockholdings", "/orders"] {
            assert_eq!(floor.get(who, path).await.line(), "200 []", "{path}");
        }
    }
    assert_eq!([floor.money(&ada).await, floor.shares(&ada).await], before);
}

#[tokio::test]
async fn the_body_comes_before_the_rights() {
    let floor = Floor::new().await;
    let (cleo, ada) = (floor.cleo(), floor.ada());
    for (who, line) in [
        (&ada, "PUT /balance"),
        (&cleo, "PUT /users/1"),
        (&cleo, "POST /orders"),
        (&cleo, "POST /authorizations"),
        (&cleo, "PUT /stockholdings/1"),
        (&cleo, "PUT /orders/1"),
        (&floor.service(), "POST /transactions"),
    ] {
        let mut headers = who.0.clone();
        headers.push(("content-type".to_owned(), "text/plain".to_owned()));
        let media = floor.call(&Caller(headers), line, "{}").await;
        assert_eq!(reason(&media), (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()), "{line}");
        for body in ["", "[]", "{", "{}"] {
            let answered = floor.call(who, line, body).await;
            assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{line} {body}");
        }
    }
}
