//! Access to the brokerage's routes: the same under every policy.

use agora::rest_access::AnonymousAccess;
use contract::{Role, TokenKeys};

use super::app::{ADA, BrokerageApp, TestCaller, reason};
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

async fn brokerages() -> [BrokerageApp; 2] {
    let seed = async |on: &testing::TestServices| {
        accounts::demo::seed(&on.services).await.unwrap();
        exchange::demo::seed(&on.services).await.unwrap();
    };
    [
        BrokerageApp::with(AnonymousAccess::Closed, seed).await,
        BrokerageApp::with(AnonymousAccess::Anyone, seed).await,
    ]
}

/// Returns callers with invalid tokens.
fn impostors(brokerage: &BrokerageApp) -> Vec<(&'static str, TestCaller)> {
    let keys = &brokerage.on.services.keys;
    let sign = |keys: &TokenKeys, at: i64| keys.sign_user(ADA, Role::Investor, false, 1, at, 3600).0;
    let good = sign(keys, NOW_US);
    let (body, _) = good.rsplit_once('.').unwrap();
    vec![
        ("nonsense", brokerage.token("nonsense")),
        ("empty", brokerage.token("")),
        ("expired", brokerage.token(&sign(keys, NOW_US - 3_601 * 1_000_000))),
        ("another key", brokerage.token(&sign(&TokenKeys::ephemeral(), NOW_US))),
        ("no signature", brokerage.token(&format!("{body}."))),
        (
            "another scheme",
            TestCaller(vec![("authorization".to_owned(), format!("Basic {good}"))]),
        ),
    ]
}

#[tokio::test]
async fn only_public_routes_answer_without_a_valid_token() {
    for brokerage in brokerages().await {
        let mut callers = impostors(&brokerage);
        callers.push(("anonymous", brokerage.anonymous()));
        for (line, _) in with_token() {
            for (name, caller) in &callers {
                // The errors of a body are only shown to callers with access.
                let mut headers = caller.0.clone();
                headers.push(("content-type".to_owned(), "text/plain".to_owned()));
                let answered = brokerage.call(&TestCaller(headers), line, "{").await;
                assert_eq!(reason(&answered), (401, "UNAUTHENTICATED".to_owned()), "{name} {line}");
                assert_eq!(answered.header("www-authenticate"), "Bearer", "{name} {line}");
            }
        }
        for (line, body, status) in PUBLIC.iter().chain(&SIGN_IN) {
            for (name, caller) in impostors(&brokerage) {
                let answered = brokerage.call(&caller, line, body).await;
                assert_eq!(answered.status, 401, "{name} {line}: a token that is sent has to hold");
            }
            let answered = brokerage.call(&brokerage.anonymous(), line, body).await;
            assert_eq!(answered.status, *status, "{line}: {}", answered.text);
        }
    }
}

#[tokio::test]
async fn users_and_services_are_refused_each_others_routes() {
    for brokerage in brokerages().await {
        let (ada, service) = (brokerage.ada(), brokerage.service());
        brokerage.deposit(&ada, "1000").await;
        brokerage.buy(&ada, 3).await;
        brokerage.lend_money("10").await;
        for (line, body) in BEARER.iter().chain(&PERSON) {
            let answered = brokerage.call(&ada, line, body).await;
            let expected = match *line {
                "PUT /orders/1" => [409, 409],
                _ => [200, 201],
            };
            assert!(expected.contains(&answered.status), "{line}: {}", answered.line());
        }
        assert_eq!(
            reason(&brokerage.call(&ada, SERVICE.0, SERVICE.1).await),
            (403, "FORBIDDEN".to_owned())
        );
        for (line, body) in PERSON {
            let answered = brokerage.call(&service, line, body).await;
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
            let answered = brokerage.call(&service, line, body).await;
            assert_eq!(answered.status, status, "{line}: {}", answered.line());
        }
    }
}

#[tokio::test]
async fn data_of_other_users_is_not_found() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "1000").await;
    brokerage.buy(&ada, 3).await;
    brokerage.lend_money("10").await;
    let before = [brokerage.money(&ada).await, brokerage.shares(&ada).await];
    let (_, eve) = brokerage.register("eve", "investor").await;
    for caller in [&eve, &brokerage.cleo()] {
        for (line, body) in BEARER {
            let answered = brokerage.call(caller, line, body).await;
            match line {
                "GET /users" | "GET /users/1" => {
                    assert_eq!(answered.status, 200, "{line}");
                    assert!(!answered.text.contains("ada@example.com"), "{line}: {}", answered.text);
                }
                _ => assert_eq!(reason(&answered), (404, "NOT_FOUND".to_owned()), "{line}"),
            }
        }
        for path in ["/authorizations", "/transactions", "/stockholdings", "/orders"] {
            assert_eq!(brokerage.get(caller, path).await.line(), "200 []", "{path}");
        }
    }
    assert_eq!([brokerage.money(&ada).await, brokerage.shares(&ada).await], before);
}

#[tokio::test]
async fn the_body_is_checked_before_the_rights() {
    let brokerage = BrokerageApp::new().await;
    let (cleo, ada) = (brokerage.cleo(), brokerage.ada());
    for (caller, line) in [
        (&ada, "PUT /balance"),
        (&cleo, "PUT /users/1"),
        (&cleo, "POST /orders"),
        (&cleo, "POST /authorizations"),
        (&cleo, "PUT /stockholdings/1"),
        (&cleo, "PUT /orders/1"),
        (&brokerage.service(), "POST /transactions"),
    ] {
        let mut headers = caller.0.clone();
        headers.push(("content-type".to_owned(), "text/plain".to_owned()));
        let media = brokerage.call(&TestCaller(headers), line, "{}").await;
        assert_eq!(reason(&media), (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()), "{line}");
        for body in ["", "[]", "{", "{}"] {
            let answered = brokerage.call(caller, line, body).await;
            assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{line} {body}");
        }
    }
}
