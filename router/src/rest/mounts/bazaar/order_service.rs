//! The order service: trades with numbers, on one replica or several.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::ErrorCode;
use serde_json::{Value, json};

use super::common::{
    ALL_NUMBERS, BAD_TRADE, ENTRY, NO_REPLICA, NO_STOCK, NUMBER, OK, ORDER_MODEL, SHARES, SIDE, TOO_FEW, TOO_MANY,
    TRADED, message_member, success,
};
use super::front::{ORDER, TRADE};
use crate::rest::backend::{Backend, Upstream};
use crate::rest::bound_service::BoundService;
use crate::rest::field::{Field, FieldType, ObjectModel, QUANTITY, acknowledgement};
use crate::rest::reshape::{RequestView, ResponseDraft};
use crate::rest::route::{AccessRule, ErrorRow, RequestBody, ResponseSource, Route, Service, Verb};

/// The order service. Where it has replicas, each of them is a service instead: [`replicas`].
pub(in crate::rest) const SERVICE: Service = Service {
    name: "order",
    about: "The numbered trades: the order service's replica 1.",
    prefixes: &["/order/1"],
    routes: &[BUY, SELL, REPLICA_ORDER, PUSH, SYNC, PING, LEADER],
};

/// Returns the services of these replicas, which take the place of the order service.
pub(in crate::rest) fn replicas(upstreams: BTreeMap<u64, Arc<dyn Upstream>>) -> Vec<BoundService> {
    let service = |(id, upstream)| BoundService {
        name: replica_name(id).into(),
        about: format!("The numbered trades: the order service's replica {id}.").into(),
        prefixes: vec![format!("/order/{id}").into()],
        examples: vec![(PING.name, pong(id).to_string())],
        backend: Backend::Forward(upstream),
        ..BoundService::over_graph(&SERVICE)
    };
    upstreams.into_iter().map(service).collect()
}

/// Returns the name of the service that is a replica.
pub(in crate::rest) fn replica_name(id: u64) -> String {
    format!("{}.{id}", SERVICE.name)
}

const BUY: Route = Route {
    verb: Verb::Post,
    path: "/buy",
    name: "buyShares",
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
    name: "sellShares",
    summary: "Sells shares to the bazaar",
    operation: "mutation ($stock: String!, $quantity: Int!, $idempotencyKey: String) {
        trade(stock: $stock, side: SELL, quantity: $quantity, idempotencyKey: $idempotencyKey) { number }
    }",
    errors: &[BAD_TRADE, NO_STOCK, TOO_MANY, NO_REPLICA],
    ..BUY
};

const REPLICA_ORDER: Route = Route {
    name: "lookUpOrder",
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
    name: "pushOrder",
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
    name: "listMissedOrders",
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
    errors: &[BAD_TRADE, NO_REPLICA],
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
    name: "announceLeader",
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

fn pong(id: u64) -> Value {
    json!({ "success": { "code": 200, "message": "pong", "server-id": id } })
}

fn add_leader_id(reply: &mut ResponseDraft, _: &RequestView) {
    let mut replicas = reply.node["orderReplicas"].as_array().into_iter().flatten();
    let leader = replicas.find(|replica| replica["leader"] == true);
    reply.node["leader-id"] = leader.map_or_else(|| "-1".into(), |leader| leader["id"].clone());
}
