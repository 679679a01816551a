//! The wallet service: balances, deposits and withdrawals.

use contract::ErrorCode;
use serde_json::{Value, json};

use super::common::{AMOUNT, BAD_FILTER, MONEY, filter_param, for_each_object, is_in_dollars};
use super::user::{USER_MODEL, ada, user};
use crate::rest::field::{Field, FieldType, ID, ObjectModel, REFERENCE};
use crate::rest::reshape::{RequestView, ResponseDraft};
use crate::rest::route::{
    AccessRule, AlternativeOperation, BAD_MEMBER, ErrorRow, Param, RequestBody, ResponseSource, Route, Service, Verb,
    not_found_row, path_id,
};

/// Balances, deposits and withdrawals.
pub const SERVICE: Service = Service {
    name: "wallet",
    about: "Balances, deposits and withdrawals.",
    prefixes: &[""],
    routes: &[BALANCE, SET_BALANCE, TRANSACTIONS, TRANSACTION, TRANSACT],
};

/// A deposit of the sample data.
macro_rules! deposit {
    () => {
        r#"{"id":1,"userId":1,"type":"deposit","amount":8000,"date":"2025-11-03T03:04:05+00:00"}"#
    };
}

const BALANCE: Route = Route {
    path: "/balance",
    name: "getBalance",
    summary: "The caller's balances and personal data",
    operation: concat!("{ me { ", user!(), " wallet { balance committed held } } }"),
    source: ResponseSource::One("/me"),
    response: FieldType::Object(&BALANCE_MODEL),
    example: concat!(
        r#"{"userId":1,"balance":10000,"committedBalance":1878.92,"heldBalance":79.15,"user":"#,
        ada!(),
        "}"
    ),
    access: AccessRule::Person,
    reshape: Some(default_to_empty_wallet),
    ..Route::BASE
};

const SET_BALANCE: Route = Route {
    verb: Verb::Put,
    path: "/balance",
    name: "setBalance",
    summary: "Sets a person's balances; only for services",
    operation: "mutation ($userId: ID!, $balance: Money!, $committed: Money) {
        setBalance(userId: $userId, balance: $balance, committed: $committed) { balance committed owner { id } }
    }",
    source: ResponseSource::One("/setBalance"),
    body: Some(RequestBody::json(&NEW_BALANCE)),
    response: FieldType::Object(&BALANCE_SET),
    example: r#"{"userId":3,"balance":120.5,"committedBalance":0}"#,
    errors: &[
        ErrorRow::new(
            ErrorCode::InvalidInput,
            "",
            "A member is missing or wrong, or `committedBalance` is below the amount lent to brokers.",
        ),
        not_found_row("user not found", "There is no such person."),
        ErrorRow::new(ErrorCode::Conflict, "", "The wallet cannot hold the resulting balance."),
    ],
    access: AccessRule::Service,
    ..Route::BASE
};

const TRANSACTIONS: Route = Route {
    path: "/transactions",
    name: "listTransactions",
    summary: "The caller's deposits and withdrawals, newest first",
    operation: "query ($types: [TransactionType!] = [DEPOSIT, WITHDRAWAL], $first: Int, $after: String) {
        me { wallet { transactions(types: $types, first: $first, after: $after) {
            nodes { id userId type amount at } pageInfo { hasNextPage endCursor }
        } } }
    }",
    source: ResponseSource::All("/me/wallet/transactions"),
    params: &[filter_param(Field::new("type", TYPE).pointer("/types"), "deposit")],
    response: FieldType::List(&FieldType::Object(&TRANSACTION_MODEL)),
    example: concat!("[", deposit!(), "]"),
    errors: &[BAD_FILTER],
    access: AccessRule::Person,
    reshape: Some(remove_sign),
    ..Route::BASE
};

const TRANSACTION: Route = Route {
    path: "/transactions/{transactionId}",
    name: "getTransaction",
    summary: "One of the caller's deposits or withdrawals",
    operation: "query ($transactionId: ID!) { transaction(id: $transactionId) { id userId type amount at } }",
    source: ResponseSource::One("/transaction"),
    params: &[TRANSACTION_ID],
    response: FieldType::Object(&TRANSACTION_MODEL),
    example: deposit!(),
    errors: &[not_found_row(
        "transaction not found",
        "The caller has no such deposit or withdrawal in US dollars.",
    )],
    access: AccessRule::Bearer,
    reshape: Some(hide_other_transactions),
    ..Route::BASE
};

const TRANSACT: Route = Route {
    verb: Verb::Post,
    path: "/transactions",
    name: "createTransaction",
    summary: "Deposits or withdraws money",
    operation: "mutation ($amount: Money!, $idempotencyKey: String) {
        moved: deposit(amount: $amount, idempotencyKey: $idempotencyKey) { id userId type amount at }
    }",
    alternative_operation: Some(AlternativeOperation {
        discriminator: &NEW_TYPE,
        value: "WITHDRAWAL",
        operation: "mutation ($amount: Money!, $idempotencyKey: String) {
            moved: withdraw(amount: $amount, idempotencyKey: $idempotencyKey) { id userId type amount at }
        }",
    }),
    source: ResponseSource::One("/moved"),
    status: 201,
    location: Some("/transactions/{id}"),
    body: Some(RequestBody::json(&NEW_TRANSACTION)),
    response: FieldType::Object(&TRANSACTION_MODEL),
    example: r#"{"id":46,"userId":1,"type":"withdraw","amount":40.5,"date":"2026-01-02T03:04:05+00:00"}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new(ErrorCode::InsufficientFunds, "", "The amount exceeds the free balance."),
        ErrorRow::new(ErrorCode::Conflict, "", "The wallet cannot hold the resulting balance."),
    ],
    access: AccessRule::Person,
    reshape: Some(remove_sign),
    ..Route::BASE
};

const TYPE: FieldType = FieldType::Enum(&[("deposit", "DEPOSIT"), ("withdraw", "WITHDRAWAL")]);
const TRANSACTION_ID: Param = path_id("transactionId", "1");

static BALANCE_MODEL: ObjectModel = ObjectModel {
    name: "Balance",
    about: "A person's balances, in US dollars. None of the three amounts contains another.",
    fields: &[
        Field::new("userId", ID).pointer("/id"),
        Field::new("balance", MONEY)
            .pointer("/wallet/balance")
            .about("The free balance."),
        Field::new("committedBalance", MONEY)
            .pointer("/wallet/committed")
            .about("The amount set aside for brokers or lent to them."),
        Field::new("heldBalance", MONEY)
            .pointer("/wallet/held")
            .about("The amount reserved for automated orders."),
        Field::new("user", FieldType::Object(&USER_MODEL)).pointer(""),
    ],
    example: "",
};

static NEW_BALANCE: ObjectModel = ObjectModel {
    name: "NewBalance",
    about: "A person's new balances, in US dollars.",
    fields: &[
        Field::new("userId", REFERENCE),
        Field::new("balance", MONEY),
        Field::new("committedBalance", MONEY)
            .pointer("/committed")
            .nullable()
            .about("At least the amount lent to brokers. If omitted, the value does not change."),
    ],
    example: r#"{"userId":3,"balance":120.5}"#,
};

static BALANCE_SET: ObjectModel = ObjectModel {
    name: "BalanceSet",
    about: "A person's balances after the change, in US dollars.",
    fields: &[
        Field::new("userId", ID).pointer("/owner/id"),
        Field::new("balance", MONEY),
        Field::new("committedBalance", MONEY).pointer("/committed"),
    ],
    example: "",
};

static TRANSACTION_MODEL: ObjectModel = ObjectModel {
    name: "Transaction",
    about: "A deposit or a withdrawal.",
    fields: &[
        Field::new("id", ID),
        Field::new("userId", ID),
        Field::new("type", TYPE),
        Field::new("amount", AMOUNT).about("The amount in US dollars."),
        Field::new("date", FieldType::DateTime).pointer("/at"),
    ],
    example: "",
};

const NEW_TYPE: Field = Field::new("type", TYPE);

static NEW_TRANSACTION: ObjectModel = ObjectModel {
    name: "NewTransaction",
    about: "A deposit into, or a withdrawal from, the caller's wallet.",
    fields: &[
        NEW_TYPE,
        Field::new("amount", AMOUNT).about("The amount in US dollars."),
    ],
    example: r#"{"type":"withdraw","amount":40.5}"#,
};

/// Shows an empty wallet for a person without a wallet.
fn default_to_empty_wallet(reply: &mut ResponseDraft, _: &RequestView) {
    if reply.node["wallet"].is_null() {
        let none = json!({ "amount": "0", "currency": "USD" });
        reply.node["wallet"] = json!({ "balance": none, "committed": none, "held": none });
    }
}

/// Removes the sign of the graph's amounts: here, `type` tells deposits and withdrawals apart.
fn remove_sign(reply: &mut ResponseDraft, _: &RequestView) {
    for_each_object(reply, |node| {
        if let Some(amount) = node["amount"]["amount"]
            .as_str()
            .and_then(|text| text.strip_prefix('-'))
        {
            node["amount"]["amount"] = amount.to_owned().into();
        }
    });
}

/// Hides all transactions but deposits and withdrawals, and those of wallets in other currencies than the dollar.
fn hide_other_transactions(reply: &mut ResponseDraft, request_view: &RequestView) {
    let shown = ["DEPOSIT", "WITHDRAWAL"].iter().any(|kind| reply.node["type"] == *kind);
    if shown && is_in_dollars(&reply.node["amount"]) {
        remove_sign(reply, request_view)
    } else {
        reply.node = Value::Null
    }
}
