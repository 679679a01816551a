//! Whom routes answer whose document has no authentication (docs/rest-contract/common.md#access).

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Version};

use crate::http::{Proxied, called_host, is_foreign, is_loopback};

/// Whom a listener's routes answer whose document has no authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Openness {
    /// Who has a bearer token.
    #[default]
    Closed,
    /// A program on this machine that calls it by a loopback name or address; anyone else needs a token.
    ///
    /// A listener on loopback is reached from outside in two ways: by a page whose own name is made to resolve to
    /// 127.0.0.1 (DNS rebinding), which shows in `Host`, and through a proxy on the same machine, which shows in `Host`
    /// too or, where the proxy puts its own there, in what it adds or in the old version that it speaks.
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
            Self::Loopback => is_from_this_machine(request),
        }
    }
}

/// Whether a program on this machine sent the request, and no proxy passed it on (docs/rest-contract/common.md#loopback-callers).
fn is_from_this_machine(request: &Parts) -> bool {
    // A router that is called without a connection is called by this process.
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    let is_loopback_peer = peer.is_none_or(|ConnectInfo(address)| address.ip().to_canonical().is_loopback());
    // Proxies speak HTTP/1.0 unless they are told otherwise; clients have not for decades.
    let is_current = request.version >= Version::HTTP_11;
    is_loopback_peer
        && is_current
        && request.extensions.get::<Proxied>().is_none()
        && !is_passed_on(&request.headers)
        && called_host(&request.headers, &request.uri).is_some_and(is_loopback)
}

/// Whether a browser sends this for a page of another site; programs do not say. Where anyone may, any page that a browser on
/// this machine shows could otherwise buy books.
pub(crate) fn is_for_another_site(request: &Parts) -> bool {
    let fetched_for = request.headers.get("sec-fetch-site");
    fetched_for.is_some_and(|site| site == "cross-site" || site == "same-site")
        || is_foreign(&request.headers, &request.uri)
}

/// Whether a proxy says that it passed the request on (RFC 7239, RFC 9110 section 7.6.3, and the headers that proxies and
/// content delivery networks add on their own).
fn is_passed_on(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        FORWARDING_HEADERS.binary_search(&name).is_ok()
            || FORWARDING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}

/// Families of headers that only proxies add.
const FORWARDING_PREFIXES: [&str; 9] = [
    "cf-",
    "cloudfront-",
    "fastly-",
    "fly-",
    "forwarded",
    "x-amz",
    "x-envoy-",
    "x-forward",
    "x-original-",
];

/// Headers that only proxies add, in alphabetical order.
const FORWARDING_HEADERS: [&str; 37] = [
    "cdn-loop",
    "client-ip",
    "front-end-https",
    "proxy-connection",
    "proxy-ip",
    "remote-addr",
    "surrogate-capability",
    "true-client-ip",
    "via",
    "wl-proxy-client-ip",
    "x-appengine-user-ip",
    "x-arr-log-id",
    "x-azure-clientip",
    "x-azure-fdid",
    "x-azure-socketip",
    "x-client-host",
    "x-client-ip",
    "x-cloud-trace-context",
    "x-cluster-client-ip",
    "x-coming-from",
    "x-host",
    "x-nf-client-connection-ip",
    "x-originating-ip",
    "x-proxied-for",
    "x-proxy-host",
    "x-proxy-port",
    "x-proxyuser-ip",
    "x-real-host",
    "x-real-ip",
    "x-real-port",
    "x-remote-addr",
    "x-remote-ip",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
    "x-varnish",
    "x-vercel-id",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_are_found_by_their_order() {
        assert!(FORWARDING_HEADERS.is_sorted());
    }
}
