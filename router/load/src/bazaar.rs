//! The bazaar's own load client, as its document describes it: look-ups of random stocks, trades with a probability, and at
//! the end a look-up of every order that was traded. It measures with the cache and without.

use std::fmt::Write;
use std::sync::Arc;

use hyper::Method;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::caller::{Abandoned, Caller, NEVER, Outcome, Patience, refusals};
use crate::http::Target;
use crate::recorder::{Finding, Recorder};
use crate::report::chart::{Chart, Curve};
use crate::values::path_segment;
use crate::world::done;

/// The probabilities of a trade after a look-up, in percent.
const PROBABILITIES: [u32; 5] = [0, 20, 40, 60, 80];
/// The most shares of one trade.
const QUANTITY_MAX: i64 = 5;

const LOOK_UP: &str = "look up a stock";
const TRADE: &str = "trade";
const LOOK_UP_ORDER: &str = "look up an order";
const REQUESTS: [&str; 3] = [LOOK_UP, TRADE, LOOK_UP_ORDER];

/// A server, and whether its cache is on.
#[derive(Clone, Debug)]
pub struct BazaarServer {
    /// The address.
    pub target: Target,
    /// Whether the cache is on.
    pub cache: bool,
}

/// The arguments of the bazaar's load client.
#[derive(Clone, Debug)]
pub struct BazaarOptions {
    /// The servers, which take turns.
    pub servers: Vec<BazaarServer>,
    /// The look-ups of each client in each part.
    pub iterations: u32,
    /// The most clients at once; the parts have one to so many.
    pub clients_max: u32,
    /// The seed of all choices.
    pub seed: u64,
    /// How long to wait for a server.
    pub patience: Patience,
}

/// The result of the bazaar's load client.
#[derive(Clone, Debug, Serialize)]
pub struct BazaarReport {
    /// A row for each kind of request in each part.
    pub rows: Vec<BazaarRow>,
    /// Wrong answers and errors.
    pub findings: Vec<Finding>,
}

/// The figures of one kind of request.
#[derive(Clone, Debug, Serialize)]
pub struct BazaarRow {
    /// Whether the cache is on.
    pub cache: bool,
    /// The clients at once.
    pub clients: u32,
    /// The probability of a trade.
    pub p: f64,
    /// The kind of request.
    pub request: String,
    /// The answers, refusals included.
    pub count: u64,
    /// Trades that were refused because too few shares were left.
    pub refused: u64,
    /// The mean latency in microseconds.
    pub mean_us: f64,
    /// The median latency.
    pub p50_us: u64,
    /// The 95th percentile.
    pub p95_us: u64,
    /// The 99th percentile.
    pub p99_us: u64,
}

/// Plays all parts, and calls `progress` before each with its name.
pub async fn play_bazaar(options: &BazaarOptions, progress: impl Fn(&str)) -> BazaarReport {
    let mut report = BazaarReport {
        rows: Vec::new(),
        findings: Vec::new(),
    };
    for clients in 1..=options.clients_max {
        for percent in PROBABILITIES {
            for server in &options.servers {
                let cache = if server.cache { "on" } else { "off" };
                progress(&format!(
                    "{clients} clients, p = {}, cache {cache}",
                    f64::from(percent) / 100.0
                ));
                let part = Part {
                    server: server.clone(),
                    clients,
                    percent,
                };
                part.play(options, &mut report).await;
            }
        }
    }
    report
}

struct Part {
    server: BazaarServer,
    clients: u32,
    percent: u32,
}

impl Part {
    async fn play(&self, options: &BazaarOptions, report: &mut BazaarReport) {
        let recorder = Arc::new(Recorder::new());
        let mut clients = JoinSet::new();
        for client in 0..self.clients {
            let caller = Caller::new(self.server.target.clone(), options.patience, recorder.clone());
            let seed =
                options.seed ^ (u64::from(self.clients) << 40) ^ (u64::from(self.percent) << 20) ^ u64::from(client);
            let client = Client {
                caller,
                random: StdRng::seed_from_u64(seed),
                p: f64::from(self.percent) / 100.0,
            };
            clients.spawn(client.play(options.iterations));
        }
        // An error is recorded; it ends only its client.
        while clients.join_next().await.is_some() {}
        let recording = recorder.recording();
        report.findings.extend(recording.findings);
        for request in REQUESTS {
            let Some(step) = recording.steps.iter().find(|step| step.step == request) else {
                continue;
            };
            report.rows.push(BazaarRow {
                cache: self.server.cache,
                clients: self.clients,
                p: f64::from(self.percent) / 100.0,
                request: request.to_owned(),
                count: step.answered + step.refused,
                refused: step.refused,
                mean_us: step.mean_us,
                p50_us: step.p50_us,
                p95_us: step.p95_us,
                p99_us: step.p99_us,
            });
        }
    }
}

struct Client {
    caller: Caller,
    random: StdRng,
    p: f64,
}

/// An order that was traded.
struct Traded {
    number: i64,
    name: String,
    quantity: i64,
    side: &'static str,
}

impl Client {
    async fn play(mut self, iterations: u32) -> Result<(), Abandoned> {
        let names = self.names().await?;
        let mut traded = Vec::new();
        for _ in 0..iterations {
            let Some(name) = names.choose(&mut self.random) else {
                return Ok(());
            };
            let left = self.look_up(name).await?;
            if left > 0 && self.random.random_bool(self.p) {
                traded.extend(self.trade(name).await?);
            }
        }
        for order in &traded {
            self.look_up_order(order).await?;
        }
        Ok(())
    }

    async fn names(&mut self) -> Result<Vec<String>, Abandoned> {
        let request = (Method::GET, "/brokerage/stocks".to_owned());
        let stocks = done(self.caller.rest("list the stocks", request, None, None, NEVER).await?)?;
        let stocks = stocks.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(stocks
            .iter()
            .filter_map(|stock| Some(stock["name"].as_str()?.to_owned()))
            .collect())
    }

    async fn look_up(&mut self, name: &str) -> Result<i64, Abandoned> {
        let request = (Method::GET, format!("/bazaar/stocks/{}", path_segment(name)));
        let data = done(self.caller.rest(LOOK_UP, request, None, None, NEVER).await?)?;
        self.caller
            .same(LOOK_UP, "the name", Some(name), data["data"]["name"].as_str())?;
        self.caller
            .needed(LOOK_UP, "quantity", data["data"]["quantity"].as_i64())
    }

    async fn trade(&mut self, name: &str) -> Result<Option<Traded>, Abandoned> {
        let quantity = self.random.random_range(1..=QUANTITY_MAX);
        let side = if self.random.random_bool(0.5) { "buy" } else { "sell" };
        let body = json!({ "name": name, "quantity": quantity, "type": side });
        let request = (Method::POST, "/bazaar/orders".to_owned());
        let key = Some(format!("{:032x}", self.random.random::<u128>()));
        let allowed = refusals(&["INSUFFICIENT_STOCK"]);
        match self.caller.rest(TRADE, request, Some(body), key, allowed).await? {
            Outcome::Refused => Ok(None),
            Outcome::Done(answer) => {
                let number = answer.data["data"]["order_number"].as_i64();
                Ok(Some(Traded {
                    number: self.caller.needed(TRADE, "order number", number)?,
                    name: name.to_owned(),
                    quantity,
                    side,
                }))
            }
        }
    }

    async fn look_up_order(&mut self, order: &Traded) -> Result<(), Abandoned> {
        let request = (Method::GET, format!("/bazaar/orders/{}", order.number));
        let data = done(self.caller.rest(LOOK_UP_ORDER, request, None, None, NEVER).await?)?;
        let expected =
            json!({ "number": order.number, "name": order.name, "quantity": order.quantity, "type": order.side });
        let is_same = |name: &str| data["data"][name] == expected[name];
        if ["number", "name", "quantity", "type"].into_iter().all(is_same) {
            return Ok(());
        }
        let message = format!("order {} is {}, expected {expected}", order.number, data["data"]);
        Err(self.caller.wrong(LOOK_UP_ORDER, message))
    }
}

impl BazaarReport {
    /// Whether there was neither a wrong answer nor an error.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns the figures as CSV.
    pub fn to_csv(&self) -> String {
        let mut csv = "cache,clients,p,request,count,refused,mean_us,p50_us,p95_us,p99_us\n".to_owned();
        for row in &self.rows {
            // Writing into a string cannot fail.
            let _ = writeln!(
                csv,
                "{},{},{},{},{},{},{:.1},{},{},{}",
                if row.cache { "on" } else { "off" },
                row.clients,
                row.p,
                row.request,
                row.count,
                row.refused,
                row.mean_us,
                row.p50_us,
                row.p95_us,
                row.p99_us
            );
        }
        csv
    }

    /// Returns the report as JSON.
    ///
    /// # Errors
    /// Not with the types of this crate.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// Returns the plot of the document: the mean latency of each kind of request by the probability of a trade, with as many
    /// clients as there were at most. A dashed line is without the cache.
    pub fn plot_by_probability(&self) -> String {
        let clients = self.rows.iter().map(|row| row.clients).max().unwrap_or_default();
        let title = format!("Mean latency with {clients} clients, ms");
        self.plot(&title, "probability of a trade", |row| {
            (row.clients == clients).then_some(row.p)
        })
    }

    /// Returns the plot of the mean latency by the number of clients, at the highest probability of a trade.
    pub fn plot_by_clients(&self) -> String {
        let p = self.rows.iter().map(|row| row.p).fold(0.0, f64::max);
        let title = format!("Mean latency with p = {p}, ms");
        self.plot(&title, "clients", |row| (row.p == p).then_some(f64::from(row.clients)))
    }

    fn plot(&self, title: &str, x_title: &str, x: impl Fn(&BazaarRow) -> Option<f64>) -> String {
        let mut curves = Vec::new();
        for (color, request) in REQUESTS.into_iter().enumerate() {
            for cache in [true, false] {
                let rows = self
                    .rows
                    .iter()
                    .filter(|row| row.request == request && row.cache == cache);
                let points: Vec<_> = rows.filter_map(|row| Some((x(row)?, row.mean_us / 1_000.0))).collect();
                if points.is_empty() {
                    continue;
                }
                let name = if cache {
                    request.to_owned()
                } else {
                    "no cache".to_owned()
                };
                curves.push(Curve {
                    name,
                    color,
                    is_dashed: !cache,
                    points,
                });
            }
        }
        let chart = Chart {
            title,
            x_title,
            curves: &curves,
        };
        chart.svg(true)
    }

    /// Returns a table of the mean latencies with the most clients.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{:>7} {:>5} {:>5}  {:<17} {:>7} {:>8} {:>9} {:>9} {:>9}\n",
            "clients", "p", "cache", "request", "count", "refused", "mean ms", "p50 ms", "p99 ms"
        );
        for row in &self.rows {
            // Writing into a string cannot fail.
            let _ = writeln!(
                text,
                "{:>7} {:>5.1} {:>5}  {:<17} {:>7} {:>8} {:>9.2} {:>9.2} {:>9.2}",
                row.clients,
                row.p,
                if row.cache { "on" } else { "off" },
                row.request,
                row.count,
                row.refused,
                row.mean_us / 1_000.0,
                row.p50_us as f64 / 1_000.0,
                row.p99_us as f64 / 1_000.0
            );
        }
        for finding in &self.findings {
            let _ = writeln!(
                text,
                "\n{}: {}\n  request: {}\n  answer:  {}",
                finding.step, finding.message, finding.request, finding.answer
            );
        }
        text
    }
}

/// Asks a server whether its cache is on.
///
/// # Errors
/// The reason, as a sentence.
pub async fn cache_of(target: &Target, patience: Patience) -> Result<bool, String> {
    let recorder = Arc::new(Recorder::new());
    let mut caller = Caller::new(target.clone(), patience, recorder);
    let request = (Method::GET, "/cache".to_owned());
    let answer = caller
        .rest("read the cache's counters", request, None, None, NEVER)
        .await;
    let enabled = match answer {
        Ok(Outcome::Done(answer)) => answer.data.get("enabled").and_then(Value::as_bool),
        _ => None,
    };
    enabled.ok_or_else(|| format!("{target} does not say whether its cache is on (GET /cache)"))
}
