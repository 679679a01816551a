//! The user service: the users that may place orders.

use super::super::kind::{
    Bounds, Field, ID, Kind, Model, PASSWORD as NEW_PASSWORD, SIGN_IN_NAME, USERNAME, acknowledged,
};
use super::super::reply::in_use;
use super::super::route::{
    Access, Answer, BAD_MEMBER, Body, ErrorRow, LAST_ADMINISTRATOR, PROTECTED, Param, Route, Service, Verb, path_id,
};
use super::{CHECK, NO_USER};

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
    answer: Answer::One("/register/user"),
    location: Some("/api/user/{id}"),
    body: Some(Body::json(&NEW_USER)),
    response: Kind::Object(&ADDED),
    example: r#"{"response":"User added to the system."}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new(
            "CONFLICT",
            "User already exists.",
            "An account has or had this name, ignoring case.",
        ),
    ],
    access: Access::Newcomer,
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
    answer: Answer::One("/login/user"),
    body: Some(Body::json(&CREDENTIALS)),
    response: Kind::Object(&LOGGED_IN),
    example: r#"{"response":"Login successful.","user_id":1}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow {
            of: "wrong ",
            ..ErrorRow::new(
                "UNAUTHENTICATED",
                "Wrong username or password.",
                "The name is unknown or the password is wrong; the response does not say which.",
            )
        },
        ErrorRow::new("RATE_LIMITED", "", "Too many wrong passwords."),
    ],
    access: Access::Anyone,
    ..Route::BASE
};

const USER: Route = Route {
    path: "/api/user/{id}",
    name: "user",
    summary: "One user",
    operation: "query ($id: ID!) { user(id: $id) { id username address { text } active } }",
    answer: Answer::One("/user"),
    params: &[path_id("id", "1")],
    response: Kind::Object(&USER_MODEL),
    example: r#"{"id":1,"name":"ada","password":"********","address":"Harbour Lane 7, 10115"}"#,
    errors: &[NO_USER],
    reshape: Some(in_use),
    ..Route::BASE
};

const UPDATE: Route = Route {
    verb: Verb::Put,
    path: "/api/user/{id}",
    name: "updateUser",
    summary: "Changes a user's password, address or both",
    operation: "mutation ($id: ID!, $input: UserPatch!) { updateUser(id: $id, input: $input) { id } }",
    answer: Answer::One("/updateUser"),
    params: &[CHANGED_ID],
    body: Some(Body::patch(&USER_CHANGE)),
    response: Kind::Object(&UPDATED),
    example: r#"{"response":"User updated."}"#,
    errors: &[BAD_MEMBER, PROTECTED, NO_USER],
    access: Access::Account,
    ..Route::BASE
};

const DELETE: Route = Route {
    verb: Verb::Delete,
    path: "/api/user/{id}",
    name: "deleteUser",
    summary: "Deactivates a user's account; the user's orders stay",
    operation: "mutation ($id: ID!) { deactivateAccount(userId: $id) { id } }",
    answer: Answer::One("/deactivateAccount"),
    params: &[CHANGED_ID],
    response: Kind::Object(&DELETED),
    example: r#"{"response":"User deleted."}"#,
    errors: &[PROTECTED, NO_USER, LAST_ADMINISTRATOR],
    access: Access::Account,
    ..Route::BASE
};

/// The account in the example of `POST /api/users`: a caller without a token cannot change those of the sample data.
const CHANGED_ID: Param = path_id("id", "6");

const NAME: Field = Field::new("name", Kind::Text);
const PASSWORD: Field = Field::new("password", Kind::Text)
    .at("/input/password")
    .bounds(NEW_PASSWORD)
    .about("8 to 256 characters.");
const ADDRESS: Field = Field::new("address", Kind::Text)
    .at("/input/address/text")
    .bounds(Bounds::text(1_000))
    .about("Free text of up to 1,000 characters.");

static NEW_USER: Model = Model {
    name: "NewUser",
    about: "A user to add.",
    fields: &[
        NAME.at("/input/username")
            .bounds(USERNAME)
            .about("Up to 64 characters, unique without regard to case."),
        PASSWORD,
        ADDRESS,
    ],
    example: r#"{"name":"newUser","password":"newPassword","address":"new address"}"#,
};

static CREDENTIALS: Model = Model {
    name: "Credentials",
    about: "A name and a password to check.",
    fields: &[
        NAME.at("/login").bounds(SIGN_IN_NAME),
        Field::new("password", Kind::Text),
    ],
    example: r#"{"name":"ada","password":"agora-demo-2026"}"#,
};

static USER_CHANGE: Model = Model {
    name: "UserChange",
    about: "A new password, a new address or both. A name never changes.",
    fields: &[PASSWORD.optional(), ADDRESS.optional()],
    example: r#"{"address":"1 New Street"}"#,
};

static USER_MODEL: Model = Model {
    name: "User",
    about: "A user.",
    fields: &[
        Field::new("id", ID),
        NAME.at("/username"),
        Field::new("password", Kind::Const(r#""********""#)).about("Always masked."),
        Field::new("address", Kind::Text)
            .at("/address/text")
            .nullable()
            .about("The user's address; null if there is none or the caller may not see it."),
    ],
    example: "",
};

static ADDED: Model = acknowledged(
    "UserAdded",
    &[Field::new("response", Kind::Const(r#""User added to the system.""#))],
);

static LOGGED_IN: Model = acknowledged(
    "LoggedIn",
    &[
        Field::new("response", Kind::Const(r#""Login successful.""#)),
        Field::new("user_id", ID).at("/id"),
    ],
);

static UPDATED: Model = acknowledged(
    "UserUpdated",
    &[Field::new("response", Kind::Const(r#""User updated.""#))],
);

static DELETED: Model = acknowledged(
    "UserDeleted",
    &[Field::new("response", Kind::Const(r#""User deleted.""#))],
);
