//! The settings of metrics and traces.

use std::net::{Ipv4Addr, SocketAddr};

use contract::settings;
use serde::{Deserialize, Serialize};

settings! {
    /// Metrics and traces.
    TelemetrySettings with flags TelemetryFlags under "Telemetry" {
        /// An address of its own for `GET /metrics`, which then is not on the main address and answers every caller there: a port, for
        /// callers on this machine, or an address with a port. Empty by default: the main address has it, for operators and this machine.
        metrics_listen: MetricsListen = MetricsListen::default(),
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
