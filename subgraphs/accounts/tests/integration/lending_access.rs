//! Permissions of lending as a table: every field, edge and mutation for every kind of caller.

use serde_json::{Value, json};

use crate::lending_support::LendingFixture;
use crate::support::CallerSession;

/// The callers of the table's columns: the investor, the broker, another investor, another broker, an administrator,
/// a program, an anonymous caller.
const CALLER_NAMES: [&str; 7] = [
    "investor",
    "broker",
    "stranger",
    "other broker",
    "admin",
    "service",
    "anonymous",
];

const OK: &str = "OK";
const HIDDEN: &str = "null";
const SIGN_IN: &str = "UNAUTHENTICATED";
const NO: &str = "FORBIDDEN";
const GONE: &str = "NOT_FOUND";

/// Every field of an authorization, all of which its parties and operators see.
const FIELDS: [&str; 14] = [
    "id",
    "kind",
    "investor { id username }",
    "broker { id username brokerageFeePercent }",
    "holding { id }",
    "holdingId",
    "stock { id }",
    "remaining",
    "remainingShares",
    "feePercent",
    "startsAt",
    "endsAt",
    "endedAt",
    "active",
];

/// Every operation; `$id` is an authorization of shares, `$investor` and `$broker` are its parties.
pub const OPERATIONS: [(&str, [&str; 7]); 10] = [
    (
        "{ authorization(id: $id) { id } }",
        [OK, OK, HIDDEN, HIDDEN, OK, OK, HIDDEN],
    ),
    ("{ authorization(id: 404) { id } }", [HIDDEN; 7]),
    ("{ authorization(id: \"x\") { id } }", [HIDDEN; 7]),
    (
        "{ user(id: $investor) { authorizations { nodes { id } } } }",
        [OK, NO, NO, NO, OK, OK, SIGN_IN],
    ),
    (
        "{ user(id: $broker) { authorizations { nodes { id } } } }",
        [NO, OK, NO, NO, OK, OK, SIGN_IN],
    ),
    // References of other subgraphs and lists do not bypass the check.
    (
        "{ users { nodes { id authorizations { nodes { id } } } } }",
        [NO, NO, NO, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { revokeAuthorization(id: $id) { id } }",
        [OK, NO, GONE, GONE, NO, NO, SIGN_IN],
    ),
    (
        "mutation { revokeAuthorization(id: 404) { id } }",
        [GONE, GONE, GONE, GONE, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { grantAuthorization(input: {kind: STOCK_HOLDING, broker: $broker, holding: $holding, shares: 1, endsAt: \"2028-01-01T00:00:00Z\"}) { created } }",
        [OK, NO, GONE, NO, NO, NO, SIGN_IN],
    ),
    // Invalid input is rejected after authentication and before the caller's rights are checked.
    (
        "mutation { grantAuthorization(input: {kind: CAPITAL, broker: $broker, endsAt: \"2028-01-01T00:00:00Z\"}) { created } }",
        [
            "INVALID_INPUT",
            "INVALID_INPUT",
            "INVALID_INPUT",
            "INVALID_INPUT",
            "INVALID_INPUT",
            "INVALID_INPUT",
            SIGN_IN,
        ],
    ),
];

#[tokio::test]
async fn every_lending_operation_runs_only_for_permitted_callers() {
    for (document, expected) in OPERATIONS {
        for (at, expected) in expected.into_iter().enumerate() {
            let (domain, id, callers) = cast().await;
            let document = document
                .replace("$id", &id.to_string())
                .replace("$investor", &domain.ada.id.to_string())
                .replace("$broker", &domain.ben.id.to_string())
                .replace("$holding", &domain.holding.to_string());
            let before = domain.all().await;
            let answer = domain.query(&callers[at], &document, json!({})).await;
            let nothing = || answer.at("").as_object().unwrap().values().all(Value::is_null);
            let got = match answer.code() {
                OK if nothing() => HIDDEN,
                code => code,
            };
            assert_eq!(got, expected, "{document} by {}", CALLER_NAMES[at]);
            if got != OK {
                assert_eq!(
                    domain.all().await,
                    before,
                    "{document} was refused and changed something"
                );
                assert_eq!(domain.shares_of_ada().await, [20, 6, 4]);
            }
        }
    }
}

#[tokio::test]
async fn every_field_is_for_the_parties_and_operators_only() {
    let (domain, id, callers) = cast().await;
    for field in FIELDS {
        for (at, caller) in callers.iter().enumerate() {
            let direct = format!("{{ it: authorization(id: {id}) {{ {field} }} }}");
            let direct = domain.query(caller, &direct, json!({})).await.at("it").clone();
            let entity = format!(
                "query($of: [_Any!]!) {{ _entities(representations: $of) {{ ... on Authorization {{ {field} }} }} }}"
            );
            let of = json!({"of": [{"__typename": "Authorization", "id": id.to_string()}]});
            let entity = domain.query(caller, &entity, of).await.at("_entities.0").clone();
            assert_eq!(direct, entity, "{field} for {}", CALLER_NAMES[at]);
            let may = [0, 1, 4, 5].contains(&at);
            assert_eq!(direct.is_object(), may, "{field} for {}", CALLER_NAMES[at]);
        }
    }
}

#[tokio::test]
async fn a_refused_list_is_null_and_its_user_is_not() {
    const LIST: &str = "query($id: ID!) { user(id: $id) { username authorizations { nodes { id } } } }";
    let (domain, _, callers) = cast().await;
    let answer = domain.query(&callers[2], LIST, json!({"id": domain.ada.id})).await;
    assert_eq!(
        answer.json()["data"]["user"],
        json!({"username": "ada", "authorizations": null})
    );
}

#[tokio::test]
async fn a_broker_sees_only_the_id_of_the_holding() {
    let sdl = accounts::sdl();
    let body = |head: &str| sdl.split_once(head).unwrap().1.split_once("\n}").unwrap().0.to_owned();
    for stub in ["Holding", "Stock"] {
        let fields = body(&format!("type {stub} @key(fields: \"id\", resolvable: false) {{"));
        let fields: Vec<_> = fields.lines().filter(|line| line.contains(": ")).collect();
        assert_eq!(fields, ["  id: ID!"]);
    }
    let listed: Vec<_> = FIELDS.iter().map(|field| field.split(' ').next().unwrap()).collect();
    let body = body("type Authorization @key(fields: \"id\") {");
    let is_field = |line: &&str| line.starts_with(char::is_lowercase) && line.contains(": ");
    for line in body.lines().map(str::trim).filter(is_field) {
        let name = line.split(['(', ':']).next().unwrap();
        assert!(listed.contains(&name), "{name} is missing");
    }
}

/// Returns an authorization of four shares, and every caller of the table.
async fn cast() -> (LendingFixture, i64, Vec<CallerSession>) {
    let domain = LendingFixture::new().await;
    let id = domain.grant_id(domain.shares(4)).await;
    let people = [&domain.ada, &domain.ben, &domain.eve, &domain.cid].map(|person| person.caller.clone());
    let mut callers = people.to_vec();
    callers.extend([
        CallerSession::admin(99),
        CallerSession::service(),
        CallerSession::anonymous(),
    ]);
    (domain, id, callers)
}
