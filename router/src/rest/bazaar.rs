//! The bazaar's REST routes (docs/rest-contract/bazaar.md).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use order_log::ReplicaId;
use serde_json::{Value, json};

use super::failure::{Envelope, Failure, outcome_schema};
use super::kind::{Bounds, Field, Kind, Model, QUANTITY, acknowledged};
use super::reply::{Call, Reply};
use super::route::{Access, Answer, Body, ErrorRow, Invalid, Mount, Param, Place, Route, Service, Verb};

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
    openapi_also: &[],
};

/// The order service; with a dot and a number after it, one of its replicas.
const ORDER_SERVICE: &str = "order";

/// Returns the services of the bazaar when the order service has these replicas.
pub(super) fn services(replicas: impl Iterator<Item = ReplicaId>) -> Vec<&'static Service> {
    let others = MOUNT.services.iter().filter(|service| service.name != ORDER_SERVICE);
    others.chain(replicas.map(replica)).collect()
}

/// Returns the replica that a service stands for, if it is a replica of the order service.
pub(super) fn replica_of(service: &Service) -> Option<ReplicaId> {
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
    answer: Answer::One("/stock"),
    params: &[STOCK_NAME],
    response: Kind::Object(&STOCK_SHOWN),
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
    answer: Answer::One("/trade"),
    body: Some(Body::json_or_form(&ENTRY)),
    response: Kind::Object(&TRADED_SHOWN),
    example: r#"{"data":{"order_number":6,"transaction-number":6,"transaction_number":6}}"#,
    errors: &[
        BAD_TRADE,
        ErrorRow::new(
            "NOT_FOUND",
            "requested stock could not be traded because it could not be found",
            "There is no such stock.",
        ),
        TOO_FEW,
        TOO_MANY,
        NO_REPLICA,
    ],
    access: Access::OnBehalf,
    ..Route::BASE
};

const ORDER: Route = Route {
    path: "/orders/{orderNum}",
    name: "order",
    summary: "One trade, by its number",
    operation: "query ($orderNum: Int!) { exchangeOrder(number: $orderNum) { number stock { name } quantity side } }",
    answer: Answer::One("/exchangeOrder"),
    params: &[ORDER_NUMBER],
    response: Kind::Object(&ORDER_SHOWN),
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
    answer: Answer::One("/invalidateStock"),
    params: &[STOCK_NAME],
    response: Kind::Object(&INVALIDATED),
    example: r#"{"success":{"code":200,"message":"successfully removed stock"}}"#,
    errors: &[NO_STOCK],
    access: Access::Internal,
    ..Route::BASE
};

const LOOKUP: Route = Route {
    path: "/lookup/{stockName}",
    name: "lookup",
    response: Kind::Object(&STOCK_MODEL),
    example: r#"{"name":"GameStart","price":15.99,"quantity":100}"#,
    access: Access::Internal,
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
    answer: Answer::One("/adjustStock"),
    body: Some(Body::json(&ENTRY)),
    response: Kind::Object(&UPDATED),
    example: r#"{"success":{"code":200,"message":"successfully updated stock"}}"#,
    errors: &[
        BAD_TRADE,
        NO_STOCK,
        ErrorRow::new(
            "INSUFFICIENT_STOCK",
            "failed to update stock",
            "Too few shares are left.",
        ),
        ErrorRow::new(
            "CONFLICT",
            "failed to update stock",
            "The stock would have more shares than can be counted.",
        ),
    ],
    access: Access::Internal,
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
    body: Some(Body::json(&SHARES)),
    response: Kind::Object(&TRADED),
    example: r#"{"order_number":6,"transaction-number":6,"transaction_number":6}"#,
    errors: &[BAD_TRADE, NO_STOCK, TOO_FEW, NO_REPLICA],
    access: Access::Internal,
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
    response: Kind::Object(&ORDER_MODEL),
    example: r#"{"number":0,"name":"GameStart","quantity":40,"type":"buy"}"#,
    access: Access::Internal,
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
    answer: Answer::One("/acknowledgeOrder"),
    body: Some(Body::json(&PUSHED)),
    response: Kind::Object(&PUSH_ACKNOWLEDGED),
    example: r#"{"success":{"code":200,"message":"pushed entry to database"}}"#,
    errors: &[
        BAD_TRADE,
        ErrorRow::new(
            "CONFLICT",
            "",
            "No trade has this number yet, or the trade with this number has other content.",
        ),
        NO_REPLICA,
    ],
    access: Access::Internal,
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
    answer: Answer::AllAnd("/exchangeOrders"),
    body: Some(Body::json(&KNOWN)),
    response: Kind::Object(&MISSED),
    example: r#"{"leader-id":1,"transactions":{"5":{"name":"DivineComics","quantity":12,"type":"buy"}}}"#,
    errors: &[BAD_MEMBER, NO_REPLICA],
    access: Access::Internal,
    reshape: Some(with_leader),
    ..Route::BASE
};

const PING: Route = Route {
    path: "/ping",
    name: "ping",
    summary: "Reports that the replica responds, and its id",
    operation: "{ orderReplicas { id } }",
    answer: Answer::One("/orderReplicas/0"),
    response: Kind::Object(&PONG),
    example: r#"{"success":{"code":200,"message":"pong","server-id":1}}"#,
    errors: &[NO_REPLICA],
    access: Access::Internal,
    ..Route::BASE
};

const LEADER: Route = Route {
    verb: Verb::Post,
    path: "/leader-broadcast",
    name: "leader",
    summary: "Asks for a certain replica to become the leader",
    operation: "mutation ($replicaId: ID!) { proposeLeader(replicaId: $replicaId) { id } }",
    answer: Answer::One("/proposeLeader"),
    body: Some(Body::json(&LEADER_CHOSEN)),
    response: Kind::Object(&LEADER_ACKNOWLEDGED),
    example: r#"{"success":{"code":200,"message":"acknowledge new leader","leader-id":1}}"#,
    errors: &[
        ErrorRow::new("INVALID_INPUT", "", "There is no such replica, or a member is wrong."),
        NO_REPLICA,
    ],
    access: Access::Internal,
    ..Route::BASE
};

const STOCK_NAME: Param = Param {
    place: Place::Path,
    field: Field::new("stockName", Kind::Text).about("The stock's name, case-sensitive."),
    invalid: Invalid::NotFound,
    example: "GameStart",
};

const ORDER_NUMBER: Param = Param {
    place: Place::Path,
    field: Field::new("orderNum", NUMBER),
    invalid: Invalid::NotFound,
    example: "0",
};

const NO_STOCK: ErrorRow = ErrorRow::new("NOT_FOUND", "stock not found", "There is no such stock.");
const NO_ORDER: ErrorRow = ErrorRow::new(
    "NOT_FOUND",
    "could not find order with number {orderNum}",
    "No trade has this number.",
);
const NO_REPLICA: ErrorRow = ErrorRow::new(
    "UNAVAILABLE",
    "order service unavailable",
    "No replica of the order service answers.",
);
const BAD_TRADE: ErrorRow = ErrorRow::new("INVALID_INPUT", "", "A member is missing or wrong.");
const BAD_MEMBER: ErrorRow = BAD_TRADE;
const TOO_FEW: ErrorRow = ErrorRow::new("INSUFFICIENT_STOCK", COULD_NOT_TRADE, "Too few shares are left to buy.");
const TOO_MANY: ErrorRow = ErrorRow::new(
    "CONFLICT",
    COULD_NOT_TRADE,
    "The stock would have more shares than can be counted.",
);
const COULD_NOT_TRADE: &str = "could not trade stock";

const ALL_NUMBERS: i64 = i32::MAX as i64;
const NUMBER: Kind = Kind::Integer {
    min: 0,
    max: ALL_NUMBERS,
};
const SHARES_LEFT: Kind = Kind::Quantity {
    min: 0,
    max: i32::MAX as i64,
};
const SIDE: Kind = Kind::Words(&[("buy", "BUY"), ("sell", "SELL")]);

static STOCK_MODEL: Model = Model {
    name: "Stock",
    about: "A stock, and how many shares of it are left to buy.",
    fields: &[
        Field::new("name", Kind::Text),
        Field::new("price", Kind::Money { min_minor: 0 }).about("The price of one share, in US dollars."),
        Field::new("quantity", SHARES_LEFT),
    ],
    example: "",
};

static STOCK_SHOWN: Model = Model {
    name: "StockShown",
    about: "A stock.",
    fields: &[Field::new("data", Kind::Object(&STOCK_MODEL)).at("")],
    example: "",
};

static ENTRY: Model = Model {
    name: "Trade",
    about: "The stock, the number of shares and the side of a trade.",
    fields: &[STOCK_TRADED, SHARES_TRADED, Field::new("type", SIDE).at("/side")],
    example: r#"{"name":"GameStart","quantity":1,"type":"buy"}"#,
};

static SHARES: Model = Model {
    name: "Shares",
    about: "Shares of a stock.",
    fields: &[STOCK_TRADED, SHARES_TRADED],
    example: r#"{"name":"GameStart","quantity":1}"#,
};

const STOCK_TRADED: Field = Field::new("name", Kind::Text).at("/stock").bounds(NOT_BLANK);
/// The length has no limit: a name that is too long matches no stock.
const NOT_BLANK: Bounds = Bounds::Chars {
    min: 1,
    max: u32::MAX,
    pattern: r"\S",
};
const SHARES_TRADED: Field = Field::new("quantity", QUANTITY);

static TRADED: Model = Model {
    name: "Traded",
    about: "The number that the trade got. Numbers rise by one from trade to trade, and none is left out.",
    fields: &[
        Field::new("order_number", NUMBER).at("/number"),
        Field::new("transaction-number", NUMBER)
            .at("/number")
            .about("The same as `order_number`."),
        Field::new("transaction_number", NUMBER)
            .at("/number")
            .about("The same as `order_number`."),
    ],
    example: "",
};

static TRADED_SHOWN: Model = Model {
    name: "TradedShown",
    about: "The number that the trade got.",
    fields: &[Field::new("data", Kind::Object(&TRADED)).at("")],
    example: "",
};

static ORDER_MODEL: Model = Model {
    name: "Order",
    about: "A trade.",
    fields: &[
        Field::new("number", NUMBER),
        Field::new("name", Kind::Text).at("/stock/name"),
        Field::new("quantity", QUANTITY),
        Field::new("type", SIDE).at("/side"),
    ],
    example: "",
};

static ORDER_SHOWN: Model = Model {
    name: "OrderShown",
    about: "A trade.",
    fields: &[Field::new("data", Kind::Object(&ORDER_MODEL)).at("")],
    example: "",
};

static PUSHED: Model = Model {
    name: "Push",
    about: "A trade that the leader recorded.",
    fields: &[
        Field::new("nextID", NUMBER)
            .at("/number")
            .about("The trade's own number."),
        Field::new("entry", Kind::Object(&ENTRY)).at(""),
    ],
    example: r#"{"nextID":0,"entry":{"name":"GameStart","quantity":40,"type":"buy"}}"#,
};

static KNOWN: Model = Model {
    name: "Sync",
    about: "The number of the last trade that the caller has.",
    fields: &[Field::new(
        "lastID",
        Kind::Integer {
            min: -1,
            max: ALL_NUMBERS,
        },
    )
    .at("/afterNumber")
    .about("The number of the last trade that the caller has; -1 for none.")],
    example: r#"{"lastID":4}"#,
};

static MISSED: Model = Model {
    name: "Missed",
    about: "The leader, and the trades that follow the caller's last one, without a gap.",
    fields: &[
        Field::new("leader-id", Kind::Id { min: -1 }).about("The id of the replica that leads; -1 while it is unknown."),
        Field::new(
            "transactions",
            Kind::Keyed {
                by: "/number",
                of: &Kind::Object(&MISSED_ORDER),
            },
        )
        .at("/exchangeOrders")
        .about(
            "The trades, each under its number. One response has at most as many as the description of `after` says: repeat the \
             request with the last number received until no trade comes.",
        ),
    ],
    example: "",
};

static MISSED_ORDER: Model = Model {
    name: "MissedOrder",
    about: "A trade.",
    fields: &[
        Field::new("name", Kind::Text).at("/stock/name"),
        Field::new("quantity", QUANTITY),
        Field::new("type", SIDE).at("/side"),
    ],
    example: "",
};

static LEADER_CHOSEN: Model = Model {
    name: "Leader",
    about: "The replica that the caller asks to lead.",
    fields: &[Field::new("leader-id", Kind::Id { min: 1 })
        .at("/replicaId")
        .about("The id of a replica.")],
    example: r#"{"leader-id":1}"#,
};

static PONG: Model = Model {
    name: "Pong",
    about: "The response of a replica.",
    fields: &[Field::new("success", Kind::Object(&PONG_SAID)).at("")],
    example: "",
};

static PONG_SAID: Model = Model {
    name: "PongSaid",
    about: "The acknowledgement, with the replica's id.",
    fields: &[
        OK,
        Field::new("message", Kind::Const(r#""pong""#)),
        Field::new("server-id", Kind::Id { min: 1 }).at("/id"),
    ],
    example: "",
};

static INVALIDATED: Model = acknowledged("Invalidated", &[success(&INVALIDATED_SAID)]);
static INVALIDATED_SAID: Model = acknowledged("InvalidatedSaid", &[OK, saying(r#""successfully removed stock""#)]);
static UPDATED: Model = acknowledged("Updated", &[success(&UPDATED_SAID)]);
static UPDATED_SAID: Model = acknowledged("UpdatedSaid", &[OK, saying(r#""successfully updated stock""#)]);
static PUSH_ACKNOWLEDGED: Model = acknowledged("PushAcknowledged", &[success(&PUSH_SAID)]);
static PUSH_SAID: Model = acknowledged("PushSaid", &[OK, saying(r#""pushed entry to database""#)]);
static LEADER_ACKNOWLEDGED: Model = acknowledged("LeaderAcknowledged", &[success(&LEADER_SAID)]);
static LEADER_SAID: Model = acknowledged(
    "LeaderSaid",
    &[
        OK,
        saying(r#""acknowledge new leader""#),
        Field::new("leader-id", Kind::Id { min: 1 })
            .at("/id")
            .about("The id of the replica that leads: a majority elects it, so it may differ from the request's."),
    ],
);

const OK: Field = Field::new("code", Kind::Const("200"));

const fn success(said: &'static Model) -> Field {
    Field::new("success", Kind::Object(said)).at("")
}

const fn saying(message: &'static str) -> Field {
    Field::new("message", Kind::Const(message))
}

/// Returns the error of a replica that does not respond.
pub(super) fn no_replica() -> Failure {
    Failure::new(NO_REPLICA.code, NO_REPLICA.message)
}

fn with_leader(reply: &mut Reply, _: &Call) {
    let mut replicas = reply.node["orderReplicas"].as_array().into_iter().flatten();
    let leader = replicas.find(|replica| replica["leader"] == true);
    reply.node["leader-id"] = leader.map_or_else(|| "-1".into(), |leader| leader["id"].clone());
}

fn error_body(failure: &Failure) -> Value {
    failure.tell_outcome(json!({ "error": { "code": failure.status().as_u16(), "message": failure.message } }))
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
