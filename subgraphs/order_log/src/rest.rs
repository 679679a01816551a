//! The documented routes of a replica: `/buy`, `/sell`, `/orders/{n}`, `/push`, `/sync`, `/ping`, `/leader-broadcast`.

mod input;

use std::future::Future;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use self::input::Input;
use crate::command::{NumberedTrade, Shares, TradeSide};
use crate::replica::{Error, Replica};
use crate::trade::{TradeError, TradeRequest};
use crate::{ReplicaId, server};

/// Access to the documented routes. Routes between replicas always need the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAccess {
    /// Any client, as the document specifies.
    Open,
    /// Clients that send a service credential.
    Token,
}

impl Replica {
    /// All routes of this replica.
    pub fn routes(&self, access: ClientAccess) -> Router {
        let mut documented = Router::new();
        for (path, handler) in [
            ("/buy", post(buy)),
            ("/sell", post(sell)),
            ("/orders/{number}", get(trade_by_number)),
            ("/lookup-order/{number}", get(trade_by_number)),
            ("/push", post(push)),
            ("/sync", post(sync)),
            ("/ping", get(ping)),
            ("/leader-broadcast", post(leader_broadcast)),
        ] {
            documented = documented
                .route(&format!("{path}/"), handler.clone())
                .route(path, handler);
        }
        documented
            .route_layer(middleware::from_fn_with_state((self.clone(), access), require_access))
            .merge(server::routes(self))
            .fallback(async || ErrorResponse::new(StatusCode::NOT_FOUND, "not found"))
            .method_not_allowed_fallback(async || {
                ErrorResponse::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
            })
            .with_state(self.clone())
    }

    /// Answers on `listener` until `shutdown`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        &self,
        listener: TcpListener,
        access: ClientAccess,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.routes(access))
            .with_graceful_shutdown(shutdown)
            .await
    }
}

/// Whether a path is one of the documented routes. The front end forwards requests with its own credential, so it must
/// forward no others.
pub(crate) fn is_documented(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<_> = path.split('/').collect();
    match segments[..] {
        ["", path] => matches!(path, "buy" | "sell" | "push" | "sync" | "ping" | "leader-broadcast"),
        ["", "orders" | "lookup-order", number] => !number.is_empty(),
        _ => false,
    }
}

/// Checks the credential, if one is needed, and that the replica has caught up: before that it serves no requests.
async fn require_access(
    State((replica, access)): State<(Replica, ClientAccess)>,
    request: Request,
    next: Next,
) -> Response {
    if access == ClientAccess::Token
        && !server::has_valid_token(&*replica.core.dependencies.credentials, request.headers())
    {
        let mut refusal = ErrorResponse::new(StatusCode::UNAUTHORIZED, "sign in first").into_response();
        let challenge = HeaderValue::from_static("Bearer");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return refusal;
    }
    if !replica.is_ready() {
        return ErrorResponse::unavailable().into_response();
    }
    next.run(request).await
}

async fn buy(State(replica): State<Replica>, request: Request) -> Result<Response, ErrorResponse> {
    trade(&replica, TradeSide::Buy, request).await
}

async fn sell(State(replica): State<Replica>, request: Request) -> Result<Response, ErrorResponse> {
    trade(&replica, TradeSide::Sell, request).await
}

async fn trade(replica: &Replica, side: TradeSide, request: Request) -> Result<Response, ErrorResponse> {
    let key = input::idempotency_key(request.headers())?;
    let input = Input::from_request(request, &replica.core.settings).await?;
    let trade_request = TradeRequest {
        key,
        shares: Shares {
            name: input.name()?,
            side,
            quantity: input.quantity()?,
        },
        trader_id: None,
    };
    let number = replica.trade(&trade_request).await?.number;
    Ok(ok(
        json!({ "order_number": number, "transaction-number": number, "transaction_number": number }),
    ))
}

async fn trade_by_number(
    State(replica): State<Replica>,
    Path(number): Path<String>,
) -> Result<Response, ErrorResponse> {
    // A number has one spelling, as at the mounts: `00` and `+0` name no trade.
    let known = match number.parse::<i64>() {
        Ok(known) if known >= 0 && known.to_string() == number => replica.trade_by_number(known).await?,
        _ => None,
    };
    let not_found = || {
        ErrorResponse::new(
            StatusCode::NOT_FOUND,
            format!("could not find order with number {number}"),
        )
    };
    let numbered = known.ok_or_else(not_found)?;
    let mut shown = entry(&numbered);
    shown.insert("number".to_owned(), numbered.number.into());
    Ok(ok(shown.into()))
}

/// Confirms what the log has; a push never writes to it.
async fn push(State(replica): State<Replica>, request: Request) -> Result<Response, ErrorResponse> {
    let input = Input::from_request(request, &replica.core.settings).await?;
    let number = input.integer("nextID", 0, i64::MAX)?;
    let pushed = input.object("entry")?;
    let shares = Shares {
        name: pushed.name()?,
        side: pushed.side()?,
        quantity: pushed.quantity()?,
    };
    match replica.trade_by_number(number).await? {
        Some(numbered) if numbered.trade.shares == shares => Ok(success("pushed entry to database", None)),
        Some(_) | None => Err(ErrorResponse::new(
            StatusCode::CONFLICT,
            "the log does not have this trade under this number",
        )),
    }
}

async fn sync(State(replica): State<Replica>, request: Request) -> Result<Response, ErrorResponse> {
    let input = Input::from_request(request, &replica.core.settings).await?;
    let last = input.integer("lastID", -1, i64::MAX)?;
    // After this wait the replica usually has all trades that other replicas told the caller. Without a majority it
    // answers with the trades that it has.
    let soon = Instant::now() + replica.core.settings.heartbeat;
    let _ = replica.core.ensure_linearizable(soon).await;
    let missed = replica.trades_after(last).await?;
    let missed: Map<_, Value> = missed
        .iter()
        .map(|numbered| (numbered.number.to_string(), entry(numbered).into()))
        .collect();
    let leader = replica.leader().and_then(|id| i64::try_from(id).ok()).unwrap_or(-1);
    Ok(ok(json!({ "leader-id": leader, "transactions": missed })))
}

async fn ping(State(replica): State<Replica>) -> Response {
    success("pong", Some(("server-id", replica.id())))
}

/// Handles the front end's choice of a leader: the chosen replica tries to lead, the others only answer. A majority
/// decides which replica leads.
async fn leader_broadcast(State(replica): State<Replica>, request: Request) -> Result<Response, ErrorResponse> {
    let input = Input::from_request(request, &replica.core.settings).await?;
    let chosen = input.integer("leader-id", 1, i64::MAX)?;
    let known = replica
        .members()
        .into_iter()
        .find(|id| i64::try_from(*id) == Ok(chosen));
    let Some(chosen) = known else {
        return Err(ErrorResponse::invalid("leader-id must be the id of a replica"));
    };
    let leads = if chosen == replica.id() {
        Some(replica.wait_for_leader().await?)
    } else {
        replica.leader()
    };
    Ok(success("acknowledge new leader", leads.map(|id| ("leader-id", id))))
}

fn entry(numbered: &NumberedTrade) -> Map<String, Value> {
    let shares = &numbered.trade.shares;
    let members: [(_, Value); 3] = [
        ("name", shares.name.as_str().into()),
        ("quantity", shares.quantity.into()),
        ("type", shares.side.as_str().into()),
    ];
    members
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

fn success(message: &str, replica: Option<(&str, ReplicaId)>) -> Response {
    let mut said = json!({ "code": 200, "message": message });
    if let Some((member, id)) = replica {
        said[member] = id.into();
    }
    ok(json!({ "success": said }))
}

fn ok(body: Value) -> Response {
    axum::Json(body).into_response()
}

/// An error response in the document's envelope.
pub(crate) struct ErrorResponse {
    status: StatusCode,
    message: String,
    /// Whether the requested trade may have happened or may still happen.
    is_outcome_unknown: bool,
}

impl ErrorResponse {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            is_outcome_unknown: false,
        }
    }

    /// An error whose message is the meaning of its status.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        Self::new(status, status.canonical_reason().unwrap_or_default().to_lowercase())
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "order service unavailable")
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": { "code": self.status.as_u16(), "message": self.message } });
        if self.is_outcome_unknown {
            body["error"]["outcome"] = "unknown".into();
        }
        let mut response = (self.status, axum::Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

impl From<Error> for ErrorResponse {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(why) => Self::invalid(why),
            Error::Unavailable | Error::NoLeader => Self::unavailable(),
            Error::Store(error) => {
                tracing::error!(%error, "the replica's file failed");
                Self::unavailable()
            }
        }
    }
}

impl From<TradeError> for ErrorResponse {
    fn from(error: TradeError) -> Self {
        match error {
            TradeError::NoStock => Self::new(StatusCode::NOT_FOUND, "stock not found"),
            TradeError::TooFew | TradeError::TooMany => Self::new(StatusCode::CONFLICT, "could not trade stock"),
            TradeError::Mismatch => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            TradeError::Invalid(why) => Self::invalid(why),
            TradeError::Unavailable => Self::unavailable(),
            TradeError::OutcomeUnknown => Self {
                is_outcome_unknown: true,
                ..Self::unavailable()
            },
        }
    }
}
