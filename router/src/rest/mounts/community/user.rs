//! The user account service: people, their email addresses and their karma.

use contract::ErrorCode;

use super::common::{POINTS, PREFIXES};
use crate::rest::field::{EMAIL, Field, FieldType, ObjectModel, USERNAME as NEW_USERNAME, acknowledgement};
use crate::rest::reshape::hide_closed_account;
use crate::rest::route::{
    AccessRule, BAD_MEMBER, ErrorRow, InvalidParam, LAST_ADMINISTRATOR, PROTECTED, Param, ParamLocation, RequestBody,
    ResponseSource, Route, Service, Verb, not_found_row,
};

/// People.
pub const SERVICE: Service = Service {
    name: "users",
    about: "People, their email addresses and their karma.",
    prefixes: PREFIXES,
    routes: &[CREATE, USER, UPDATE_EMAIL, INCREMENT, DECREMENT, DEACTIVATE],
};

const CREATE: Route = Route {
    verb: Verb::Post,
    path: "/users",
    name: "createUser",
    summary: "Creates an account",
    operation: "mutation ($input: CreateUserInput!, $idempotencyKey: String) {
        createUser(input: $input, idempotencyKey: $idempotencyKey) { username email karma }
    }",
    source: ResponseSource::One("/createUser"),
    status: 201,
    location: Some("/users/{username}"),
    body: Some(RequestBody::json(&NEW_USER)),
    response: FieldType::Object(&USER_MODEL),
    example: r#"{"username":"eve","email":"eve@example.com","karma":0}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new(
            ErrorCode::Conflict,
            "",
            "An account has or had this username or email, ignoring case.",
        ),
    ],
    ..Route::BASE
};

const USER: Route = Route {
    path: "/users/{username}",
    name: "getUser",
    summary: "One user",
    operation: "query ($username: String!) { user(username: $username) { username email karma active } }",
    source: ResponseSource::One("/user"),
    params: &[USERNAME],
    response: FieldType::Object(&USER_MODEL),
    example: r#"{"username":"dan","email":"dan@example.com","karma":3}"#,
    errors: &[NO_USER],
    reshape: Some(hide_closed_account),
    ..Route::BASE
};

const UPDATE_EMAIL: Route = Route {
    verb: Verb::Put,
    path: "/users/{username}/email",
    name: "updateEmail",
    summary: "Changes a user's email",
    operation: "mutation ($username: String!, $email: String!) {
        updateEmail(username: $username, email: $email) { username email karma }
    }",
    source: ResponseSource::One("/updateEmail"),
    params: &[CHANGED],
    body: Some(RequestBody::json(&NEW_EMAIL)),
    response: FieldType::Object(&USER_MODEL),
    example: r#"{"username":"eve","email":"eve@example.org","karma":0}"#,
    errors: &[
        BAD_MEMBER,
        PROTECTED,
        NO_USER,
        ErrorRow::new(
            ErrorCode::Conflict,
            "",
            "Another account has or had this email, ignoring case.",
        ),
    ],
    access: AccessRule::Account,
    ..Route::BASE
};

const INCREMENT: Route = Route {
    verb: Verb::Put,
    path: "/users/{username}/karma/increment",
    name: "incrementKarma",
    summary: "Adds one to a user's karma",
    operation: "mutation ($username: String!) { incrementKarma(username: $username) { username email karma } }",
    source: ResponseSource::One("/incrementKarma"),
    params: &[CHANGED],
    response: FieldType::Object(&USER_MODEL),
    example: r#"{"username":"eve","email":"eve@example.com","karma":1}"#,
    errors: &[
        PROTECTED,
        NO_USER,
        ErrorRow::new(ErrorCode::Conflict, "", "The karma is at its limit."),
    ],
    access: AccessRule::Account,
    ..Route::BASE
};

const DECREMENT: Route = Route {
    path: "/users/{username}/karma/decrement",
    name: "decrementKarma",
    summary: "Subtracts one from a user's karma, which may become negative",
    operation: "mutation ($username: String!) { decrementKarma(username: $username) { username email karma } }",
    source: ResponseSource::One("/decrementKarma"),
    example: r#"{"username":"eve","email":"eve@example.com","karma":-1}"#,
    ..INCREMENT
};

const DEACTIVATE: Route = Route {
    verb: Verb::Delete,
    path: "/users/{username}",
    name: "deactivateUser",
    summary: "Deactivates an account permanently; its posts and messages stay",
    operation: "mutation ($username: String!) { deactivateAccount(username: $username) { id } }",
    source: ResponseSource::One("/deactivateAccount"),
    params: &[CHANGED],
    response: FieldType::Object(&DEACTIVATED),
    example: r#"{"message":"Account deactivated"}"#,
    errors: &[PROTECTED, NO_USER, LAST_ADMINISTRATOR],
    access: AccessRule::Account,
    ..Route::BASE
};

const USERNAME: Param = Param {
    location: ParamLocation::Path,
    field: Field::new("username", FieldType::Text).about("The username, case-insensitive."),
    on_invalid: InvalidParam::NotFound,
    example: "dan",
};

/// The account in the example of `POST /users`: a caller without a token cannot change those of the sample data.
const CHANGED: Param = Param {
    example: "eve",
    ..USERNAME
};

const NO_USER: ErrorRow = not_found_row(
    "user not found",
    "The user does not exist, or the account is no longer in use.",
);

static NEW_USER: ObjectModel = ObjectModel {
    name: "NewUser",
    about: "An account to create.",
    fields: &[
        Field::new("username", FieldType::Text)
            .pointer("/input/username")
            .bounds(NEW_USERNAME)
            .about("Up to 64 characters, unique without regard to case."),
        Field::new("email", FieldType::Text)
            .pointer("/input/email")
            .bounds(EMAIL)
            .about("Up to 254 characters, unique without regard to case."),
        Field::new(
            "karma",
            FieldType::Integer {
                min: i32::MIN as i64,
                max: i32::MAX as i64,
            },
        )
        .pointer("/input/karma")
        .optional()
        .about("The initial karma; 0 if omitted."),
    ],
    example: r#"{"username":"eve","email":"eve@example.com"}"#,
};

static NEW_EMAIL: ObjectModel = ObjectModel {
    name: "NewEmail",
    about: "A new email.",
    fields: &[Field::new("email", FieldType::Text)
        .bounds(EMAIL)
        .about("Up to 254 characters, unique without regard to case.")],
    example: r#"{"email":"eve@example.org"}"#,
};

static USER_MODEL: ObjectModel = ObjectModel {
    name: "User",
    about: "A user.",
    fields: &[
        Field::new("username", FieldType::Text),
        Field::new("email", FieldType::Text)
            .nullable()
            .about("The user's email; null if there is none or the caller may not see it."),
        Field::new("karma", POINTS)
            .about("The opinion that others have of the user's posts, as a number; may be negative."),
    ],
    example: "",
};

static DEACTIVATED: ObjectModel = acknowledgement(
    "AccountDeactivated",
    &[Field::new("message", FieldType::Const(r#""Account deactivated""#))],
);
