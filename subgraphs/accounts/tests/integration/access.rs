//! Permissions as a table: every field and mutation of the domain for every kind of caller.

use serde_json::{Value, json};

use crate::lending_access;
use crate::support::{AccountsDomain, CallerSession, PASSWORD, SignedIn};

/// The callers of the table's columns: the person, another person, two operators (an administrator and a service),
/// and an anonymous caller.
const CALLER_NAMES: [&str; 5] = ["self", "other", "admin", "service", "anonymous"];

const OK: &str = "OK";
const HIDDEN: &str = "null";
const SIGN_IN: &str = "UNAUTHENTICATED";
const NO: &str = "FORBIDDEN";
const GONE: &str = "NOT_FOUND";
const WRONG: &str = "INVALID_INPUT";

/// Every restricted field of `User`, and some public ones.
const FIELDS: [(&str, [&str; 5]); 12] = [
    ("id", [OK; 5]),
    ("username", [OK; 5]),
    ("displayName", [OK; 5]),
    ("name", [OK; 5]),
    ("surname", [OK; 5]),
    ("role", [OK; 5]),
    ("karma", [OK; 5]),
    ("active", [OK; 5]),
    ("joinedAt", [OK; 5]),
    ("email", [OK, HIDDEN, OK, OK, HIDDEN]),
    ("phone", [OK, HIDDEN, OK, OK, HIDDEN]),
    ("address { text }", [OK, HIDDEN, OK, OK, HIDDEN]),
];

/// Every operation on the person `$id`, or on the viewer if the operation names no person.
const OPERATIONS: [(&str, [&str; 5]); 34] = [
    ("{ me { id } }", [OK, OK, HIDDEN, HIDDEN, HIDDEN]),
    ("{ user(id: $id) { id } }", [OK; 5]),
    ("{ users { nodes { id } } }", [OK, OK, OK, OK, SIGN_IN]),
    (
        "mutation { updateProfile(userId: $id, input: {name: \"N\"}) { id } }",
        [OK, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { updateProfile(userId: \"x\", input: {name: \"N\"}) { id } }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { updateProfile(userId: 404, input: {name: \"N\"}) { id } }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { updateProfile(input: {name: \"N\"}) { id } }",
        [OK, OK, SIGN_IN, SIGN_IN, SIGN_IN],
    ),
    (
        "mutation { updateEmail(userId: $id, email: \"n@example.com\") { id } }",
        [OK, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { updateEmail(username: \"ADA\", email: \"n@example.com\") { id } }",
        [OK, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { updateEmail(username: \"unknown\", email: \"n@example.com\") { id } }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { updateEmail(userId: $id, username: \"ada\", email: \"n@example.com\") { id } }",
        [WRONG, WRONG, WRONG, WRONG, SIGN_IN],
    ),
    (
        "mutation { updateUser(id: $id, input: {name: \"N\", email: \"n@example.com\"}) { id } }",
        [OK, NO, NO, OK, SIGN_IN],
    ),
    (
        "mutation { updateUser(id: \"x\", input: {name: \"N\"}) { id } }",
        [GONE, GONE, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { updateUser(id: 404, input: {password: \"new password\"}) { id } }",
        [GONE, GONE, GONE, GONE, SIGN_IN],
    ),
    // Invalid input is rejected before the caller's rights are checked.
    (
        "mutation { updateUser(id: $id, input: {}) { id } }",
        [WRONG, WRONG, WRONG, WRONG, SIGN_IN],
    ),
    (
        "mutation { changePassword(current: \"correct horse\", new: \"new password\") }",
        [OK, OK, SIGN_IN, SIGN_IN, SIGN_IN],
    ),
    (
        "mutation { setPassword(userId: $id, new: \"new password\") }",
        [NO, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { setPassword(userId: 404, new: \"new password\") }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { incrementKarma(userId: $id) { id } }",
        [NO, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { decrementKarma(userId: $id) { id } }",
        [NO, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { decrementKarma(userId: \"x\") { id } }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { incrementKarma(username: \"ada\") { id } }",
        [NO, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { decrementKarma(username: \"unknown\") { id } }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { decrementKarma(userId: $id, username: \"ada\") { id } }",
        [NO, NO, WRONG, WRONG, SIGN_IN],
    ),
    ("mutation { incrementKarma { id } }", [NO, NO, WRONG, WRONG, SIGN_IN]),
    (
        "mutation { createUser(input: {username: \"new\", email: \"new@example.com\"}) { id } }",
        [NO, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { deactivateAccount(username: \"Ada\") { id } }",
        [OK, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { deactivateAccount(username: \"unknown\") { id } }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    (
        "mutation { deactivateAccount(userId: $id) { id } }",
        [OK, NO, OK, OK, SIGN_IN],
    ),
    (
        "mutation { deactivateAccount(userId: 404) { id } }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    ("mutation { eraseAccount(userId: $id) }", [OK, NO, OK, OK, SIGN_IN]),
    (
        "mutation { eraseAccount(userId: \"x\") }",
        [NO, NO, GONE, GONE, SIGN_IN],
    ),
    ("mutation { eraseAccount }", [OK, OK, SIGN_IN, SIGN_IN, SIGN_IN]),
    ("mutation { logout }", [OK, OK, OK, SIGN_IN, SIGN_IN]),
];

#[tokio::test]
async fn every_field_is_shown_only_to_permitted_callers() {
    let (domain, id, callers) = cast().await;
    for (field, expected) in FIELDS {
        for ((caller, name), expected) in callers.iter().zip(CALLER_NAMES).zip(expected) {
            let representation = json!({"of": [{"__typename": "User", "id": id}]});
            let direct = domain
                .query(caller, &format!("{{ user(id: {id}) {{ it: {field} }} }}"), json!({}))
                .await;
            let entity = format!(
                "query($of: [_Any!]!) {{ _entities(representations: $of) {{ ... on User {{ it: {field} }} }} }}"
            );
            let entity = domain.query(caller, &entity, representation).await;
            for value in [direct.at("user.it"), entity.at("_entities.0.it")] {
                let got = if value.is_null() { HIDDEN } else { OK };
                assert_eq!(got, expected, "{field} for {name}");
            }
        }
    }
}

#[tokio::test]
async fn every_operation_runs_only_for_permitted_callers() {
    for (document, expected) in OPERATIONS {
        let (mut domain, mut id, mut callers) = cast().await;
        for (at, expected) in expected.into_iter().enumerate() {
            let before = row(&domain, id).await;
            let answer = domain
                .query(&callers[at], &document.replace("$id", &id.to_string()), json!({}))
                .await;
            let nothing = || answer.at("").as_object().unwrap().values().all(Value::is_null);
            let got = match answer.code() {
                OK if nothing() => HIDDEN,
                code => code,
            };
            assert_eq!(got, expected, "{document} by {}", CALLER_NAMES[at]);
            if got != OK {
                assert_eq!(
                    row(&domain, id).await,
                    before,
                    "{document} was refused and changed something"
                );
            } else if document.starts_with("mutation") {
                // Some of these mutations close the account, so the next case needs a new one.
                (domain, id, callers) = cast().await;
            }
        }
    }
}

#[tokio::test]
async fn the_table_has_every_operation_of_the_schema() {
    let sdl = accounts::sdl();
    // The operations that sign a person in are open to every caller.
    let open = ["register(", "login(", "refresh("];
    for root in ["type Query {", "type Mutation {"] {
        let body = sdl.split_once(root).unwrap().1.split_once("\n}").unwrap().0;
        // Every other piece is a description.
        let plain: String = body.split("\"\"\"").step_by(2).collect();
        let outermost = plain.lines().filter_map(|line| line.strip_prefix("  "));
        for field in outermost.filter(|line| line.starts_with(char::is_lowercase)) {
            let name = field.split(['(', ':']).next().unwrap();
            let lending = lending_access::OPERATIONS.iter().map(|(document, _)| document);
            let listed = OPERATIONS
                .iter()
                .map(|(document, _)| document)
                .chain(lending)
                .any(|document| document.contains(&format!("{{ {name}")));
            assert!(
                listed || open.iter().any(|open| field.starts_with(open)),
                "{name} is missing"
            );
        }
    }
}

/// Returns a person with all fields set, and every caller of the table.
async fn cast() -> (AccountsDomain, i64, Vec<CallerSession>) {
    let domain = AccountsDomain::new().await;
    let input = json!({
        "username": "ada", "email": "ada@example.com", "password": PASSWORD, "displayName": "Ada", "name": "Ada",
        "surname": "Winter", "phone": "1", "address": {"text": "Harbour Lane 7"}
    });
    let ada = domain.register(input).await.person(&domain, "register");
    let ben = domain.sign_up("ben").await;
    let callers = vec![
        ada.caller,
        ben.caller,
        CallerSession::admin(99),
        CallerSession::service(),
        CallerSession::anonymous(),
    ];
    (domain, ada.id, callers)
}

async fn row(domain: &AccountsDomain, id: i64) -> Option<entities::user::Model> {
    let row = entities::user::by_id(domain.services.db.read(), id).await;
    row.expect("the database answers")
}
