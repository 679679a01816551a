//! The trusted proxies, whose `X-Forwarded-For` contains the client's address.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

use crate::ip_network::IpNetwork;

/// Returns the address of the client that sent a request, and whether a trusted proxy forwarded it. A request of this process
/// itself has no address.
///
/// The address is the connection's, unless that is a trusted proxy. Then it is the right-most entry of `X-Forwarded-For` that
/// is not a trusted proxy, because that client controls everything to the left of it. A malformed entry ends the search at the
/// proxy that wrote it.
pub(crate) fn client_of_request(
    trusted: &[IpNetwork],
    extensions: &Extensions,
    headers: &HeaderMap,
) -> (Option<IpAddr>, bool) {
    let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() else {
        return (None, false);
    };
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.ip().to_canonical();
    if !is_trusted(client) {
        return (Some(client), false);
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for entry in entries {
        let Some(address) = std::str::from_utf8(entry).ok().and_then(parse_entry) else {
            break;
        };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    (Some(client), true)
}

/// Reads an address in any form that proxies write: plain, with a port, or in brackets.
fn parse_entry(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let alone = bracketed.unwrap_or(text).parse::<IpAddr>().ok();
    let address = alone.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, trusted: &[&str], lines: &[&str]) -> String {
        let trusted: Vec<IpNetwork> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 9)));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        client_of_request(&trusted, &extensions, &headers)
            .0
            .unwrap()
            .to_string()
    }

    #[test]
    fn headers_of_untrusted_senders_are_ignored() {
        assert_eq!(client("192.0.2.1", &[], &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["192.0.2.2"], &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &["10.0.0.0/8"], &["203.0.113.9"]), "127.0.0.1");
    }

    #[test]
    fn the_rightmost_untrusted_entry_is_the_client() {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"];
        for (lines, expected) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            (&["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            (&["198.51.100.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            (&["203.0.113.9", "10.1.2.3,10.4.5.6"], "203.0.113.9"),
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["[2001:db9::1]:4711"], "2001:db9::1"),
            (&["[2001:db9::1]"], "2001:db9::1"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["2001:db9::1, 2001:db8::1"], "2001:db9::1"),
            // All entries are trusted: the most distant one counts.
            (&["10.1.2.3"], "10.1.2.3"),
            (&[], "127.0.0.1"),
            // A client cannot hide behind a malformed entry.
            (&["203.0.113.9, unknown"], "127.0.0.1"),
            (&["203.0.113.9, nonsense, 10.1.2.3"], "10.1.2.3"),
            (&["203.0.113.9,"], "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", &trusted, lines), expected, "{lines:?}");
        }
        assert_eq!(client("::ffff:127.0.0.1", &trusted, &["203.0.113.9"]), "203.0.113.9");
    }
}
