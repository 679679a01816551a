//! The origins of other sites whose pages may call this server from a browser.

use std::fmt;
use std::str::FromStr;

use axum::http::{HeaderValue, Uri};

use crate::host::{is_host, without_default_port};

/// The origin of a site (RFC 6454) whose pages may call this server, or `*` for those of every site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(
    /// The origin as browsers send it; `None` for every origin.
    Option<String>,
);

impl AllowedOrigin {
    /// Whether this is `*`.
    pub(crate) fn is_any(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this names the origin that a browser sent. `*` names none.
    pub(crate) fn names(&self, origin: &HeaderValue) -> bool {
        self.0.as_ref().is_some_and(|own| own.as_bytes() == origin.as_bytes())
    }

    /// Whether pages of the origin that a browser sent may call.
    pub(crate) fn allows(&self, origin: &HeaderValue) -> bool {
        self.is_any() || self.names(origin)
    }
}

impl FromStr for AllowedOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self(None));
        }
        let wrong =
            || format!("`{text}` is not an origin: write `https://app.example`, with a port if there is one, or `*`");
        let given = text.strip_suffix('/').unwrap_or(text);
        let (scheme, authority) = given.split_once("://").ok_or_else(wrong)?;
        let uri: Uri = given.parse().map_err(|_| wrong())?;
        // `*` may stand in a host name, but no browser sends such an origin: it is meant as a pattern.
        let is_origin = uri.authority().is_some_and(|found| found.as_str() == authority)
            && is_host(authority)
            && !authority.contains('*');
        if !is_origin {
            return Err(wrong());
        }
        // Browsers write both in lower case, and leave out the default port.
        let scheme = scheme.to_ascii_lowercase();
        let authority = match scheme.as_str() {
            "http" | "https" => without_default_port(&scheme, authority),
            _ => authority.to_ascii_lowercase(),
        };
        Ok(Self(Some(format!("{scheme}://{authority}"))))
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (given, origin) in [
            ("*", "*"),
            ("https://app.example", "https://app.example"),
            ("HTTPS://App.Example:443/", "https://app.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://app.example:443", "http://app.example:443"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(given.parse::<AllowedOrigin>().unwrap().to_string(), origin);
        }
    }

    #[test]
    fn anything_else_is_no_origin() {
        for text in [
            "",
            "app.example",
            "localhost:5173",
            "//app.example",
            "https://",
            "https://app.example/path",
            "https://app.example?query",
            "https://user@app.example",
            "https://app.example:port",
            "https://*.app.example",
            "https://app example",
            "null",
        ] {
            let error = text.parse::<AllowedOrigin>().expect_err(text);
            assert!(error.contains("is not an origin"), "{error}");
        }
    }
}
