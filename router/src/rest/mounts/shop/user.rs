//! The user service: the users that may place orders.

use contract::ErrorCode;

use super::common::{CHECK, NO_USER};
use crate::rest::field::{
    Field, FieldType, ID, ObjectModel, PASSWORD as NEW_PASSWORD, SIGN_IN_NAME, USERNAME, ValueBounds, acknowledgement,
};
use crate::rest::reshape::hide_closed_account;
use crate::rest::route::{
    AccessRule, BAD_MEMBER, ErrorRow, LAST_ADMINISTRATOR, PROTECTED, Param, RequestBody, ResponseSource, Route,
    Service, Verb, path_id,
};

/// People.
pub const SERVICE: Service = Service {
    name: "user",
    about: "The users that place orders.",
    prefixes: &[""],
    routes: &[CHECK, ADD, LOGIN, USER, UPDATE, DELETE],
};

const ADD: Route = Route {
    verb: Verb::Post,
    path: "/api/users",
    name: "addUser",
    summary: "Adds a user",
    operation: "mutation ($input: RegisterInput!, $idempotencyKey: String) {
        register(input: $input, idempotencyKey: $idempotencyKey) { user { id } }
    }",
    source: ResponseSource::One("/register/user"),
    location: Some("/api/user/{id}"),
    body: Some(RequestBody::json(&NEW_USER)),
    response: FieldType::Object(&ADDED),
    example: r#"{"response":"User added to the system."}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new(
            ErrorCode::Conflict,
            "User already exists.",
            "An account has or had this name, ignoring case.",
        ),
    ],
    access: AccessRule::Registration,
    ..Route::BASE
};

const LOGIN: Route = Route {
    verb: Verb::Post,
    path: "/api/login",
    name: "login",
    summary: "Checks a name and a password",
    operation: "mutation ($login: String!, $password: String!) {
        login(login: $login, password: $password) { user { id } }
    }",
    source: ResponseSource::One("/login/user"),
    body: Some(RequestBody::json(&CREDENTIALS)),
    response: FieldType::Object(&LOGGED_IN),
    example: r#"{"response":"Login successful.","user_id":1}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow {
            message_prefix: "wrong ",
            ..ErrorRow::new(
                ErrorCode::Unauthenticated,
                "Wrong username or password.",
                "The name is unknown or the password is wrong; the response does not say which.",
            )
        },
        ErrorRow::new(ErrorCode::RateLimited, "", "Too many wrong passwords."),
    ],
    access: AccessRule::Anyone,
    ..Route::BASE
};

const USER: Route = Route {
    path: "/api/user/{id}",
    name: "getUser",
    summary: "One user",
    operation: "query ($id: ID!) { user(id: $id) { id username address { text } active } }",
    source: ResponseSource::One("/user"),
    params: &[path_id("id", "1")],
    response: FieldType::Object(&USER_MODEL),
    example: r#"{"id":1,"name":"ada","password":"********","address":"Harbour Lane 7, 10115"}"#,
    errors: &[NO_USER],
    reshape: Some(hide_closed_account),
    ..Route::BASE
};

const UPDATE: Route = Route {
    verb: Verb::Put,
    path: "/api/user/{id}",
    name: "updateUser",
    summary: "Changes a user's password, address or both",
    operation: "mutation ($id: ID!, $input: UserPatch!) { updateUser(id: $id, input: $input) { id } }",
    source: ResponseSource::One("/updateUser"),
    params: &[CHANGED_ID],
    body: Some(RequestBody::patch(&USER_CHANGE)),
    response: FieldType::Object(&UPDATED),
    example: r#"{"response":"User updated."}"#,
    errors: &[BAD_MEMBER, PROTECTED, NO_USER],
    access: AccessRule::Account,
    ..Route::BASE
};

const DELETE: Route = Route {
    verb: Verb::Delete,
    path: "/api/user/{id}",
    name: "deleteUser",
    summary: "Deactivates a user's account; the user's orders stay",
    operation: "mutation ($id: ID!) { deactivateAccount(userId: $id) { id } }",
    source: ResponseSource::One("/deactivateAccount"),
    params: &[CHANGED_ID],
    response: FieldType::Object(&DELETED),
    example: r#"{"response":"User deleted."}"#,
    errors: &[PROTECTED, NO_USER, LAST_ADMINISTRATOR],
    access: AccessRule::Account,
    ..Route::BASE
};

/// The account in the example of `POST /api/users`: a caller without a token cannot change those of the sample data.
const CHANGED_ID: Param = path_id("id", "6");

const NAME: Field = Field::new("name", FieldType::Text);
const PASSWORD: Field = Field::new("password", FieldType::Text)
    .pointer("/input/password")
    .bounds(NEW_PASSWORD)
    .about("8 to 256 characters.");
const ADDRESS: Field = Field::new("address", FieldType::Text)
    .pointer("/input/address/text")
    .bounds(ValueBounds::text(1_000))
    .about("Free text of up to 1,000 characters.");

static NEW_USER: ObjectModel = ObjectModel {
    name: "NewUser",
    about: "A user to add.",
    fields: &[
        NAME.pointer("/input/username")
            .bounds(USERNAME)
            .about("Up to 64 characters, unique without regard to case."),
        PASSWORD,
        ADDRESS,
    ],
    example: r#"{"name":"newUser","password":"newPassword","address":"new address"}"#,
};

static CREDENTIALS: ObjectModel = ObjectModel {
    name: "Credentials",
    about: "A name and a password to check.",
    fields: &[
        NAME.pointer("/login").bounds(SIGN_IN_NAME),
        Field::new("password", FieldType::Text),
    ],
    example: r#"{"name":"ada","password":"agora-demo-2026"}"#,
};

static USER_CHANGE: ObjectModel = ObjectModel {
    name: "UserChange",
    about: "A new password, a new address or both. A name never changes.",
    fields: &[PASSWORD.optional(), ADDRESS.optional()],
    example: r#"{"address":"1 New Street"}"#,
};

static USER_MODEL: ObjectModel = ObjectModel {
    name: "User",
    about: "A user.",
    fields: &[
        Field::new("id", ID),
        NAME.pointer("/username"),
        Field::new("password", FieldType::Const(r#""********""#)).about("The password is not shown."),
        Field::new("address", FieldType::Text)
            .pointer("/address/text")
            .nullable()
            .about("The user's address; null if there is none or the caller may not see it."),
    ],
    example: "",
};

static ADDED: ObjectModel = acknowledgement(
    "UserAdded",
    &[Field::new(
        "response",
        FieldType::Const(r#""User added to the system.""#),
    )],
);

static LOGGED_IN: ObjectModel = acknowledgement(
    "LoggedIn",
    &[
        Field::new("response", FieldType::Const(r#""Login successful.""#)),
        Field::new("user_id", ID).pointer("/id"),
    ],
);

static UPDATED: ObjectModel = acknowledgement(
    "UserUpdated",
    &[Field::new("response", FieldType::Const(r#""User updated.""#))],
);

static DELETED: ObjectModel = acknowledgement(
    "UserDeleted",
    &[Field::new("response", FieldType::Const(r#""User deleted.""#))],
);
