//! Sends the requests of one simulated person, repeats those that were shed, and tells refusals from errors.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, header};
use serde_json::{Value, json};

use crate::http::{Connection, Failure, Outgoing, Reply, Target};
use crate::recorder::{Ending, Exchange, Recorder};

/// How often a request that was shed is sent again before it counts as an error.
const SHED_ATTEMPTS_MAX: u32 = 20;
/// The longest wait that `Retry-After` is obeyed for.
const SHED_WAIT_MAX: Duration = Duration::from_secs(5);
/// The wait before a request is sent to a server that is away.
const AWAY_WAIT: Duration = Duration::from_millis(100);

const GRAPHQL_ACCEPT: &str = "application/graphql-response+json, application/json";

/// The end of what a person does: an error or a wrong answer, which is recorded already.
///
/// The person's own account of what should be there may differ from the server's now, so the life ends.
#[derive(Debug)]
pub struct Abandoned;

/// The result of a request that was answered as it may be.
#[derive(Debug)]
pub enum Outcome {
    /// The server did it.
    Done(Answer),
    /// The server refused with one of the codes that the step allows.
    Refused,
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    /// The `data` of GraphQL, or the body of REST.
    pub data: Value,
    /// The HTTP status.
    pub status: u16,
    /// The header `Location`.
    pub location: Option<String>,
}

/// The answers besides success that are right for a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed<'a> {
    /// The codes of expected refusals.
    pub codes: &'a [&'a str],
    /// A code that means "done before", for a request without an idempotency key that was sent again.
    pub done_before: Option<&'a str>,
}

/// Codes that are expected refusals.
pub const fn refusals<'a>(codes: &'a [&'a str]) -> Allowed<'a> {
    Allowed {
        codes,
        done_before: None,
    }
}

/// No refusal is expected.
pub const NEVER: Allowed<'static> = refusals(&[]);

/// How patient a caller is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The longest wait for an answer.
    pub timeout: Duration,
    /// How long a server may be away (restarting, say) before that is an error; a request is repeated until then.
    pub away: Duration,
}

/// The connection of a person, with the last request and answer for findings.
pub struct Caller {
    connection: Connection,
    recorder: Arc<Recorder>,
    patience: Patience,
    /// The bearer token of requests that name no other.
    pub token: Option<Arc<str>>,
    last: Exchange,
}

/// One answer, judged.
enum Verdict {
    Done(Answer),
    Refused(String),
    Shed(Duration),
    Broken(String),
}

impl Caller {
    /// Returns a caller without a token.
    pub fn new(target: Target, patience: Patience, recorder: Arc<Recorder>) -> Self {
        Self {
            connection: Connection::new(target, patience.timeout),
            recorder,
            patience,
            token: None,
            last: Exchange::default(),
        }
    }

    /// Returns the server's address.
    pub fn target(&self) -> &Target {
        self.connection.target()
    }

    /// Returns where the caller records.
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Returns how long the server may be away.
    pub fn away(&self) -> Duration {
        self.patience.away
    }

    /// Executes a GraphQL operation as the person, and returns its `data`.
    pub async fn graphql(
        &mut self,
        step: &'static str,
        document: &str,
        variables: Value,
        allowed: Allowed<'_>,
    ) -> Result<Outcome, Abandoned> {
        let token = self.token.clone();
        self.graphql_as(token, step, document, variables, allowed).await
    }

    /// Executes a GraphQL operation with that token.
    pub async fn graphql_as(
        &mut self,
        token: Option<Arc<str>>,
        step: &'static str,
        document: &str,
        variables: Value,
        allowed: Allowed<'_>,
    ) -> Result<Outcome, Abandoned> {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let outgoing = Outgoing {
            method: Method::POST,
            path: "/graphql".to_owned(),
            body: body.into(),
            token,
            key: None,
            accept: GRAPHQL_ACCEPT,
        };
        let writes = document.trim_start().starts_with("mutation");
        self.send(step, outgoing, writes, allowed, judge_graphql).await
    }

    /// Sends a REST request as the person. `key` is its idempotency key.
    pub async fn rest(
        &mut self,
        step: &'static str,
        (method, path): (Method, String),
        body: Option<Value>,
        key: Option<String>,
        allowed: Allowed<'_>,
    ) -> Result<Outcome, Abandoned> {
        let token = self.token.clone();
        self.rest_as(token, step, (method, path), body, key, allowed).await
    }

    /// Sends a REST request with that token.
    pub async fn rest_as(
        &mut self,
        token: Option<Arc<str>>,
        step: &'static str,
        (method, path): (Method, String),
        body: Option<Value>,
        key: Option<String>,
        allowed: Allowed<'_>,
    ) -> Result<Outcome, Abandoned> {
        let writes = method != Method::GET;
        let outgoing = Outgoing {
            method,
            path,
            body: body.map_or_else(Bytes::new, |body| body.to_string().into()),
            token,
            key,
            accept: "application/json",
        };
        self.send(step, outgoing, writes, allowed, judge_rest).await
    }

    async fn send(
        &mut self,
        step: &'static str,
        outgoing: Outgoing,
        writes: bool,
        allowed: Allowed<'_>,
        judge: fn(&Reply) -> Verdict,
    ) -> Result<Outcome, Abandoned> {
        let mut shed = 0;
        let mut repeated = false;
        let mut away_since: Option<Instant> = None;
        loop {
            let began = Instant::now();
            let reply = self.connection.send(&outgoing).await;
            let latency = began.elapsed();
            self.note(&outgoing, &reply);
            let reply = match reply {
                Ok(reply) => reply,
                Err(failure) => {
                    self.recorder.lost(failure);
                    let since = *away_since.get_or_insert(began);
                    let waits = since.elapsed() < self.patience.away;
                    // A server may close an idle connection while a request is on its way: that one is sent again, once.
                    if waits || (failure == Failure::Unanswered && !repeated) {
                        repeated = true;
                        if waits {
                            tokio::time::sleep(AWAY_WAIT).await;
                        }
                        continue;
                    }
                    if writes && (repeated || failure != Failure::Connect) {
                        self.recorder.unknown_outcome();
                    }
                    return Err(self.failed(step, None, failure.to_string()));
                }
            };
            away_since = None;
            match judge(&reply) {
                Verdict::Done(answer) => {
                    self.recorder.request(step, Ending::Answered, Some(latency));
                    return Ok(Outcome::Done(answer));
                }
                Verdict::Refused(code) if repeated && allowed.done_before == Some(code.as_str()) => {
                    self.recorder.request(step, Ending::Answered, Some(latency));
                    return Ok(Outcome::Done(Answer {
                        data: Value::Null,
                        status: reply.status,
                        location: None,
                    }));
                }
                Verdict::Refused(code) if allowed.codes.contains(&code.as_str()) => {
                    self.recorder.request(step, Ending::Refused, Some(latency));
                    return Ok(Outcome::Refused);
                }
                Verdict::Refused(code) => {
                    return Err(self.failed(step, Some(latency), format!("unexpected refusal {code}")));
                }
                Verdict::Shed(wait) if shed < SHED_ATTEMPTS_MAX => {
                    self.recorder.request(step, Ending::Shed, Some(latency));
                    shed += 1;
                    repeated = true;
                    tokio::time::sleep(wait.min(SHED_WAIT_MAX)).await;
                }
                Verdict::Shed(_) => {
                    return Err(self.failed(step, Some(latency), format!("refused {shed} times as busy")));
                }
                Verdict::Broken(reason) => {
                    if writes {
                        self.recorder.unknown_outcome();
                    }
                    return Err(self.failed(step, Some(latency), reason));
                }
            }
        }
    }

    fn failed(&self, step: &'static str, latency: Option<Duration>, message: String) -> Abandoned {
        self.recorder.request(step, Ending::Failed, latency);
        self.recorder.error(step, message, &self.last);
        Abandoned
    }

    /// Records that the last answer contradicts what the person did.
    pub fn wrong(&self, step: &'static str, message: impl Into<String>) -> Abandoned {
        self.recorder.wrong(step, message.into(), &self.last);
        Abandoned
    }

    /// Compares a part of the last answer with what it has to be.
    pub fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        step: &'static str,
        what: &str,
        expected: T,
        actual: T,
    ) -> Result<(), Abandoned> {
        if expected == actual {
            return Ok(());
        }
        Err(self.wrong(step, format!("{what} is {actual:?}, expected {expected:?}")))
    }

    /// Takes a value out of the last answer, which has to have it.
    pub fn needed<T>(&self, step: &'static str, what: &str, value: Option<T>) -> Result<T, Abandoned> {
        value.ok_or_else(|| self.wrong(step, format!("the answer has no {what}")))
    }

    fn note(&mut self, outgoing: &Outgoing, reply: &Result<Reply, Failure>) {
        let as_whom = if outgoing.token.is_some() { " (signed in)" } else { "" };
        let body = String::from_utf8_lossy(&outgoing.body);
        self.last.request = format!("{} {}{as_whom} {}", outgoing.method, outgoing.path, body);
        self.last.answer = match reply {
            Ok(reply) => format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body)),
            Err(failure) => failure.to_string(),
        };
    }
}

/// The default wait where a shed answer names none.
const SHED_WAIT_DEFAULT: Duration = Duration::from_secs(1);

fn judge_graphql(reply: &Reply) -> Verdict {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
        return Verdict::Broken(format!("status {} with a body that is no JSON", reply.status));
    };
    if let Some(error) = body.pointer("/errors/0") {
        let code = error
            .pointer("/extensions/code")
            .and_then(Value::as_str)
            .unwrap_or("none");
        let wait = error.pointer("/extensions/retryAfter").and_then(Value::as_u64);
        return match code {
            // Also where the outcome of a trade is unknown: the same key tells it later.
            "UNAVAILABLE" | "RATE_LIMITED" => Verdict::Shed(wait_of(wait.or(reply.retry_after()))),
            "INTERNAL" | "TIMEOUT" | "OPERATION_NOT_SUPPORTED" | "none" => {
                Verdict::Broken(format!("status {} with the error {code}", reply.status))
            }
            code => Verdict::Refused(code.to_owned()),
        };
    }
    match (reply.status, body.get_mut("data").map(Value::take)) {
        (200, Some(data)) if data.is_object() => Verdict::Done(Answer {
            data,
            status: 200,
            location: None,
        }),
        (status, _) => Verdict::Broken(format!("status {status} without data and without errors")),
    }
}

fn judge_rest(reply: &Reply) -> Verdict {
    match reply.status {
        200..=299 => match serde_json::from_slice(&reply.body) {
            Ok(data) => Verdict::Done(Answer {
                data,
                status: reply.status,
                location: reply.header(header::LOCATION).map(str::to_owned),
            }),
            Err(_) => Verdict::Broken("a body that is no JSON".to_owned()),
        },
        429 | 503 if reply.retry_after().is_some() => Verdict::Shed(wait_of(reply.retry_after())),
        400..=499 => Verdict::Refused(reply.error_code().unwrap_or("none").to_owned()),
        status => Verdict::Broken(format!("status {status}")),
    }
}

fn wait_of(seconds: Option<u64>) -> Duration {
    seconds.map_or(SHED_WAIT_DEFAULT, Duration::from_secs)
}
