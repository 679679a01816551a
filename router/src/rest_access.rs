//! The access to REST routes whose document has no authentication (docs/rest-contract/common.md#access): the setting, and the
//! callers without a token that it permits.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Version};
use serde::{Deserialize, Serialize};

use crate::host::{called_host, is_cross_origin, is_loopback};

/// The access to REST routes whose document has no authentication (docs/rest-contract/common.md#access).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RestAccess {
    /// `open` on loopback addresses, for callers that use a loopback name and no proxy; `token` elsewhere.
    Auto,
    /// Every caller, as documented.
    Open,
    /// Callers with a bearer token.
    Token,
}

impl RestAccess {
    /// Returns the access of anonymous callers at a listener with that address.
    pub fn anonymous_access(self, address: SocketAddr) -> AnonymousAccess {
        match self {
            Self::Auto if address.ip().is_loopback() => AnonymousAccess::Loopback,
            Self::Open => AnonymousAccess::Anyone,
            Self::Auto | Self::Token => AnonymousAccess::Closed,
        }
    }
}

/// The callers without a token that may use a listener's routes whose document has no authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnonymousAccess {
    /// None: every caller needs a bearer token.
    #[default]
    Closed,
    /// Programs on this machine that call it by a loopback name or address; other callers need a token.
    ///
    /// Requests from outside can reach a listener on loopback in two ways. A page can make its own name resolve to 127.0.0.1 (DNS
    /// rebinding), which shows in `Host`. A proxy on the same machine can pass requests on, which shows in `Host` too. Where the
    /// proxy replaces `Host`, the headers that it adds or the old HTTP version that it speaks give it away.
    Loopback,
    /// All callers.
    Anyone,
}

impl AnonymousAccess {
    /// Whether it is open to any caller without a token: decides how the documentation describes access.
    pub fn is_open(self) -> bool {
        self != Self::Closed
    }

    /// Whether it is open to the sender of this request.
    pub(crate) fn is_open_to(self, request: &Parts) -> bool {
        match self {
            Self::Closed => false,
            Self::Anyone => true,
            Self::Loopback => is_from_this_machine(request),
        }
    }
}

/// Marks a request that a trusted proxy forwarded: it comes from another machine, whatever its headers say.
#[derive(Clone, Copy)]
pub(crate) struct ForwardedMarker;

/// Marks a request that a browser sends for a page of another site that the settings allow by name.
#[derive(Clone, Copy)]
pub(crate) struct AllowedSiteMarker;

/// Whether a program on this machine sent the request, and no proxy passed it on (docs/rest-contract/common.md#loopback-callers).
fn is_from_this_machine(request: &Parts) -> bool {
    // A request without a connection comes from this process.
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    let is_loopback_peer = peer.is_none_or(|ConnectInfo(address)| address.ip().to_canonical().is_loopback());
    // Some proxies speak HTTP/1.0 unless configured otherwise; clients have not for decades.
    let is_current = request.version >= Version::HTTP_11;
    is_loopback_peer
        && is_current
        && request.extensions.get::<ForwardedMarker>().is_none()
        && !is_forwarded(&request.headers)
        && called_host(&request.headers, &request.uri).is_some_and(is_loopback)
}

/// Whether a browser sends this request for a page of another site that the settings do not name; other programs do not send these
/// headers. Without this check, on a mount that needs no token, any page in a browser on this machine could buy books.
pub(crate) fn is_for_another_site(request: &Parts) -> bool {
    if request.extensions.get::<AllowedSiteMarker>().is_some() {
        return false;
    }
    let fetched_for = request.headers.get("sec-fetch-site");
    fetched_for.is_some_and(|site| site == "cross-site" || site == "same-site")
        || is_cross_origin(&request.headers, &request.uri)
}

/// Whether a proxy says that it passed the request on (RFC 7239, RFC 9110 section 7.6.3, and the headers that proxies and
/// content delivery networks add on their own).
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        FORWARDING_HEADERS.contains(&name)
            || FORWARDING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || FORWARDING_PARTS.iter().any(|part| name.contains(part))
    })
}

/// Families of headers that only proxies add.
const FORWARDING_PREFIXES: [&str; 24] = [
    "akamai-",
    "cdn-",
    "cf-",
    "cloudfront-",
    "fastly-",
    "fly-",
    "incap-",
    "surrogate-",
    "x-akamai-",
    "x-amz",
    "x-appengine-",
    "x-arr-",
    "x-azure-",
    "x-cdn",
    "x-cloud-trace-",
    "x-envoy-",
    "x-forward",
    "x-google-",
    "x-nf-",
    "x-original-",
    "x-real-",
    "x-remote-",
    "x-sucuri-",
    "x-vercel-",
];

/// Parts of names of headers that only proxies add: they tell the address of the client, or the way of the request.
const FORWARDING_PARTS: [&str; 10] = [
    "-via",
    "client-host",
    "client-ip",
    "clientip",
    "client-address",
    "forwarded",
    "originating-ip",
    "proxied",
    "proxy",
    "remote-addr",
];

/// Other headers that only proxies add.
const FORWARDING_HEADERS: [&str; 4] = ["front-end-https", "via", "x-coming-from", "x-host"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_list_is_sorted() {
        assert!(FORWARDING_HEADERS.is_sorted());
    }
}
