//! The wallet service: balances, deposits and withdrawals.

use serde_json::{Value, json};

use super::super::kind::{Field, ID, Kind, Model, REFERENCE};
use super::super::reply::{Call, Reply};
use super::super::route::{
    Access, Answer, BAD_MEMBER, Body, ErrorRow, OperationElse, Param, Route, Service, Verb, missing, path_id,
};
use super::user::{USER_MODEL, ada, user};
use super::{AMOUNT, BAD_FILTER, MONEY, each, filter, in_dollars};

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
    name: "balance",
    summary: "The caller's balances and personal data",
    operation: concat!("{ me { ", user!(), " wallet { balance committed held } } }"),
    answer: Answer::One("/me"),
    response: Kind::Object(&BALANCE_MODEL),
    example: concat!(
        r#"{"userId":1,"balance":10000,"committedBalance":1878.92,"heldBalance":79.15,"user":"#,
        ada!(),
        "}"
    ),
    access: Access::Person,
    reshape: Some(empty_without_wallet),
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
    answer: Answer::One("/setBalance"),
    body: Some(Body::json(&NEW_BALANCE)),
    response: Kind::Object(&BALANCE_SET),
    example: r#"{"userId":3,"balance":120.5,"committedBalance":0}"#,
    errors: &[
        ErrorRow::new(
            "INVALID_INPUT",
            "",
            "A member is missing or wrong, or `committedBalance` is below the amount lent to brokers.",
        ),
        missing("user not found", "There is no such person."),
        ErrorRow::new("CONFLICT", "", "The wallet cannot hold the resulting balance."),
    ],
    access: Access::Service,
    ..Route::BASE
};

const TRANSACTIONS: Route = Route {
    path: "/transactions",
    name: "transactions",
    summary: "The caller's deposits and withdrawals, newest first",
    operation: "query ($types: [TransactionType!] = [DEPOSIT, WITHDRAWAL], $first: Int, $after: String) {
        me { wallet { transactions(types: $types, first: $first, after: $after) {
            nodes { id userId type amount at } pageInfo { hasNextPage endCursor }
        } } }
    }",
    answer: Answer::All("/me/wallet/transactions"),
    params: &[filter(Field::new("type", TYPE).at("/types"), "deposit")],
    response: Kind::List(&Kind::Object(&TRANSACTION_MODEL)),
    example: concat!("[", deposit!(), "]"),
    errors: &[BAD_FILTER],
    access: Access::Person,
    reshape: Some(unsigned),
    ..Route::BASE
};

const TRANSACTION: Route = Route {
    path: "/transactions/{transactionId}",
    name: "transaction",
    summary: "One of the caller's deposits or withdrawals",
    operation: "query ($transactionId: ID!) { transaction(id: $transactionId) { id userId type amount at } }",
    answer: Answer::One("/transaction"),
    params: &[TRANSACTION_ID],
    response: Kind::Object(&TRANSACTION_MODEL),
    example: deposit!(),
    errors: &[missing(
        "transaction not found",
        "The caller has no such deposit or withdrawal in US dollars.",
    )],
    access: Access::Bearer,
    reshape: Some(deposit_or_withdrawal),
    ..Route::BASE
};

const TRANSACT: Route = Route {
    verb: Verb::Post,
    path: "/transactions",
    name: "transact",
    summary: "Deposits or withdraws money",
    operation: "mutation ($amount: Money!, $idempotencyKey: String) {
        moved: deposit(amount: $amount, idempotencyKey: $idempotencyKey) { id userId type amount at }
    }",
    operation_else: Some(OperationElse {
        by: &NEW_TYPE,
        is: "WITHDRAWAL",
        operation: "mutation ($amount: Money!, $idempotencyKey: String) {
            moved: withdraw(amount: $amount, idempotencyKey: $idempotencyKey) { id userId type amount at }
        }",
    }),
    answer: Answer::One("/moved"),
    status: 201,
    location: Some("/transactions/{id}"),
    body: Some(Body::json(&NEW_TRANSACTION)),
    response: Kind::Object(&TRANSACTION_MODEL),
    example: r#"{"id":46,"userId":1,"type":"withdraw","amount":40.5,"date":"2026-01-02T03:04:05+00:00"}"#,
    errors: &[
        BAD_MEMBER,
        ErrorRow::new("INSUFFICIENT_FUNDS", "", "The amount exceeds the free balance."),
        ErrorRow::new("CONFLICT", "", "The wallet cannot hold the resulting balance."),
    ],
    access: Access::Person,
    reshape: Some(unsigned),
    ..Route::BASE
};

const TYPE: Kind = Kind::Words(&[("deposit", "DEPOSIT"), ("withdraw", "WITHDRAWAL")]);
const TRANSACTION_ID: Param = path_id("transactionId", "1");

static BALANCE_MODEL: Model = Model {
    name: "Balance",
    about: "A person's balances, in US dollars. None of the three amounts contains another.",
    fields: &[
        Field::new("userId", ID).at("/id"),
        Field::new("balance", MONEY)
            .at("/wallet/balance")
            .about("The free balance."),
        Field::new("committedBalance", MONEY)
            .at("/wallet/committed")
            .about("The amount set aside for brokers or lent to them."),
        Field::new("heldBalance", MONEY)
            .at("/wallet/held")
            .about("The amount reserved for automated orders."),
        Field::new("user", Kind::Object(&USER_MODEL)).at(""),
    ],
    example: "",
};

static NEW_BALANCE: Model = Model {
    name: "NewBalance",
    about: "A person's new balances, in US dollars.",
    fields: &[
        Field::new("userId", REFERENCE),
        Field::new("balance", MONEY),
        Field::new("committedBalance", MONEY)
            .at("/committed")
            .nullable()
            .about("At least the amount lent to brokers. If omitted, the value does not change."),
    ],
    example: r#"{"userId":3,"balance":120.5}"#,
};

static BALANCE_SET: Model = Model {
    name: "BalanceSet",
    about: "A person's balances after the change, in US dollars.",
    fields: &[
        Field::new("userId", ID).at("/owner/id"),
        Field::new("balance", MONEY),
        Field::new("committedBalance", MONEY).at("/committed"),
    ],
    example: "",
};

static TRANSACTION_MODEL: Model = Model {
    name: "Transaction",
    about: "A deposit or a withdrawal.",
    fields: &[
        Field::new("id", ID),
        Field::new("userId", ID),
        Field::new("type", TYPE),
        Field::new("amount", AMOUNT).about("The amount in US dollars."),
        Field::new("date", Kind::DateTime).at("/at"),
    ],
    example: "",
};

const NEW_TYPE: Field = Field::new("type", TYPE);

static NEW_TRANSACTION: Model = Model {
    name: "NewTransaction",
    about: "A deposit into, or a withdrawal from, the caller's wallet.",
    fields: &[
        NEW_TYPE,
        Field::new("amount", AMOUNT).about("The amount in US dollars."),
    ],
    example: r#"{"type":"withdraw","amount":40.5}"#,
};

/// Shows an empty wallet for a person without a wallet.
fn empty_without_wallet(reply: &mut Reply, _: &Call) {
    if reply.node["wallet"].is_null() {
        let none = json!({ "amount": "0", "currency": "USD" });
        reply.node["wallet"] = json!({ "balance": none, "committed": none, "held": none });
    }
}

/// Removes the sign of the graph's amounts: here, `type` tells deposits and withdrawals apart.
fn unsigned(reply: &mut Reply, _: &Call) {
    each(reply, |node| {
        if let Some(amount) = node["amount"]["amount"]
            .as_str()
            .and_then(|text| text.strip_prefix('-'))
        {
            node["amount"]["amount"] = amount.to_owned().into();
        }
    });
}

/// Hides all transactions but deposits and withdrawals, and those of wallets in other currencies than the dollar.
fn deposit_or_withdrawal(reply: &mut Reply, call: &Call) {
    let shown = ["DEPOSIT", "WITHDRAWAL"].iter().any(|kind| reply.node["type"] == *kind);
    match shown && in_dollars(&reply.node["amount"]) {
        true => unsigned(reply, call),
        false => reply.node = Value::Null,
    }
}
