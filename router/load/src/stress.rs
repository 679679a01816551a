//! Hostile and confused clients beside the people: each sends requests that no program should send, and knows the class of
//! answer that the documents promise for it.

mod attack;
mod graphql;
mod protocol;
mod raw;
mod rest;
mod sockets;

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::time::Instant;

use crate::caller::{Abandoned, Caller, NEVER, Patience};
use crate::http::Target;
use crate::recorder::{Ending, Exchange, Recorder};
use crate::world::{PASSWORD, done};
use attack::{Attack, Body};
use raw::{Raw, RawAnswer};

/// The bytes of a request that a finding shows.
const SHOWN_BYTES_MAX: usize = 600;

/// How long hostile clients go on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Persistence {
    /// Every attack so many times.
    Times(u32),
    /// Until the task is ended.
    Endless,
}

/// One hostile client. It runs all attacks in a random order, again and again.
pub(crate) async fn annoy(
    target: Target,
    patience: Patience,
    recorder: Arc<Recorder>,
    run: String,
    place: usize,
    seed: u64,
    persistence: Persistence,
) {
    let mut random = StdRng::seed_from_u64(!seed ^ u64::try_from(place).unwrap_or_default());
    let Ok(token) = register(&target, patience, &recorder, &run, place).await else {
        return;
    };
    let client = Hostile {
        raw: Raw::new(target, patience.timeout),
        recorder,
        token,
        may_be_away: !patience.away.is_zero(),
    };
    let mut attacks: Vec<Attack> = graphql::attacks();
    attacks.extend(rest::attacks());
    attacks.extend(protocol::attacks());
    let mut times = 0;
    while match persistence {
        Persistence::Times(max) => times < max,
        Persistence::Endless => true,
    } {
        times += 1;
        attacks.shuffle(&mut random);
        for attack in &attacks {
            client.run(attack).await;
            if random.random_bool(0.1) {
                client.run_sockets().await;
            }
        }
    }
}

/// A member without rights, whose token is valid.
async fn register(
    target: &Target,
    patience: Patience,
    recorder: &Arc<Recorder>,
    run: &str,
    place: usize,
) -> Result<String, Abandoned> {
    const STEP: &str = "register a hostile client";
    let mut caller = Caller::new(target.clone(), patience, recorder.clone());
    let document =
        "mutation($input: RegisterInput!, $key: String!) { register(input: $input, idempotencyKey: $key) { token } }";
    let username = format!("h{run}x{place}");
    let variables = json!({
        "input": { "username": username, "password": PASSWORD, "role": "MEMBER" }, "key": format!("{username} register"),
    });
    let data = done(caller.graphql(STEP, document, variables, NEVER).await?)?;
    let token = data["register"]["token"].as_str();
    Ok(caller.needed(STEP, "token", token)?.to_owned())
}

struct Hostile {
    raw: Raw,
    recorder: Arc<Recorder>,
    token: String,
    may_be_away: bool,
}

impl Hostile {
    /// Sends one attack and judges the answer.
    async fn run(&self, attack: &Attack) {
        let bytes = attack.bytes(self.raw.target().authority(), &self.token);
        let began = Instant::now();
        let answer = self.raw.send(&bytes, attack.manner).await;
        let latency = began.elapsed();
        match attack.contradiction(&answer) {
            // A server that may be away leaves anything unanswered.
            Some(_) if answer.status.is_none() && self.may_be_away => self.note(attack.name, &answer, latency),
            None => self.note(attack.name, &answer, latency),
            Some(reason) => self.unexpected(attack.name, &bytes, &answer, reason, latency),
        }
    }

    fn note(&self, step: &'static str, answer: &RawAnswer, latency: Duration) {
        let ending = match answer.status {
            Some(429 | 503) => Ending::Shed,
            Some(200..=299) => Ending::Answered,
            _ => Ending::Refused,
        };
        let latency = answer.status.map(|_| latency);
        self.recorder.request(step, ending, latency);
    }

    fn unexpected(&self, step: &'static str, bytes: &[u8], answer: &RawAnswer, reason: String, latency: Duration) {
        let exchange = Exchange {
            request: shown(bytes),
            answer: match answer.status {
                Some(status) => format!("{status} {}", shown(&answer.body)),
                None => "the connection ended without an answer".to_owned(),
            },
        };
        self.recorder
            .request(step, Ending::Failed, answer.status.map(|_| latency));
        self.recorder.error(step, reason, &exchange);
    }

    async fn run_sockets(&self) {
        for (step, result) in sockets::misbehave(self.raw.target(), &self.token).await {
            match result {
                Err(_) if self.may_be_away => self.recorder.request(step, Ending::Refused, None),
                Ok(()) => self.recorder.request(step, Ending::Refused, None),
                Err(reason) => {
                    self.recorder.request(step, Ending::Failed, None);
                    self.recorder.error(step, reason, &Exchange::default());
                }
            }
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    let end = bytes.len().min(SHOWN_BYTES_MAX);
    format!("{} ({} bytes)", String::from_utf8_lossy(&bytes[..end]), bytes.len())
}

/// Returns a body that is sent as it is.
fn text(body: impl Into<String>) -> Body {
    Body::Bytes(body.into().into_bytes())
}
