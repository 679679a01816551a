//! The bazaar's REST routes (docs/rest-contract/bazaar.md).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use contract::ErrorCode;
use order_log::ReplicaId;
use serde_json::{Value, json};

use crate::rest::error::{Envelope, RestError, outcome_schema};
use crate::rest::field::{Field, FieldType, ObjectModel, QUANTITY, ValueBounds, acknowledgement};
use crate::rest::reply::{RequestView, ResponseDraft};
use crate::rest::route::{
    AccessRule, ErrorRow, InvalidParam, Mount, Param, ParamLocation, RequestBody, ResponseSource, Route, Service, Verb,
};

/// The bazaar: a front end, a catalog and an order service.
pub const MOUNT: Mount = Mount {
    name: "bazaar",
    prefix: "/bazaar",
    title: "Bazaar",
    about: "Stocks to look up and to trade, and trades to look up: a front end, with the catalog and the order service behind it.",
    envelope: Envelope {
        body: error_body,
        schema: error_schema,
    },
    services: &[
        Service {
            name: "front",
            about: "The front end for traders: stocks and trades.",
            prefixes: &[""],
            routes: &[STOCK, TRADE, ORDER, INVALIDATE],
        },
        Service {
            name: "catalog",
            about: "The stocks, and how many shares of each are left.",
            prefixes: &["/catalog"],
            routes: &[LOOKUP, UPDATE],
        },
        // Where the order service has replicas, each of them is a service instead: [`replica`].
        Service {
            name: ORDER_SERVICE,
            about: "The numbered trades: the order service's replica 1.",
            prefixes: &["/order/1"],
            routes: &[BUY, SELL, REPLICA_ORDER, PUSH, SYNC, PING, LEADER],
        },
    ],
    extra_openapi_paths: &[],
};

/// The order service; with a dot and a number after it, one of its replicas.
const ORDER_SERVICE: &str = "order";

/// Returns the services of the bazaar when the order service has these replicas.
pub(in crate::rest) fn services(replicas: impl Iterator<Item = ReplicaId>) -> Vec<&'static Service> {
    let others = MOUNT.services.iter().filter(|service| service.name != ORDER_SERVICE);
    others.chain(replicas.map(replica)).collect()
}

/// Returns the replica that a service stands for, if it is a replica of the order service.
pub(in crate::rest) fn replica_of(service: &Service) -> Option<ReplicaId> {
    let id = service.name.strip_prefix(ORDER_SERVICE)?.strip_prefix('.')?;
    id.parse().ok()
}

/// Returns the service of one replica, which handles its requests itself.
fn replica(id: ReplicaId) -> &'static Service {
    // Tables live as long as the process, and so do these: one for each replica id that was ever used.
    static KNOWN: Mutex<BTreeMap<ReplicaId, &'static Service>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(id).or_insert_with(|| {
        let text = |text: String| -> &'static str { text.leak() };
        let ping = Route {
            example: text(json!({ "success": { "code": 200, "message": "pong", "server-id": id } }).to_string()),
            ..PING
        };
        Box::leak(Box::new(Service {
            name: text(format!("{ORDER_SERVICE}.{id}")),
            about: text(format!("The numbered trades: the order service's replica {id}.")),
            prefixes: vec![text(format!("/order/{id}"))].leak(),
            routes: vec![BUY, SELL, REPLICA_ORDER, PUSH, SYNC, ping, LEADER].leak(),
        }))
    })
}

const STOCK: Route = Route {
    path: "/stocks/{stockName}",
    name: "stock",
    summary: "One stock",
    operation: "query ($stockName: String!) { stock(name: $stockName) { name price quantity } }",
    source: ResponseSource::One("/stock"),
    params: &[STOCK_NAME],
    response: FieldType::Object(&STOCK_SHOWN),
    example: r#"{"data":{"name":"GameStart","price":15.99,"quantity":100}}"#,
    errors: &[NO_STOCK],
    ..Route::BASE
};

const TRADE: Route = Route {
    verb: Verb::Post,
    path: "/orders",
    name: "trade",
    summary: "Buys shares from the bazaar, or sells shares to it",
    operation: "mutation ($stock: String!, $side: Side!, $quantity: Int!, $trader: ID, $idempotencyKey: String) {
        trade(stock: $stock, side: $side, quantity: $quantity, trader: $trader, idempotencyKey: $idempotencyKey) { number }
    }",
    source: ResponseSource::One("/trade"),
    body: Some(RequestBody::json_or_form(&ENTRY)),
    response: FieldType::Object(&TRADED_SHOWN),
    example: r#"{"data":{"order_number":6,"transaction-number":6,"transaction_number":6}}"#,
    errors: &[
        BAD_TRADE,
        ErrorRow::new(
            ErrorCode::NotFound,
            "requested stock could not be traded because it could not be found",
            "There is no such stock.",
        ),
        TOO_FEW,
        TOO_MANY,
        NO_REPLICA,
    ],
    access: AccessRule::OnBehalf,
    ..Route::BASE
};

const ORDER: Route = Route {
    path: "/orders/{orderNum}",
    name: "order",
    summary: "One trade, by its number",
    operation: "query ($orderNum: Int!) { exchangeOrder(number: $orderNum) { number stock { name } quantity side } }",
    source: ResponseSource::One("/exchangeOrder"),
    params: &[ORDER_NUMBER],
    response: FieldType::Object(&ORDER_SHOWN),
    example: r#"{"data":{"number":0,"name":"GameStart","quantity":40,"type":"buy"}}"#,
    errors: &[NO_ORDER, NO_REPLICA],
    ..Route::BASE
};

const INVALIDATE: Route = Route {
    verb: Verb::Post,
    path: "/invalidate/{stockName}",
    name: "invalidate",
    summary: "Removes a stock from the cache; succeeds even if the stock is not cached",
    operation: "mutation ($stockName: String!) { invalidateStock(stock: $stockName) }",
    source: ResponseSource::One("/invalidateStock"),
    params: &[STOCK_NAME],
    response: FieldType::Object(&INVALIDATED),
    example: r#"{"success":{"code":200,"message":"successfully removed stock"}}"#,
    errors: &[NO_STOCK],
    access: AccessRule::Internal,
    ..Route::BASE
};

const LOOKUP: Route = Route {
    path: "/lookup/{stockName}",
    name: "lookup",
    response: FieldType::Object(&STOCK_MODEL),
    example: r#"{"name":"GameStart","price":15.99,"quantity":100}"#,
    access: AccessRule::Internal,
    ..STOCK
};

const UPDATE: Route = Route {
    verb: Verb::Post,
    path: "/update",
    name: "update",
    summary: "Takes shares out of the catalog (buy) or puts shares in (sell), without an order",
    operation: "mutation ($stock: String!, $side: Side!, $quantity: Int!, $idempotencyKey: String) {
        adjustStock(stock: $stock, side: $side, quantity: $quantity, idempotencyKey: $idempotencyKey) { id }
    }",
    source: ResponseSource::One("/adjustStock"),
    body: Some(RequestBody::json(&ENTRY)),
    response: FieldType::Object(&UPDATED),
    example: r#"{"success":{"code":200,"message":"successfully updated stock"}}"#,
    errors: &[
        BAD_TRADE,
        NO_STOCK,
        ErrorRow::new(
            ErrorCode::InsufficientStock,
            "failed to update stock",
            "Too few shares are left.",
        ),
        ErrorRow::new(
            ErrorCode::Conflict,
            "failed to update stock",
            "The stock would have more shares than can be counted.",
        ),
    ],
    access: AccessRule::Internal,
    ..Route::BASE
};

const BUY: Route = Route {
    verb: Verb::Post,
    path: "/buy",
    name: "buy",
    summary: "Buys shares from the bazaar",
    operation: "mutation ($stock: String!, $quantity: Int!, $idempotencyKey: String) {
        trade(stock: $stock, side: BUY, quantity: $quantity, idempotencyKey: $idempotencyKey) { number }
    }",
    body: Some(RequestBody::json(&SHARES)),
    response: FieldType::Object(&TRADED),
    example: r#"{"order_number":6,"transaction-number":6,"transaction_number":6}"#,
    errors: &[BAD_TRADE, NO_STOCK, TOO_FEW, NO_REPLICA],
    access: AccessRule::Internal,
    ..TRADE
};

const SELL: Route = Route {
    path: "/sell",
    name: "sell",
    summary: "Sells shares to the bazaar",
    operation: "mutation ($stock: String!, $quantity: Int!, $idempotencyKey: String) {
        trade(stock: $stock, side: SELL, quantity: $quantity, idempotencyKey: $idempotencyKey) { number }
    }",
    errors: &[BAD_TRADE, NO_STOCK, TOO_MANY, NO_REPLICA],
    ..BUY
};

const REPLICA_ORDER: Route = Route {
    // The path in the running systems.
    aliases: &["/lookup-order/{orderNum}"],
    response: FieldType::Object(&ORDER_MODEL),
    example: r#"{"number":0,"name":"GameStart","quantity":40,"type":"buy"}"#,
    access: AccessRule::Internal,
    ..ORDER
};

const PUSH: Route = Route {
    verb: Verb::Post,
    path: "/push",
    name: "push",
    summary: "Acknowledges a trade that is already recorded with the same content; records nothing",
    operation: "mutation ($number: Int!, $stock: String!, $side: Side!, $quantity: Int!) {
        acknowledgeOrder(number: $number, stock: $stock, side: $side, quantity: $quantity)
    }",
    source: ResponseSource::One("/acknowledgeOrder"),
    body: Some(RequestBody::json(&PUSHED)),
    response: FieldType::Object(&PUSH_ACKNOWLEDGED),
    example: r#"{"success":{"code":200,"message":"pushed entry to database"}}"#,
    errors: &[
        BAD_TRADE,
        ErrorRow::new(
            ErrorCode::Conflict,
            "",
            "No trade has this number yet, or the trade with this number has other content.",
        ),
        NO_REPLICA,
    ],
    access: AccessRule::Internal,
    ..Route::BASE
};

const SYNC: Route = Route {
    verb: Verb::Post,
    path: "/sync",
    name: "sync",
    summary: "The trades after a number, lowest number first, up to the limit of one response, and the leader's id",
    operation: "query ($afterNumber: Int!, $first: Int, $after: String) {
        exchangeOrders(afterNumber: $afterNumber, first: $first, after: $after) {
            nodes { number stock { name } quantity side }
            pageInfo { hasNextPage endCursor }
        }
        orderReplicas { id leader }
    }",
    source: ResponseSource::AllInPlace("/exchangeOrders"),
    body: Some(RequestBody::json(&KNOWN)),
    response: FieldType::Object(&MISSED),
    example: r#"{"leader-id":1,"transactions":{"5":{"name":"DivineComics","quantity":12,"type":"buy"}}}"#,
    errors: &[BAD_MEMBER, NO_REPLICA],
    access: AccessRule::Internal,
    reshape: Some(add_leader_id),
    ..Route::BASE
};

const PING: Route = Route {
    path: "/ping",
    name: "ping",
    summary: "Reports that the replica responds, and its id",
    operation: "{ orderReplicas { id } }",
    source: ResponseSource::One("/orderReplicas/0"),
    response: FieldType::Object(&PONG),
    example: r#"{"success":{"code":200,"message":"pong","server-id":1}}"#,
    errors: &[NO_REPLICA],
    access: AccessRule::Internal,
    ..Route::BASE
};

const LEADER: Route = Route {
    verb: Verb::Post,
    path: "/leader-broadcast",
    name: "leader",
    summary: "Asks for a certain replica to become the leader",
    operation: "mutation ($replicaId: ID!) { proposeLeader(replicaId: $replicaId) { id } }",
    source: ResponseSource::One("/proposeLeader"),
    body: Some(RequestBody::json(&LEADER_CHOSEN)),
    response: FieldType::Object(&LEADER_ACKNOWLEDGED),
    example: r#"{"success":{"code":200,"message":"acknowledge new leader","leader-id":1}}"#,
    errors: &[
        ErrorRow::new(
            ErrorCode::InvalidInput,
            "",
            "There is no such replica, or a member is wrong.",
        ),
        NO_REPLICA,
    ],
    access: AccessRule::Internal,
    ..Route::BASE
};

const STOCK_NAME: Param = Param {
    location: ParamLocation::Path,
    field: Field::new("stockName", FieldType::Text).about("The stock's name, case-sensitive."),
    on_invalid: InvalidParam::NotFound,
    example: "GameStart",
};

const ORDER_NUMBER: Param = Param {
    location: ParamLocation::Path,
    field: Field::new("orderNum", NUMBER),
    on_invalid: InvalidParam::NotFound,
    example: "0",
};

const NO_STOCK: ErrorRow = ErrorRow::new(ErrorCode::NotFound, "stock not found", "There is no such stock.");
const NO_ORDER: ErrorRow = ErrorRow::new(
    ErrorCode::NotFound,
    "could not find order with number {orderNum}",
    "No trade has this number.",
);
const NO_REPLICA: ErrorRow = ErrorRow::new(
    ErrorCode::Unavailable,
    "order service unavailable",
    "No replica of the order service answers.",
);
const BAD_TRADE: ErrorRow = ErrorRow::new(ErrorCode::InvalidInput, "", "A member is missing or wrong.");
const BAD_MEMBER: ErrorRow = BAD_TRADE;
const TOO_FEW: ErrorRow = ErrorRow::new(
    ErrorCode::InsufficientStock,
    NOT_TRADED_MESSAGE,
    "Too few shares are left to buy.",
);
const TOO_MANY: ErrorRow = ErrorRow::new(
    ErrorCode::Conflict,
    NOT_TRADED_MESSAGE,
    "The stock would have more shares than can be counted.",
);
const NOT_TRADED_MESSAGE: &str = "could not trade stock";

const ALL_NUMBERS: i64 = i32::MAX as i64;
const NUMBER: FieldType = FieldType::Integer {
    min: 0,
    max: ALL_NUMBERS,
};
const SHARES_LEFT: FieldType = FieldType::Quantity {
    min: 0,
    max: i32::MAX as i64,
};
const SIDE: FieldType = FieldType::Enum(&[("buy", "BUY"), ("sell", "SELL")]);

static STOCK_MODEL: ObjectModel = ObjectModel {
    name: "Stock",
    about: "A stock, and how many shares of it are left to buy.",
    fields: &[
        Field::new("name", FieldType::Text),
        Field::new("price", FieldType::Money { min_minor: 0 }).about("The price of one share, in US dollars."),
        Field::new("quantity", SHARES_LEFT),
    ],
    example: "",
};

static STOCK_SHOWN: ObjectModel = ObjectModel {
    name: "StockShown",
    about: "A stock.",
    fields: &[Field::new("data", FieldType::Object(&STOCK_MODEL)).pointer("")],
    example: "",
};

static ENTRY: ObjectModel = ObjectModel {
    name: "Trade",
    about: "The stock, the number of shares and the side of a trade.",
    fields: &[STOCK_TRADED, SHARES_TRADED, Field::new("type", SIDE).pointer("/side")],
    example: r#"{"name":"GameStart","quantity":1,"type":"buy"}"#,
};

static SHARES: ObjectModel = ObjectModel {
    name: "Shares",
    about: "Shares of a stock.",
    fields: &[STOCK_TRADED, SHARES_TRADED],
    example: r#"{"name":"GameStart","quantity":1}"#,
};

const STOCK_TRADED: Field = Field::new("name", FieldType::Text).pointer("/stock").bounds(NOT_BLANK);
/// The length has no limit: a name that is too long matches no stock.
const NOT_BLANK: ValueBounds = ValueBounds::Chars {
    min: 1,
    max: u32::MAX,
    pattern: r"\S",
};
const SHARES_TRADED: Field = Field::new("quantity", QUANTITY);

static TRADED: ObjectModel = ObjectModel {
    name: "Traded",
    about: "The number that the trade got. Numbers rise by one from trade to trade, and none is left out.",
    fields: &[
        Field::new("order_number", NUMBER).pointer("/number"),
        Field::new("transaction-number", NUMBER)
            .pointer("/number")
            .about("The same as `order_number`."),
        Field::new("transaction_number", NUMBER)
            .pointer("/number")
            .about("The same as `order_number`."),
    ],
    example: "",
};

static TRADED_SHOWN: ObjectModel = ObjectModel {
    name: "TradedShown",
    about: "The number that the trade got.",
    fields: &[Field::new("data", FieldType::Object(&TRADED)).pointer("")],
    example: "",
};

static ORDER_MODEL: ObjectModel = ObjectModel {
    name: "Order",
    about: "A trade.",
    fields: &[
        Field::new("number", NUMBER),
        Field::new("name", FieldType::Text).pointer("/stock/name"),
        Field::new("quantity", QUANTITY),
        Field::new("type", SIDE).pointer("/side"),
    ],
    example: "",
};

static ORDER_SHOWN: ObjectModel = ObjectModel {
    name: "OrderShown",
    about: "A trade.",
    fields: &[Field::new("data", FieldType::Object(&ORDER_MODEL)).pointer("")],
    example: "",
};

static PUSHED: ObjectModel = ObjectModel {
    name: "Push",
    about: "A trade that the leader recorded.",
    fields: &[
        Field::new("nextID", NUMBER)
            .pointer("/number")
            .about("The trade's own number."),
        Field::new("entry", FieldType::Object(&ENTRY)).pointer(""),
    ],
    example: r#"{"nextID":0,"entry":{"name":"GameStart","quantity":40,"type":"buy"}}"#,
};

static KNOWN: ObjectModel = ObjectModel {
    name: "Sync",
    about: "The number of the last trade that the caller has.",
    fields: &[Field::new(
        "lastID",
        FieldType::Integer {
            min: -1,
            max: ALL_NUMBERS,
        },
    )
    .pointer("/afterNumber")
    .about("The number of the last trade that the caller has; -1 for none.")],
    example: r#"{"lastID":4}"#,
};

static MISSED: ObjectModel = ObjectModel {
    name: "Missed",
    about: "The leader, and the trades that follow the caller's last one, without a gap.",
    fields: &[
        Field::new("leader-id", FieldType::Id { min: -1 }).about("The id of the replica that leads; -1 while it is unknown."),
        Field::new(
            "transactions",
            FieldType::KeyedList {
                key_pointer: "/number",
                item_type: &FieldType::Object(&MISSED_ORDER),
            },
        )
        .pointer("/exchangeOrders")
        .about(
            "The trades, each under its number. One response has at most as many as the description of `after` says: repeat the \
             request with the last number received until no trade comes.",
        ),
    ],
    example: "",
};

static MISSED_ORDER: ObjectModel = ObjectModel {
    name: "MissedOrder",
    about: "A trade.",
    fields: &[
        Field::new("name", FieldType::Text).pointer("/stock/name"),
        Field::new("quantity", QUANTITY),
        Field::new("type", SIDE).pointer("/side"),
    ],
    example: "",
};

static LEADER_CHOSEN: ObjectModel = ObjectModel {
    name: "Leader",
    about: "The replica that the caller asks to lead.",
    fields: &[Field::new("leader-id", FieldType::Id { min: 1 })
        .pointer("/replicaId")
        .about("The id of a replica.")],
    example: r#"{"leader-id":1}"#,
};

static PONG: ObjectModel = ObjectModel {
    name: "Pong",
    about: "The response of a replica.",
    fields: &[Field::new("success", FieldType::Object(&PONG_SUCCESS)).pointer("")],
    example: "",
};

static PONG_SUCCESS: ObjectModel = ObjectModel {
    name: "PongSaid",
    about: "The acknowledgement, with the replica's id.",
    fields: &[
        OK,
        Field::new("message", FieldType::Const(r#""pong""#)),
        Field::new("server-id", FieldType::Id { min: 1 }).pointer("/id"),
    ],
    example: "",
};

static INVALIDATED: ObjectModel = acknowledgement("Invalidated", &[success(&INVALIDATED_SUCCESS)]);
static INVALIDATED_SUCCESS: ObjectModel = acknowledgement(
    "InvalidatedSaid",
    &[OK, message_member(r#""successfully removed stock""#)],
);
static UPDATED: ObjectModel = acknowledgement("Updated", &[success(&UPDATED_SUCCESS)]);
static UPDATED_SUCCESS: ObjectModel =
    acknowledgement("UpdatedSaid", &[OK, message_member(r#""successfully updated stock""#)]);
static PUSH_ACKNOWLEDGED: ObjectModel = acknowledgement("PushAcknowledged", &[success(&PUSH_SUCCESS)]);
static PUSH_SUCCESS: ObjectModel = acknowledgement("PushSaid", &[OK, message_member(r#""pushed entry to database""#)]);
static LEADER_ACKNOWLEDGED: ObjectModel = acknowledgement("LeaderAcknowledged", &[success(&LEADER_SUCCESS)]);
static LEADER_SUCCESS: ObjectModel = acknowledgement(
    "LeaderSaid",
    &[
        OK,
        message_member(r#""acknowledge new leader""#),
        Field::new("leader-id", FieldType::Id { min: 1 })
            .pointer("/id")
            .about("The id of the replica that leads: a majority elects it, so it may differ from the request's."),
    ],
);

const OK: Field = Field::new("code", FieldType::Const("200"));

const fn success(members: &'static ObjectModel) -> Field {
    Field::new("success", FieldType::Object(members)).pointer("")
}

const fn message_member(message: &'static str) -> Field {
    Field::new("message", FieldType::Const(message))
}

/// Returns the error of a replica that does not respond.
pub(in crate::rest) fn replica_unavailable() -> RestError {
    RestError::new(NO_REPLICA.code, NO_REPLICA.message)
}

fn add_leader_id(reply: &mut ResponseDraft, _: &RequestView) {
    let mut replicas = reply.node["orderReplicas"].as_array().into_iter().flatten();
    let leader = replicas.find(|replica| replica["leader"] == true);
    reply.node["leader-id"] = leader.map_or_else(|| "-1".into(), |leader| leader["id"].clone());
}

fn error_body(error: &RestError) -> Value {
    error.add_outcome(json!({ "error": { "code": error.status().as_u16(), "message": error.message } }))
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": { "type": "integer", "description": "The HTTP status." },
                    "message": { "type": "string" },
                    "outcome": outcome_schema(),
                },
            },
        },
    })
}
