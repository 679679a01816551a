//! The host that a request calls (RFC 9110, section 7.2; RFC 9112, section 3.2; RFC 9113, section 8.3.1), and whether a page of
//! another origin calls it.
//!
//! The access to a REST route depends on this host, and hyper leaves all of its rules to the application.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, Uri, Version, header};

/// Requires that a request names exactly one well-formed host.
///
/// # Errors
/// The reason, for HTTP/1.1 without `Host` or with two of them, for a malformed one, and for HTTP/2 with a `host` that differs
/// from `:authority`.
pub(crate) fn require_one_host(version: Version, headers: &HeaderMap, uri: &Uri) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err("a request must have one Host header, this one has several");
    }
    let host = host.map(|host| host.to_str().ok().filter(|host| is_host(host)));
    if host == Some(None) {
        return Err("Host must be a host name or address, with or without a port");
    }
    let host = host.flatten();
    let authority = uri.authority().map(|authority| authority.as_str());
    if authority.is_some_and(|authority| !is_host(authority)) {
        return Err("the request target must name a host, with or without a port");
    }
    match (version, host, authority) {
        (Version::HTTP_11, None, _) => Err("an HTTP/1.1 request must have a Host header"),
        (Version::HTTP_2 | Version::HTTP_3, None, None) => Err("an HTTP/2 request must have an :authority"),
        (Version::HTTP_2 | Version::HTTP_3, Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            Err("host must be the same as :authority")
        }
        _ => Ok(()),
    }
}

/// Whether this is a well-formed host, with or without a port.
pub(crate) fn is_host(text: &str) -> bool {
    HostAndPort::parse(text).is_some()
}

/// Returns the host that a request names, with its port if there is one: that of the request target if it has one (an absolute
/// form, or HTTP/2's `:authority`), else `Host`. Returns `None` if there are several.
pub(crate) fn called_host<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Option<&'r str> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// Whether a browser calls for a page of another origin than the called one; other programs send no `Origin`.
pub(crate) fn is_cross_origin(headers: &HeaderMap, uri: &Uri) -> bool {
    let origin = headers.get(header::ORIGIN);
    origin.is_some_and(|origin| !origin.to_str().is_ok_and(|origin| is_same_origin(origin, headers, uri)))
}

/// Whether the origin of a page is that of the called host.
pub(crate) fn is_same_origin(origin: &str, headers: &HeaderMap, uri: &Uri) -> bool {
    match (origin.split_once("://"), called_host(headers, uri)) {
        (Some((scheme, from)), Some(host)) => without_default_port(scheme, from) == without_default_port(scheme, host),
        _ => false,
    }
}

/// Removes the default port: browsers omit it in one header, and a proxy may add it to the other. The result has lower case.
pub(crate) fn without_default_port(scheme: &str, authority: &str) -> String {
    let usual = match scheme {
        "https" => ":443",
        _ => ":80",
    };
    authority.strip_suffix(usual).unwrap_or(authority).to_ascii_lowercase()
}

/// Whether this is literally a loopback name or address: `localhost`, a name below it (RFC 6761, section 6.3), `127.0.0.0/8` in
/// dotted decimals, or `[::1]`. Other spellings that some resolvers treat as loopback (`127.1`, `localhost.`) are not.
pub(crate) fn is_loopback(host: &str) -> bool {
    match HostAndPort::parse(host) {
        Some(HostAndPort { port: Some(""), .. }) | None => false,
        Some(HostAndPort {
            host: Host::V4(address),
            ..
        }) => address.is_loopback(),
        Some(HostAndPort {
            host: Host::V6(address),
            ..
        }) => address.is_loopback(),
        Some(HostAndPort {
            host: Host::Name(name), ..
        }) => {
            let name = name.to_ascii_lowercase();
            name == "localhost" || name.strip_suffix(".localhost").is_some_and(is_dns_name)
        }
    }
}

/// Whether the name consists of letters, digits and hyphens between single dots.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.split('.').all(is_label)
}

/// A host with an optional port (RFC 3986, section 3.2, without user information, which HTTP forbids).
#[derive(Debug, PartialEq, Eq)]
struct HostAndPort<'r> {
    host: Host<'r>,
    /// The digits after the colon, which may be none.
    port: Option<&'r str>,
}

#[derive(Debug, PartialEq, Eq)]
enum Host<'r> {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Name(&'r str),
}

impl<'r> HostAndPort<'r> {
    fn parse(text: &'r str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, behind) = rest.split_once(']')?;
                let port = match behind {
                    "" => None,
                    behind => Some(behind.strip_prefix(':')?),
                };
                (Host::V6(address.parse().ok()?), port)
            }
            None => {
                let (name, port) = match text.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (text, None),
                };
                let host = match name.parse() {
                    Ok(address) => Host::V4(address),
                    Err(_) => Host::Name(is_reg_name(name).then_some(name)?),
                };
                (host, port)
            }
        };
        port.is_none_or(is_port).then_some(Self { host, port })
    }
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
}

/// `reg-name` of RFC 3986, section 3.2.2; HTTP forbids an empty one (RFC 9110, section 4.2.1).
fn is_reg_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        let is_fit = match byte {
            b'%' => {
                let mut is_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            b'-' | b'.' | b'_' | b'~' => true,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            other => other.is_ascii_alphanumeric(),
        };
        if !is_fit {
            return false;
        }
    }
    !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_loopback_hosts_are_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:1",
            "a.b-c.localhost",
            "127.0.0.1",
            "127.255.0.9:65535",
            "[::1]",
            "[0:0::1]:80",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        let others = [
            "",
            ":80",
            "localhost.",
            "localhost:",
            "localhost:notaport",
            "localhost:99999",
            "localhost:+1",
            "localhost:80:80",
            " localhost",
            "localhost ",
            "local%68ost",
            "evil.localhost:80@x",
            "user@localhost",
            "localhost/",
            "localhost#",
            "127.1",
            "127.0.0.1.",
            "127.0.0.01",
            "0x7f.1",
            "0x7f.0.0.1",
            "2130706433",
            "017700000001",
            "127.0.0.1x",
            "[127.0.0.1]",
            "[127.0.0.1]x",
            "[::1].evil.com",
            "[::1]evil",
            "[::1",
            "::1",
            "[::1]:",
            "[::1%25lo]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "[::]",
            ".localhost",
            "evil..localhost",
            "a,b.localhost",
            "localhost.evil.com",
            "localhost,evil.com",
            "evillocalhost",
        ];
        for host in others {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_host_follows_the_grammar() {
        for host in [
            "example.com",
            "example.com:",
            "example.com.:8080",
            "127.1",
            "a_b",
            "%41.example",
            "[2001:db8::1]:443",
        ] {
            assert!(HostAndPort::parse(host).is_some(), "{host}");
        }
        for host in [
            "", ":1", "a b", "a/b", "a@b", "a%4", "a%zz", "a:b", "a:65536", "a,b:c", "é", "a?b", "a\\b", "<a>",
            "[v1.a]", "[::1]1",
        ] {
            assert!(HostAndPort::parse(host).is_none(), "{host}");
        }
    }
}
