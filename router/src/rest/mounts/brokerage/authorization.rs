//! The authorizations that investors give to brokers: routes of the user service.

use contract::ErrorCode;
use serde_json::Value;

use super::common::{AMOUNT, BAD_FILTER, MONEY, SHARES, filter_param, is_in_dollars};
use crate::rest::field::{Field, FieldType, ID, ObjectModel, QUANTITY, REFERENCE, ValueBounds};
use crate::rest::reshape::{RequestView, ResponseDraft};
use crate::rest::route::{
    AccessRule, BAD_MEMBER, BodyVariants, ErrorRow, Param, RequestBody, ResponseSource, Route, Verb, not_found_row,
    path_id,
};

/// The selected fields of an authorization.
macro_rules! authorization {
    () => {
        "id kind investor { id } broker { id } holdingId remaining remainingShares startsAt endsAt active"
    };
}

/// An authorization of the sample data.
macro_rules! lent_money {
    () => {
        r#"{"id":1,"type":"CAPITAL","investorId":1,"brokerId":2,"stockHoldingId":null,"amount":1878.92,"startDate":"2026-01-02T03:04:05+00:00","endDate":"2026-04-02T03:04:05+00:00","active":true}"#
    };
}

pub(super) const AUTHORIZATIONS: Route = Route {
    path: "/authorizations",
    name: "listAuthorizations",
    summary: "The caller's authorizations of US dollars and of shares: those an investor granted, or those a broker received",
    operation: concat!(
        "query ($active: Boolean, $first: Int, $after: String) {
            me { authorizations(active: $active, first: $first, after: $after) { nodes { ",
        authorization!(),
        " } pageInfo { hasNextPage endCursor } } }
        }"
    ),
    source: ResponseSource::All("/me/authorizations"),
    params: &[filter_param(Field::new("active", FieldType::Boolean), "true")],
    response: FieldType::List(&FieldType::Object(&AUTHORIZATION_MODEL)),
    example: concat!("[", lent_money!(), "]"),
    errors: &[BAD_FILTER],
    access: AccessRule::Person,
    reshape: Some(hide_other_currencies),
    ..Route::BASE
};

pub(super) const AUTHORIZATION: Route = Route {
    path: "/authorizations/{authorizationId}",
    name: "getAuthorization",
    summary: "One authorization, for its investor and its broker",
    operation: concat!(
        "query ($authorizationId: ID!) { authorization(id: $authorizationId) { ",
        authorization!(),
        " } }"
    ),
    source: ResponseSource::One("/authorization"),
    params: &[AUTHORIZATION_ID],
    response: FieldType::Object(&AUTHORIZATION_MODEL),
    example: lent_money!(),
    errors: &[NO_AUTHORIZATION],
    access: AccessRule::Bearer,
    reshape: Some(hide_other_currencies),
    ..Route::BASE
};

pub(super) const AUTHORIZE: Route = Route {
    verb: Verb::Post,
    path: "/authorizations",
    name: "createAuthorization",
    summary: "Lends money or shares to a broker, or adds to an existing authorization",
    operation: concat!(
        "mutation ($input: GrantInput!, $idempotencyKey: String) {
            grantAuthorization(input: $input, idempotencyKey: $idempotencyKey) { created authorization { ",
        authorization!(),
        " } }
        }"
    ),
    source: ResponseSource::One("/grantAuthorization"),
    status: 201,
    alternative_status: Some((200, "An authorization existed already: the amount was added to it.")),
    location: Some("/authorizations/{id}"),
    body: Some(RequestBody::one_of(&GRANT, GRANTS)),
    response: FieldType::Object(&AUTHORIZATION_MODEL),
    example: r#"{"id":4,"type":"STOCKHOLDING","investorId":1,"brokerId":2,"stockHoldingId":1,"amount":5,"startDate":"2026-01-02T03:04:05+00:00","endDate":"2030-12-31T23:59:59.999999+00:00","active":true}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow {
            message_prefix: "input.endsAt: must be after",
            ..ErrorRow::new(
                ErrorCode::InvalidInput,
                "endDate must be after startDate",
                "`endDate` is not after `startDate`.",
            )
        },
        ErrorRow::new(ErrorCode::Forbidden, "", "The caller is not an investor."),
        ErrorRow {
            message_prefix: "holding",
            ..not_found_row("stockholding not found", "The caller has no such stockholding.")
        },
        not_found_row("broker not found", "There is no such broker."),
        ErrorRow::new(ErrorCode::Conflict, "", "The broker's fee is above `maxFeePercent`."),
        ErrorRow::new(
            ErrorCode::InsufficientFunds,
            "",
            "The amount exceeds the caller's free balance.",
        ),
        ErrorRow::new(
            ErrorCode::InsufficientShares,
            "",
            "The amount exceeds the shares that the caller can lend.",
        ),
    ],
    access: AccessRule::Person,
    reshape: Some(reply_with_authorization),
    ..Route::BASE
};

pub(super) const REVOKE: Route = Route {
    verb: Verb::Put,
    path: "/authorizations/{authorizationId}/revoke",
    name: "revokeAuthorization",
    summary: "Revokes an authorization and frees the unused amount; repeating the request changes nothing",
    operation: concat!(
        "mutation ($authorizationId: ID!) { revokeAuthorization(id: $authorizationId) { ",
        authorization!(),
        " } }"
    ),
    source: ResponseSource::One("/revokeAuthorization"),
    params: &[AUTHORIZATION_ID],
    response: FieldType::Object(&AUTHORIZATION_MODEL),
    example: r#"{"id":1,"type":"CAPITAL","investorId":1,"brokerId":2,"stockHoldingId":null,"amount":0,"startDate":"2026-01-02T03:04:05+00:00","endDate":"2026-04-02T03:04:05+00:00","active":false}"#,
    errors: &[
        NO_AUTHORIZATION,
        ErrorRow::new(ErrorCode::Forbidden, "", "The caller is the broker."),
    ],
    access: AccessRule::Bearer,
    ..Route::BASE
};

const AUTHORIZATION_ID: Param = path_id("authorizationId", "1");

const NO_AUTHORIZATION: ErrorRow = not_found_row(
    "authorization not found",
    "There is no such authorization, or it does not concern the caller.",
);

const LENT: FieldType = FieldType::EnumIgnoringCase(&[("CAPITAL", "CAPITAL"), ("STOCKHOLDING", "STOCK_HOLDING")]);

static AUTHORIZATION_MODEL: ObjectModel = ObjectModel {
    name: "Authorization",
    about: "Money or shares that an investor lends to a broker.",
    fields: &[
        Field::new("id", ID),
        Field::new("type", LENT).pointer("/kind"),
        Field::new("investorId", ID).pointer("/investor/id"),
        Field::new("brokerId", ID).pointer("/broker/id"),
        Field::new("stockHoldingId", ID)
            .pointer("/holdingId")
            .nullable()
            .about("The stockholding that the shares belong to; null for money."),
        Field::new(
            "amount",
            FieldType::FirstNonNull(&[("/remaining", MONEY), ("/remainingShares", SHARES)]),
        )
        .pointer("")
        .about("The unused amount, in US dollars or in shares; 0 once the authorization has ended."),
        Field::new("startDate", FieldType::DateTime).pointer("/startsAt"),
        Field::new("endDate", FieldType::EndOfValidity).pointer("/endsAt"),
        Field::new("active", FieldType::Boolean),
    ],
    example: "",
};

const GRANT_TYPE: Field = Field::new("type", LENT).pointer("/input/kind");

const GRANTS: BodyVariants = BodyVariants {
    discriminator: &GRANT_TYPE,
    models: &[("CAPITAL", &CAPITAL_GRANT), ("STOCK_HOLDING", &SHARES_GRANT)],
};

static GRANT: ObjectModel = ObjectModel {
    name: "NewAuthorization",
    about: "Money or shares to lend to a broker.",
    fields: &[
        GRANT_TYPE,
        Field::new("brokerId", REFERENCE).pointer("/input/broker"),
        Field::new("startDate", FieldType::UtcByDefault(&FieldType::DateTime))
            .pointer("/input/startsAt")
            .bounds(ValueBounds::Since1970)
            .nullable()
            .about("The start; the current time if omitted."),
        Field::new("endDate", FieldType::UtcByDefault(&FieldType::EndOfValidity))
            .pointer("/input/endsAt")
            .bounds(ValueBounds::Since1970)
            .about("The end, after `startDate`."),
        Field::new("maxFeePercent", FieldType::Number)
            .pointer("/input/maxFeePercent")
            .bounds(ValueBounds::Range { min: 0, max: 100 })
            .nullable()
            .about("The highest broker's fee, in percent, that the investor accepts for this grant, 0 to 100. If omitted, an addition to \
                 an authorization keeps the lower of the fee agreed before and the broker's current fee."),
    ],
    example: r#"{"type":"STOCKHOLDING","brokerId":2,"stockHoldingId":1,"amount":5,"endDate":"2030-12-31"}"#,
};

static CAPITAL_GRANT: ObjectModel = ObjectModel {
    name: "CapitalGrant",
    about: "Money to lend to a broker.",
    fields: &[Field::new("amount", AMOUNT)
        .pointer("/input/amount")
        .about("The amount in US dollars, taken from the free balance.")],
    example: "",
};

static SHARES_GRANT: ObjectModel = ObjectModel {
    name: "StockHoldingGrant",
    about: "Shares to lend to a broker.",
    fields: &[
        Field::new("stockHoldingId", REFERENCE).pointer("/input/holding"),
        Field::new("amount", QUANTITY)
            .pointer("/input/shares")
            .about("The number of shares: committed shares that are not lent yet are taken first, then free shares."),
    ],
    example: "",
};

/// Removes authorizations of money in another currency: the mount would show their amounts as dollars.
fn hide_other_currencies(reply: &mut ResponseDraft, _: &RequestView) {
    match &mut reply.node {
        Value::Array(nodes) => nodes.retain(|node| is_in_dollars(&node["remaining"])),
        node if is_in_dollars(&node["remaining"]) => {}
        node => *node = Value::Null,
    }
}

fn reply_with_authorization(reply: &mut ResponseDraft, _: &RequestView) {
    if reply.node["created"] != true {
        reply.status = 200;
        reply.location = None;
    }
    reply.node = reply.node["authorization"].take();
}
