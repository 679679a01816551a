//! The user service: people, and the authorizations that investors give to brokers.

use serde_json::Value;

use super::super::kind::{Bounds, EMAIL, Field, ID, Kind, Model, PASSWORD, REFERENCE, SIGN_IN_NAME, USERNAME};
use super::super::reply::{Call, Reply};
use super::super::route::{
    Access, Answer, BAD_MEMBER, Body, ErrorRow, Param, Route, Service, Variants, Verb, missing, path_id,
};
use super::{AMOUNT, BAD_FILTER, filter, in_dollars};
use crate::rest::QUANTITY;

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

/// The selected fields of an authorization.
macro_rules! authorization {
    () => {
        "id kind investor { id } broker { id } holdingId remaining remainingShares startsAt endsAt active"
    };
}

/// A person of the sample data, as they see themselves.
macro_rules! ada {
    () => {
        r#"{"id":1,"name":"Ada","surname":"Winter","email":"ada@example.com","phoneNo":"+49 30 5550107","type":"investor","address":{"street":"Harbour Lane","number":"7","zipCode":"10115"},"brokerageFee":null}"#
    };
}
pub(super) use ada;

/// An authorization of the sample data.
macro_rules! lent_money {
    () => {
        r#"{"id":1,"type":"CAPITAL","investorId":1,"brokerId":2,"stockHoldingId":null,"amount":1878.92,"startDate":"2026-01-02T03:04:05+00:00","endDate":"2026-04-02T03:04:05+00:00","active":true}"#
    };
}

const REGISTER: Route = Route {
    verb: Verb::Post,
    path: "/users/register",
    name: "register",
    summary: "Creates an investor's or a broker's account",
    operation: concat!(
        "mutation ($input: RegisterInput!, $idempotencyKey: String) {
            register(input: $input, idempotencyKey: $idempotencyKey) { user { ",
        user!(),
        " } }
        }"
    ),
    answer: Answer::One("/register/user"),
    status: 201,
    location: Some("/users/{id}"),
    body: Some(Body::json(&NEW_USER).ruled(FEE_OF_BROKERS)),
    response: Kind::Object(&USER_MODEL),
    example: r#"{"id":6,"name":"Eve","surname":"Lindt","email":"eve@example.com","phoneNo":null,"type":"broker","address":null,"brokerageFee":1.5}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new("CONFLICT", "", "Another account has this email or username."),
    ],
    access: Access::Anyone,
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
    answer: Answer::One("/login"),
    body: Some(Body::json(&CREDENTIALS)),
    response: Kind::Object(&SIGNED_IN),
    example: r#"{"token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl","userId":1,"type":"investor"}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow {
            of: "wrong ",
            ..ErrorRow::new(
                "UNAUTHENTICATED",
                "wrong email or password",
                "The email is unknown or the password is wrong; the response does not say which.",
            )
        },
        ErrorRow::new("RATE_LIMITED", "", "Too many wrong passwords."),
    ],
    access: Access::Anyone,
    ..Route::BASE
};

const USERS: Route = Route {
    path: "/users",
    name: "users",
    summary: "All people, or only the investors or only the brokers",
    operation: concat!(
        "query ($role: Role, $first: Int, $after: String) {
            users(role: $role, first: $first, after: $after) { nodes { ",
        user!(),
        " } pageInfo { hasNextPage endCursor } }
        }"
    ),
    answer: Answer::All("/users"),
    params: &[filter(Field::new("type", ASKED_TYPE).at("/role"), "investor")],
    response: Kind::List(&Kind::Object(&USER_MODEL)),
    example: concat!("[", ada!(), "]"),
    errors: &[BAD_FILTER],
    access: Access::Bearer,
    ..Route::BASE
};

const USER: Route = Route {
    path: "/users/{userId}",
    name: "user",
    summary: "One person",
    operation: concat!("query ($userId: ID!) { user(id: $userId) { ", user!(), " } }"),
    answer: Answer::One("/user"),
    params: &[USER_ID],
    response: Kind::Object(&USER_MODEL),
    example: ada!(),
    errors: &[NO_USER],
    access: Access::Bearer,
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
    answer: Answer::One("/updateUser"),
    params: &[USER_ID],
    body: Some(Body::patch(&USER_CHANGE)),
    response: Kind::Object(&USER_MODEL),
    example: r#"{"id":1,"name":"Ada","surname":"Winter","email":"ada@example.com","phoneNo":null,"type":"investor","address":{"street":"Quay Street","number":"9","zipCode":"20457"},"brokerageFee":null}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new("FORBIDDEN", "", "The account belongs to another person."),
        NO_USER,
        ErrorRow::new("CONFLICT", "", "Another account has this email."),
    ],
    access: Access::Person,
    ..Route::BASE
};

const AUTHORIZATIONS: Route = Route {
    path: "/authorizations",
    name: "authorizations",
    summary: "The caller's authorizations of US dollars and of shares: those an investor granted, or those a broker received",
    operation: concat!(
        "query ($active: Boolean, $first: Int, $after: String) {
            me { authorizations(active: $active, first: $first, after: $after) { nodes { ",
        authorization!(),
        " } pageInfo { hasNextPage endCursor } } }
        }"
    ),
    answer: Answer::All("/me/authorizations"),
    params: &[filter(Field::new("active", Kind::Boolean), "true")],
    response: Kind::List(&Kind::Object(&AUTHORIZATION_MODEL)),
    example: concat!("[", lent_money!(), "]"),
    errors: &[BAD_FILTER],
    access: Access::Person,
    reshape: Some(of_dollars),
    ..Route::BASE
};

const AUTHORIZATION: Route = Route {
    path: "/authorizations/{authorizationId}",
    name: "authorization",
    summary: "One authorization, for its investor and its broker",
    operation: concat!(
        "query ($authorizationId: ID!) { authorization(id: $authorizationId) { ",
        authorization!(),
        " } }"
    ),
    answer: Answer::One("/authorization"),
    params: &[AUTHORIZATION_ID],
    response: Kind::Object(&AUTHORIZATION_MODEL),
    example: lent_money!(),
    errors: &[NO_AUTHORIZATION],
    access: Access::Bearer,
    reshape: Some(of_dollars),
    ..Route::BASE
};

const AUTHORIZE: Route = Route {
    verb: Verb::Post,
    path: "/authorizations",
    name: "authorize",
    summary: "Lends money or shares to a broker, or adds to an existing authorization",
    operation: concat!(
        "mutation ($input: GrantInput!, $idempotencyKey: String) {
            grantAuthorization(input: $input, idempotencyKey: $idempotencyKey) { created authorization { ",
        authorization!(),
        " } }
        }"
    ),
    answer: Answer::One("/grantAuthorization"),
    status: 201,
    status_else: Some((200, "An authorization existed already: the amount was added to it.")),
    location: Some("/authorizations/{id}"),
    body: Some(Body::one_of(&GRANT, GRANTS)),
    response: Kind::Object(&AUTHORIZATION_MODEL),
    example: r#"{"id":4,"type":"STOCKHOLDING","investorId":1,"brokerId":2,"stockHoldingId":1,"amount":5,"startDate":"2026-01-02T03:04:05+00:00","endDate":"2030-12-31T23:59:59.999999+00:00","active":true}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow {
            of: "input.endsAt: must be after",
            ..ErrorRow::new(
                "INVALID_INPUT",
                "endDate must be after startDate",
                "`endDate` is not after `startDate`.",
            )
        },
        ErrorRow::new("FORBIDDEN", "", "The caller is not an investor."),
        ErrorRow {
            of: "holding",
            ..missing("stockholding not found", "The caller has no such stockholding.")
        },
        missing("broker not found", "There is no such broker."),
        ErrorRow::new("CONFLICT", "", "The broker's fee is above `maxFeePercent`."),
        ErrorRow::new(
            "INSUFFICIENT_FUNDS",
            "",
            "The amount exceeds the caller's free balance.",
        ),
        ErrorRow::new(
            "INSUFFICIENT_SHARES",
            "",
            "The amount exceeds the shares that the caller can lend.",
        ),
    ],
    access: Access::Person,
    reshape: Some(granted),
    ..Route::BASE
};

const REVOKE: Route = Route {
    verb: Verb::Put,
    path: "/authorizations/{authorizationId}/revoke",
    name: "revoke",
    summary: "Revokes an authorization and frees the unused amount; repeating the request changes nothing",
    operation: concat!(
        "mutation ($authorizationId: ID!) { revokeAuthorization(id: $authorizationId) { ",
        authorization!(),
        " } }"
    ),
    answer: Answer::One("/revokeAuthorization"),
    params: &[AUTHORIZATION_ID],
    response: Kind::Object(&AUTHORIZATION_MODEL),
    example: r#"{"id":1,"type":"CAPITAL","investorId":1,"brokerId":2,"stockHoldingId":null,"amount":0,"startDate":"2026-01-02T03:04:05+00:00","endDate":"2026-04-02T03:04:05+00:00","active":false}"#,
    errors: &[
        NO_AUTHORIZATION,
        ErrorRow::new("FORBIDDEN", "", "The caller is the broker."),
    ],
    access: Access::Bearer,
    ..Route::BASE
};

const USER_ID: Param = path_id("userId", "1");
const NO_USER: ErrorRow = missing("user not found", "There is no such person.");
const AUTHORIZATION_ID: Param = path_id("authorizationId", "1");
const NO_AUTHORIZATION: ErrorRow = missing(
    "authorization not found",
    "There is no such authorization, or it does not concern the caller.",
);

/// The role of a person in the brokerage; a member registered through another system.
const TYPE: Kind = Kind::Words(&[("investor", "INVESTOR"), ("broker", "BROKER"), ("member", "MEMBER")]);
/// The roles that a request can choose.
const ASKED_TYPE: Kind = Kind::Words(&[("investor", "INVESTOR"), ("broker", "BROKER")]);
const LENT: Kind = Kind::WordsInAnyCase(&[("CAPITAL", "CAPITAL"), ("STOCKHOLDING", "STOCK_HOLDING")]);

/// A person, as the mount shows them.
pub(super) static USER_MODEL: Model = Model {
    name: "User",
    about: "A person. Only the person, administrators and services see the email, the telephone number and the address.",
    fields: &[
        Field::new("id", ID),
        Field::new("name", Kind::Text).nullable(),
        Field::new("surname", Kind::Text).nullable(),
        Field::new("email", Kind::Text).nullable(),
        Field::new("phoneNo", Kind::Text).at("/phone").nullable(),
        Field::new("type", TYPE)
            .at("/role")
            .about("The person's role; a `member` uses only the other systems."),
        Field::new("address", Kind::Object(&ADDRESS)).nullable(),
        Field::new("brokerageFee", Kind::Number)
            .at("/brokerageFeePercent")
            .nullable()
            .about("The broker's fee for a trade, in percent; null for other people."),
    ],
    example: "",
};

static ADDRESS: Model = Model {
    name: "Address",
    about: "A postal address. An address known only as free text is entirely in `street`.",
    fields: &[
        Field::new(
            "street",
            Kind::FirstOf(&[("/street", Kind::Text), ("/text", Kind::Text)]),
        )
        .at(""),
        Field::new("number", Kind::Text).nullable(),
        Field::new("zipCode", Kind::Text).nullable(),
    ],
    example: "",
};

static NEW_ADDRESS: Model = Model {
    name: "NewAddress",
    about: "A postal address.",
    fields: &[
        Field::new("street", Kind::Text).bounds(Bounds::line(200)),
        Field::new("number", Kind::Text).bounds(Bounds::line(200)),
        Field::new("zipCode", Kind::Text).bounds(Bounds::line(200)),
    ],
    example: "",
};

const FEE: Field = Field::new("brokerageFee", Kind::Number)
    .at("/input/brokerageFeePercent")
    .bounds(Bounds::Cents { min: 1, max: 100 })
    .about("The broker's fee for a trade, in percent: at least 1, with at most two decimals. Only brokers have a fee, and must have one.");
const PHONE: Field = Field::new("phoneNo", Kind::Text)
    .at("/input/phone")
    .bounds(Bounds::line(64))
    .nullable();
const NEW_ADDRESS_FIELD: Field = Field::new("address", Kind::Object(&NEW_ADDRESS))
    .at("/input/address")
    .nullable();

static NEW_USER: Model = Model {
    name: "NewUser",
    about: "An account to create.",
    fields: &[
        Field::new("name", Kind::Text).at("/input/name").bounds(Bounds::line(64)),
        Field::new("surname", Kind::Text).at("/input/surname").bounds(Bounds::line(64)),
        Field::new("email", Kind::Text).at("/input/email").bounds(EMAIL),
        Field::new("password", Kind::Text)
            .at("/input/password").bounds(PASSWORD)
            .about("8 to 256 characters."),
        Field::new("type", ASKED_TYPE).at("/input/role"),
        Field::new("username", Kind::Text)
            .at("/input/username").bounds(USERNAME)
            .optional()
            .about("The person's name in the other systems: it is public and never changes. If omitted, the server generates one."),
        PHONE,
        NEW_ADDRESS_FIELD,
        FEE.nullable(),
    ],
    example: r#"{"name":"Eve","surname":"Lindt","email":"eve@example.com","password":"correct horse","type":"broker","brokerageFee":1.5}"#,
};

const FEE_OF_BROKERS: &str = r#"{"anyOf":[
    {"required":["brokerageFee"],"properties":{"type":{"const":"broker"},"brokerageFee":{"type":"number"}}},
    {"properties":{"type":{"const":"investor"},"brokerageFee":{"type":"null"}}}
]}"#;

static USER_CHANGE: Model = Model {
    name: "UserChange",
    about: "New values for some members of a person; null clears a telephone number or an address.",
    fields: &[
        Field::new("name", Kind::Text)
            .at("/input/name")
            .bounds(Bounds::line(64))
            .optional(),
        Field::new("surname", Kind::Text)
            .at("/input/surname")
            .bounds(Bounds::line(64))
            .optional(),
        Field::new("password", Kind::Text)
            .at("/input/password")
            .bounds(PASSWORD)
            .optional()
            .about("8 to 256 characters. A new password ends the person's other sessions."),
        Field::new("email", Kind::Text)
            .at("/input/email")
            .bounds(EMAIL)
            .optional(),
        PHONE,
        NEW_ADDRESS_FIELD,
        FEE.optional(),
    ],
    example: r#"{"phoneNo":null,"address":{"street":"Quay Street","number":"9","zipCode":"20457"}}"#,
};

static CREDENTIALS: Model = Model {
    name: "Credentials",
    about: "An email and a password to sign in with.",
    fields: &[
        Field::new("email", Kind::Text).at("/login").bounds(SIGN_IN_NAME),
        Field::new("password", Kind::Text),
    ],
    example: r#"{"email":"ada@example.com","password":"agora-demo-2026"}"#,
};

static SIGNED_IN: Model = Model {
    name: "SignedIn",
    about: "The signed-in person, and the token for further requests: `Authorization: Bearer TOKEN`.",
    fields: &[
        Field::new("token", Kind::Text),
        Field::new("userId", ID).at("/user/id"),
        Field::new("type", TYPE).at("/user/role"),
    ],
    example: "",
};

static AUTHORIZATION_MODEL: Model = Model {
    name: "Authorization",
    about: "Money or shares that an investor lends to a broker.",
    fields: &[
        Field::new("id", ID),
        Field::new("type", LENT).at("/kind"),
        Field::new("investorId", ID).at("/investor/id"),
        Field::new("brokerId", ID).at("/broker/id"),
        Field::new("stockHoldingId", ID)
            .at("/holdingId")
            .nullable()
            .about("The stockholding that the shares belong to; null for money."),
        Field::new(
            "amount",
            Kind::FirstOf(&[("/remaining", super::MONEY), ("/remainingShares", super::SHARES)]),
        )
        .at("")
        .about("The unused amount, in US dollars or in shares; 0 once the authorization has ended."),
        Field::new("startDate", Kind::DateTime).at("/startsAt"),
        Field::new("endDate", Kind::Until).at("/endsAt"),
        Field::new("active", Kind::Boolean),
    ],
    example: "",
};

const GRANT_TYPE: Field = Field::new("type", LENT).at("/input/kind");

const GRANTS: Variants = Variants {
    by: &GRANT_TYPE,
    more: &[("CAPITAL", &CAPITAL_GRANT), ("STOCK_HOLDING", &SHARES_GRANT)],
};

static GRANT: Model = Model {
    name: "Grant",
    about: "The members of every grant.",
    fields: &[
        GRANT_TYPE,
        Field::new("brokerId", REFERENCE).at("/input/broker"),
        Field::new("startDate", Kind::InUtc(&Kind::DateTime))
            .at("/input/startsAt")
            .bounds(Bounds::Since1970)
            .nullable()
            .about("The start; the current time if omitted. A time without an offset is in UTC."),
        Field::new("endDate", Kind::InUtc(&Kind::Until))
            .at("/input/endsAt")
            .bounds(Bounds::Since1970)
            .about("The end, after `startDate`. A time without an offset is in UTC."),
        Field::new("maxFeePercent", Kind::Number)
            .at("/input/maxFeePercent")
            .bounds(Bounds::Range { min: 0, max: 100 })
            .nullable()
            .about("The highest broker's fee, in percent, that the investor accepts for this grant, 0 to 100. If omitted, an addition to \
                 an authorization keeps the lower of the fee agreed before and the broker's current fee."),
    ],
    example: r#"{"type":"STOCKHOLDING","brokerId":2,"stockHoldingId":1,"amount":5,"endDate":"2030-12-31"}"#,
};

static CAPITAL_GRANT: Model = Model {
    name: "CapitalGrant",
    about: "Money to lend to a broker.",
    fields: &[Field::new("amount", AMOUNT)
        .at("/input/amount")
        .about("The amount in US dollars, taken from the free balance.")],
    example: "",
};

static SHARES_GRANT: Model = Model {
    name: "StockHoldingGrant",
    about: "Shares to lend to a broker.",
    fields: &[
        Field::new("stockHoldingId", REFERENCE).at("/input/holding"),
        Field::new("amount", QUANTITY)
            .at("/input/shares")
            .about("The number of shares: committed shares that are not lent yet are taken first, then free shares."),
    ],
    example: "",
};

/// Removes authorizations of money in another currency: the mount would show their amounts as dollars.
fn of_dollars(reply: &mut Reply, _: &Call) {
    match &mut reply.node {
        Value::Array(nodes) => nodes.retain(|node| in_dollars(&node["remaining"])),
        node if in_dollars(&node["remaining"]) => {}
        node => *node = Value::Null,
    }
}

fn granted(reply: &mut Reply, _: &Call) {
    if reply.node["created"] != true {
        reply.status = 200;
        reply.location = None;
    }
    reply.node = reply.node["authorization"].take();
}
