//! The replies and requests that the `reshape` functions of routes see.

use serde_json::Value;

/// A response before it is written; a route's `reshape` may change all of it.
pub struct ResponseDraft {
    /// The HTTP status.
    pub status: u16,
    /// The value that the body is written from.
    pub node: Value,
    /// The template of `Location`.
    pub location: Option<&'static str>,
}

/// The parts of a request that a `reshape` can read.
pub struct RequestView<'a> {
    params: &'a [(&'static str, String)],
    variables: &'a Value,
}

impl<'a> RequestView<'a> {
    pub(super) fn new(params: &'a [(&'static str, String)], variables: &'a Value) -> Self {
        Self { params, variables }
    }

    /// Returns a decoded parameter of the path.
    pub fn param(&self, name: &str) -> Option<&str> {
        let param = self.params.iter().find(|(known, _)| *known == name);
        param.map(|(_, value)| value.as_str())
    }

    /// Returns a variable of the operation.
    pub fn variable(&self, name: &str) -> &Value {
        &self.variables[name]
    }
}

/// The `reshape` for one person: a closed account is not found, even where the graph still shows it to the caller.
pub(super) fn hide_closed_account(reply: &mut ResponseDraft, _: &RequestView) {
    if reply.node["active"] != true {
        reply.node = Value::Null;
    }
}
