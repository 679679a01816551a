//! Whom routes answer whose document has no authentication (CONTRACTS, section 0).

use std::net::IpAddr;

use axum::http::request::Parts;

use crate::http::{called_host, is_foreign};

/// Whom a listener's routes answer whose document has no authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Openness {
    /// Who has a bearer token.
    #[default]
    Closed,
    /// Who calls this machine by a loopback name or address; anyone else needs a token.
    ///
    /// A listener on loopback is reached from outside in two ways: by a page whose own name is made to resolve to
    /// 127.0.0.1 (DNS rebinding), which shows in `Host`, and through a proxy on the same machine, which shows in `Host`
    /// too or, where the proxy puts its own there, in what it adds.
    Loopback,
    /// Anyone.
    Anyone,
}

impl Openness {
    /// Whether it is open to anybody at all: how the documentation describes it.
    pub fn is_open(self) -> bool {
        self != Self::Closed
    }

    /// Whether it is open to who sent this request.
    pub(crate) fn is_open_to(self, request: &Parts) -> bool {
        match self {
            Self::Closed => false,
            Self::Anyone => true,
            Self::Loopback => {
                let passed_on = PASSED_ON.iter().any(|name| request.headers.contains_key(*name));
                !passed_on && called_host(&request.headers, &request.uri).is_some_and(is_loopback)
            }
        }
    }
}

/// Whether a browser sends this for a page of another site; programs do not say. Where anyone may, any page that a browser on
/// this machine shows could otherwise buy books.
pub(crate) fn is_for_another_site(request: &Parts) -> bool {
    let fetched_for = request.headers.get("sec-fetch-site");
    fetched_for.is_some_and(|site| site == "cross-site" || site == "same-site")
        || is_foreign(&request.headers, &request.uri)
}

/// What proxies say of whom they pass on (RFC 7239, RFC 9110 section 7.6.3, and what was there before).
const PASSED_ON: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Whether `Host` names this machine to itself: `localhost`, a name below it (RFC 6761), or a loopback address.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
