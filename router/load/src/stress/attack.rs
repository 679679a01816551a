//! An attack: the bytes of a request, and the answers that the documents promise for it.

use std::borrow::Cow;

use super::raw::{Manner, RawAnswer};

/// A request that no program should send.
pub(super) struct Attack {
    /// The name of its step.
    pub(super) name: &'static str,
    /// The request line without the version: `POST /graphql`.
    pub(super) line: &'static str,
    /// Headers besides `Host`, `Connection` and `Content-Length`, each with its line end. `{token}` is a valid token.
    pub(super) headers: &'static str,
    /// The body.
    pub(super) body: Body,
    /// The way of sending it.
    pub(super) manner: Manner,
    /// The statuses that are right.
    pub(super) statuses: &'static [u16],
    /// The codes that are right where the answer has one; empty for any.
    pub(super) codes: &'static [&'static str],
    /// Whether the server may end the connection without an answer.
    pub(super) may_close: bool,
}

/// A body.
pub(super) enum Body {
    /// No body, and no `Content-Length`.
    None,
    /// A body with its length.
    Bytes(Vec<u8>),
    /// The whole request, instead of everything else. `{host}` is the authority.
    WholeRequest(Vec<u8>),
}

impl Attack {
    /// Returns an attack on GraphQL: a JSON body.
    pub(super) fn graphql(
        name: &'static str,
        body: Body,
        statuses: &'static [u16],
        codes: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            line: "POST /graphql",
            headers: "content-type: application/json\r\naccept: application/graphql-response+json\r\n",
            body,
            manner: Manner::AtOnce,
            statuses,
            codes,
            may_close: false,
        }
    }

    /// Returns an attack on a REST route without a body.
    pub(super) fn bare(name: &'static str, line: &'static str, statuses: &'static [u16]) -> Self {
        Self {
            name,
            line,
            headers: "",
            body: Body::None,
            manner: Manner::AtOnce,
            statuses,
            codes: &[],
            may_close: false,
        }
    }

    /// Returns an attack on a REST route with a JSON body.
    pub(super) fn json(name: &'static str, line: &'static str, body: Body, statuses: &'static [u16]) -> Self {
        Self {
            headers: "content-type: application/json\r\n",
            body,
            ..Self::bare(name, line, statuses)
        }
    }

    /// Returns an attack with a whole request, which the server may answer by ending the connection.
    pub(super) fn whole(name: &'static str, request: impl Into<Vec<u8>>, statuses: &'static [u16]) -> Self {
        Self {
            body: Body::WholeRequest(request.into()),
            may_close: true,
            ..Self::bare(name, "", statuses)
        }
    }

    /// The same attack with other headers.
    pub(super) fn with_headers(self, headers: &'static str) -> Self {
        Self { headers, ..self }
    }

    /// The same attack, sent in another manner.
    pub(super) fn sent(self, manner: Manner) -> Self {
        Self {
            manner,
            may_close: true,
            ..self
        }
    }

    /// The same attack, to which the server may end the connection without an answer.
    pub(super) fn or_closed(self) -> Self {
        Self {
            may_close: true,
            ..self
        }
    }

    /// Returns the bytes for a server at `host`.
    pub(super) fn bytes(&self, host: &str, token: &str) -> Vec<u8> {
        let body: &[u8] = match &self.body {
            Body::WholeRequest(request) => return replace(request, b"{host}", host.as_bytes()).into_owned(),
            Body::None => &[],
            Body::Bytes(body) => body,
        };
        let headers = self.headers.replace("{token}", token);
        let mut bytes = format!(
            "{} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}",
            self.line
        )
        .into_bytes();
        if !matches!(self.body, Body::None) {
            bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        bytes
    }

    /// Returns the reason why this answer is not one of the promised ones.
    pub(super) fn contradiction(&self, answer: &RawAnswer) -> Option<String> {
        let Some(status) = answer.status else {
            return (!self.may_close).then(|| "the connection ended without an answer".to_owned());
        };
        // A busy server sheds anything, and says when to come again.
        if matches!(status, 429 | 503) && answer.has_retry_after {
            return None;
        }
        if !self.statuses.contains(&status) {
            return Some(format!("status {status}, expected one of {:?}", self.statuses));
        }
        if self.codes.is_empty() {
            return None;
        }
        let code = answer.code();
        let is_right = code.as_deref().is_some_and(|code| self.codes.contains(&code));
        (!is_right).then(|| format!("the code is {code:?}, expected one of {:?}", self.codes))
    }
}

fn replace<'a>(bytes: &'a [u8], what: &[u8], by: &[u8]) -> Cow<'a, [u8]> {
    match bytes.windows(what.len()).position(|window| window == what) {
        None => Cow::Borrowed(bytes),
        Some(at) => {
            let rest = replace(&bytes[at + what.len()..], what, by);
            Cow::Owned([&bytes[..at], by, &rest].concat())
        }
    }
}
