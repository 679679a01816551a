//! The settings of metrics and traces.

use std::net::{Ipv4Addr, SocketAddr};

use contract::settings;
use serde::{Deserialize, Serialize};

use super::error::ConfigError;

settings! {
    /// Metrics and traces.
    TelemetrySettings with flags TelemetryFlags under "Telemetry" {
        /// An address of its own for `GET /metrics`, which then is not on the main address and answers every caller there: a port, for
        /// callers on this machine, or an address with a port. Empty by default: the main address has it, for operators and this machine.
        metrics_listen: MetricsListen = MetricsListen::default(),
        /// Whether an answer over HTTP has the plan and the fetches of its request in `extensions`, if the client sends
        /// `agora-expose-trace: true`. Every client can: they show the names of the subgraphs and their documents.
        expose_traces: bool = false,
        /// The address of a collector that receives traces by OTLP over HTTP: `http://127.0.0.1:4318`. Empty by default: no request has
        /// a trace.
        otlp_endpoint: String = String::new(),
        /// The share of the requests without a trace of their client that are sampled, from 0 to 1.
        trace_sample_ratio: f64 = 0.01,
        /// Requests in a second that are sampled because the trace of their client is; further ones are not.
        trace_parents_per_second_max: u32 = 100,
        /// Spans of one request; further steps have none.
        trace_spans_max: usize = 1_000,
        /// Spans that wait to be sent; further ones are lost.
        trace_queue_max: usize = 8_192,
        /// Spans that are sent together.
        trace_batch_max: usize = 512,
        /// Milliseconds that a span waits for others before it is sent.
        trace_delay_ms: u64 = 1_000,
        /// Milliseconds that the collector may take to answer; also the time for the last spans at the end.
        trace_export_ms_max: u64 = 5_000,
    }
}

/// The path of traces at a collector, if its address has none.
const TRACES_PATH: &str = "/v1/traces";

impl TelemetrySettings {
    /// Returns the settings whose values do not fit.
    pub(super) fn violations(&self) -> Vec<ConfigError> {
        let mut found: Vec<ConfigError> = self.traces_url().err().into_iter().collect();
        if !(0.0..=1.0).contains(&self.trace_sample_ratio) {
            let why = "must be a share from 0 to 1";
            found.push(ConfigError::new("telemetry.trace_sample_ratio", why));
        }
        found
    }

    /// Returns the address to which traces are sent; `None` if they are not.
    ///
    /// # Errors
    /// When the setting is no address of a collector.
    pub fn traces_url(&self) -> Result<Option<String>, ConfigError> {
        let text = self.otlp_endpoint.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |why: &str| ConfigError::new("telemetry.otlp_endpoint", format!("`{text}` {why}"));
        let url: axum::http::Uri = text
            .parse()
            .map_err(|_| wrong("is no address such as http://127.0.0.1:4318"))?;
        match (url.scheme_str(), url.host()) {
            (Some("http"), Some(host)) if !host.is_empty() => {}
            (Some("https"), _) => {
                return Err(wrong(
                    "is an HTTPS address: send to a collector on this machine, which can forward by TLS",
                ));
            }
            _ => return Err(wrong("is no address such as http://127.0.0.1:4318")),
        }
        let base = text.trim_end_matches('/');
        Ok(Some(match url.path() {
            "" | "/" => format!("{base}{TRACES_PATH}"),
            _ => text.to_owned(),
        }))
    }
}

/// An address for the metrics, or none. A port alone is one of the loopback address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetricsListen(pub Option<SocketAddr>);

impl std::str::FromStr for MetricsListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(None));
        }
        let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>();
        let address = match port {
            Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            Err(_) => text.parse(),
        };
        let wrong = |_| format!("`{text}` is neither a port nor an address such as 127.0.0.1:9464");
        address.map(|address| Self(Some(address))).map_err(wrong)
    }
}

impl TryFrom<String> for MetricsListen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<MetricsListen> for String {
    fn from(listen: MetricsListen) -> Self {
        listen.0.map_or_else(Self::new, |address| address.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_without_a_path_gets_the_usual_one() {
        let url = |text: &str| {
            let settings = TelemetrySettings {
                otlp_endpoint: text.to_owned(),
                ..TelemetrySettings::default()
            };
            settings.traces_url().map_err(|error| error.to_string())
        };
        assert_eq!(url(""), Ok(None));
        for text in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/"] {
            assert_eq!(
                url(text),
                Ok(Some("http://127.0.0.1:4318/v1/traces".to_owned())),
                "{text}"
            );
        }
        assert_eq!(url("http://c/own"), Ok(Some("http://c/own".to_owned())));
        for text in ["127.0.0.1:4318", "https://c", "http://", "ftp://c", "c d"] {
            assert!(
                url(text).is_err_and(|error| error.starts_with("telemetry.otlp_endpoint")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_port_alone_is_for_this_machine() {
        for text in ["9464", ":9464", "127.0.0.1:9464"] {
            let listen: MetricsListen = text.parse().expect(text);
            assert_eq!(listen.0, Some(SocketAddr::from(([127, 0, 0, 1], 9464))), "{text}");
        }
        let open: MetricsListen = "[::]:9464".parse().expect("an address");
        assert!(open.0.is_some_and(|address| address.ip().is_unspecified()));
        assert_eq!("".parse(), Ok(MetricsListen(None)));
        assert!("localhost:9464".parse::<MetricsListen>().is_err());
    }
}
