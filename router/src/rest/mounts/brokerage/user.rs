//! The user service: people, and the authorizations that investors give to brokers.

use contract::ErrorCode;

use super::authorization::{AUTHORIZATION, AUTHORIZATIONS, AUTHORIZE, REVOKE};
use super::common::{BAD_FILTER, filter_param};
use crate::rest::field::{EMAIL, Field, FieldType, ID, ObjectModel, PASSWORD, SIGN_IN_NAME, USERNAME, ValueBounds};
use crate::rest::route::{
    AccessRule, BAD_MEMBER, ErrorRow, Param, RequestBody, ResponseSource, Route, Service, Verb, not_found_row, path_id,
};

/// People and authorizations.
pub const SERVICE: Service = Service {
    name: "user",
    about: "People, and the authorizations that investors give to brokers.",
    prefixes: &[""],
    routes: &[
        REGISTER,
        LOGIN,
        USERS,
        USER,
        UPDATE_USER,
        AUTHORIZATIONS,
        AUTHORIZATION,
        AUTHORIZE,
        REVOKE,
    ],
};

/// The selected fields of a person.
macro_rules! user {
    () => {
        "id name surname email phone role address { street number zipCode text } brokerageFeePercent"
    };
}
pub(super) use user;

/// A person of the sample data, as they see themselves.
macro_rules! ada {
    () => {
        r#"{"id":1,"name":"Ada","surname":"Winter","email":"ada@example.com","phoneNo":"+49 30 5550107","type":"investor","address":{"street":"Harbour Lane","number":"7","zipCode":"10115"},"brokerageFee":null}"#
    };
}
pub(super) use ada;

const REGISTER: Route = Route {
    verb: Verb::Post,
    path: "/users/register",
    name: "registerUser",
    summary: "Creates an investor's or a broker's account",
    operation: concat!(
        "mutation ($input: RegisterInput!, $idempotencyKey: String) {
            register(input: $input, idempotencyKey: $idempotencyKey) { user { ",
        user!(),
        " } }
        }"
    ),
    source: ResponseSource::One("/register/user"),
    status: 201,
    location: Some("/users/{id}"),
    body: Some(RequestBody::json(&NEW_USER).with_rule(FEE_OF_BROKERS)),
    response: FieldType::Object(&USER_MODEL),
    example: r#"{"id":6,"name":"Eve","surname":"Lindt","email":"eve@example.com","phoneNo":null,"type":"broker","address":null,"brokerageFee":1.5}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new(ErrorCode::Conflict, "", "Another account has this email or username."),
    ],
    access: AccessRule::Anyone,
    ..Route::BASE
};

const LOGIN: Route = Route {
    verb: Verb::Post,
    path: "/users/login",
    name: "login",
    summary: "Returns a token for an email and a password",
    operation: "mutation ($login: String!, $password: String!) {
        login(login: $login, password: $password) { token user { id role } }
    }",
    source: ResponseSource::One("/login"),
    body: Some(RequestBody::json(&CREDENTIALS)),
    response: FieldType::Object(&SIGNED_IN),
    example: r#"{"token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl","userId":1,"type":"investor"}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow {
            message_prefix: "wrong ",
            ..ErrorRow::new(
                ErrorCode::Unauthenticated,
                "wrong email or password",
                "The email is unknown or the password is wrong; the response does not say which.",
            )
        },
        ErrorRow::new(ErrorCode::RateLimited, "", "Too many wrong passwords."),
    ],
    access: AccessRule::Anyone,
    ..Route::BASE
};

const USERS: Route = Route {
    path: "/users",
    name: "listUsers",
    summary: "All people, or only the investors or only the brokers",
    operation: concat!(
        "query ($role: Role, $first: Int, $after: String) {
            users(role: $role, first: $first, after: $after) { nodes { ",
        user!(),
        " } pageInfo { hasNextPage endCursor } }
        }"
    ),
    source: ResponseSource::All("/users"),
    params: &[filter_param(
        Field::new("type", ASKED_TYPE).pointer("/role"),
        "investor",
    )],
    response: FieldType::List(&FieldType::Object(&USER_MODEL)),
    example: concat!("[", ada!(), "]"),
    errors: &[BAD_FILTER],
    access: AccessRule::Bearer,
    ..Route::BASE
};

const USER: Route = Route {
    path: "/users/{userId}",
    name: "getUser",
    summary: "One person",
    operation: concat!("query ($userId: ID!) { user(id: $userId) { ", user!(), " } }"),
    source: ResponseSource::One("/user"),
    params: &[USER_ID],
    response: FieldType::Object(&USER_MODEL),
    example: ada!(),
    errors: &[NO_USER],
    access: AccessRule::Bearer,
    ..Route::BASE
};

const UPDATE_USER: Route = Route {
    verb: Verb::Put,
    path: "/users/{userId}",
    name: "updateUser",
    summary: "Changes a person's own data; omitted members keep their values",
    operation: concat!(
        "mutation ($userId: ID!, $input: UserPatch!) { updateUser(id: $userId, input: $input) { ",
        user!(),
        " } }"
    ),
    source: ResponseSource::One("/updateUser"),
    params: &[USER_ID],
    body: Some(RequestBody::patch(&USER_CHANGE)),
    response: FieldType::Object(&USER_MODEL),
    example: r#"{"id":1,"name":"Ada","surname":"Winter","email":"ada@example.com","phoneNo":null,"type":"investor","address":{"street":"Quay Street","number":"9","zipCode":"20457"},"brokerageFee":null}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new(ErrorCode::Forbidden, "", "The account belongs to another person."),
        NO_USER,
        ErrorRow::new(ErrorCode::Conflict, "", "Another account has this email."),
    ],
    access: AccessRule::Person,
    ..Route::BASE
};

const USER_ID: Param = path_id("userId", "1");
const NO_USER: ErrorRow = not_found_row("user not found", "There is no such person.");

/// The role of a person in the brokerage; a member registered through another system.
const TYPE: FieldType = FieldType::Enum(&[("investor", "INVESTOR"), ("broker", "BROKER"), ("member", "MEMBER")]);

/// The roles that a request can choose.
const ASKED_TYPE: FieldType = FieldType::Enum(&[("investor", "INVESTOR"), ("broker", "BROKER")]);

/// A person, as the mount shows them.
pub(super) static USER_MODEL: ObjectModel = ObjectModel {
    name: "User",
    about: "A person. Only the person, administrators and services see the email, the telephone number and the address.",
    fields: &[
        Field::new("id", ID),
        Field::new("name", FieldType::Text).nullable(),
        Field::new("surname", FieldType::Text).nullable(),
        Field::new("email", FieldType::Text).nullable(),
        Field::new("phoneNo", FieldType::Text).pointer("/phone").nullable(),
        Field::new("type", TYPE)
            .pointer("/role")
            .about("The person's role; a `member` uses only the other systems."),
        Field::new("address", FieldType::Object(&ADDRESS)).nullable(),
        Field::new("brokerageFee", FieldType::Number)
            .pointer("/brokerageFeePercent")
            .nullable()
            .about("The broker's fee for a trade, in percent; null for other people."),
    ],
    example: "",
};

static ADDRESS: ObjectModel = ObjectModel {
    name: "Address",
    about: "A postal address. An address known only as free text is entirely in `street`.",
    fields: &[
        Field::new(
            "street",
            FieldType::FirstNonNull(&[("/street", FieldType::Text), ("/text", FieldType::Text)]),
        )
        .pointer(""),
        Field::new("number", FieldType::Text).nullable(),
        Field::new("zipCode", FieldType::Text).nullable(),
    ],
    example: "",
};

static NEW_ADDRESS: ObjectModel = ObjectModel {
    name: "NewAddress",
    about: "A postal address.",
    fields: &[
        Field::new("street", FieldType::Text).bounds(ValueBounds::line(200)),
        Field::new("number", FieldType::Text).bounds(ValueBounds::line(200)),
        Field::new("zipCode", FieldType::Text).bounds(ValueBounds::line(200)),
    ],
    example: "",
};

const FEE: Field = Field::new("brokerageFee", FieldType::Number)
    .pointer("/input/brokerageFeePercent")
    .bounds(ValueBounds::Cents { min: 1, max: 100 })
    .about("The broker's fee for a trade, in percent: at least 1, with at most two decimals. Only brokers have a fee, and must have one.");

const PHONE: Field = Field::new("phoneNo", FieldType::Text)
    .pointer("/input/phone")
    .bounds(ValueBounds::line(64))
    .nullable();

const NEW_ADDRESS_FIELD: Field = Field::new("address", FieldType::Object(&NEW_ADDRESS))
    .pointer("/input/address")
    .nullable();

static NEW_USER: ObjectModel = ObjectModel {
    name: "NewUser",
    about: "An account to create.",
    fields: &[
        Field::new("name", FieldType::Text).pointer("/input/name").bounds(ValueBounds::line(64)),
        Field::new("surname", FieldType::Text).pointer("/input/surname").bounds(ValueBounds::line(64)),
        Field::new("email", FieldType::Text).pointer("/input/email").bounds(EMAIL),
        Field::new("password", FieldType::Text)
            .pointer("/input/password").bounds(PASSWORD)
            .about("8 to 256 characters."),
        Field::new("type", ASKED_TYPE).pointer("/input/role"),
        Field::new("username", FieldType::Text)
            .pointer("/input/username").bounds(USERNAME)
            .optional()
            .about("The person's name in the other systems: it is public and never changes. If omitted, the server generates one."),
        PHONE,
        NEW_ADDRESS_FIELD,
        FEE.nullable(),
    ],
    example: r#"{"name":"Eve","surname":"Lindt","email":"eve@example.com","password":"correct horse","type":"broker","brokerageFee":1.5}"#,
};

const FEE_OF_BROKERS: &str = r#"{
    "if":{"properties":{"type":{"const":"broker"}}},
    "then":{"required":["brokerageFee"],"properties":{"brokerageFee":{"type":"number"}}},
    "else":{"properties":{"brokerageFee":{"type":"null"}}}
}"#;

static USER_CHANGE: ObjectModel = ObjectModel {
    name: "UserChange",
    about: "New values for some members of a person; null clears a telephone number or an address.",
    fields: &[
        Field::new("name", FieldType::Text)
            .pointer("/input/name")
            .bounds(ValueBounds::line(64))
            .optional(),
        Field::new("surname", FieldType::Text)
            .pointer("/input/surname")
            .bounds(ValueBounds::line(64))
            .optional(),
        Field::new("password", FieldType::Text)
            .pointer("/input/password")
            .bounds(PASSWORD)
            .optional()
            .about("8 to 256 characters. A new password ends the person's other sessions."),
        Field::new("email", FieldType::Text)
            .pointer("/input/email")
            .bounds(EMAIL)
            .optional(),
        PHONE,
        NEW_ADDRESS_FIELD,
        FEE.optional(),
    ],
    example: r#"{"phoneNo":null,"address":{"street":"Quay Street","number":"9","zipCode":"20457"}}"#,
};

static CREDENTIALS: ObjectModel = ObjectModel {
    name: "Credentials",
    about: "An email and a password to sign in with.",
    fields: &[
        Field::new("email", FieldType::Text)
            .pointer("/login")
            .bounds(SIGN_IN_NAME),
        Field::new("password", FieldType::Text),
    ],
    example: r#"{"email":"ada@example.com","password":"agora-demo-2026"}"#,
};

static SIGNED_IN: ObjectModel = ObjectModel {
    name: "SignedIn",
    about: "The signed-in person, and the token for further requests: `Authorization: Bearer TOKEN`.",
    fields: &[
        Field::new("token", FieldType::Text),
        Field::new("userId", ID).pointer("/user/id"),
        Field::new("type", TYPE).pointer("/user/role"),
    ],
    example: "",
};
