//! From the body of an answer to a GraphQL response.

use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::{ErrorExtensionValues, Name, PathSegment, Response, ServerError, Value};
use bytes::Bytes;
use engine::subgraph::TapeResponse;
use engine::tape::{self, Bounds, NodeKind, Tape};

use super::json;
use super::settings::RemoteSettings;
use super::subgraph_error::SubgraphError;

/// The members of a response map, or of another object of an answer.
pub type Fields = IndexMap<Name, Value>;

/// Reads the responses of one subgraph.
#[derive(Clone, Debug)]
pub struct ResponseReader {
    /// The bounds of its answers.
    pub bounds: Bounds,
    /// Bytes of an answer.
    pub bytes_max: usize,
    /// Whether answers may be compressed.
    pub accepts_gzip: bool,
    subgraph: String,
    keeps_extensions: bool,
    names_subgraph: bool,
}

impl ResponseReader {
    /// The reader for a subgraph.
    pub fn new(subgraph: &str, settings: &RemoteSettings) -> Self {
        Self {
            bounds: settings.bounds(),
            bytes_max: settings.subgraph_answer_bytes_max,
            accepts_gzip: settings.subgraph_gzip,
            subgraph: subgraph.to_owned(),
            keeps_extensions: settings.subgraph_error_extensions,
            names_subgraph: settings.subgraph_error_service,
        }
    }

    /// Reads a GraphQL response. The places of errors in the document are left out: the document is the planner's.
    ///
    /// # Errors
    /// When the body is no JSON, exceeds the bounds, or has neither valid data nor an error.
    pub fn parse(&self, body: &Bytes) -> Result<TapeResponse, SubgraphError> {
        let response = match Tape::parse(body.clone(), self.bounds) {
            Some(tape) if has_only_data(&tape) => return Ok(TapeResponse::Tape(Arc::new(tape))),
            Some(tape) => self.read(tape.to_value(tape::ROOT))?,
            None => self.parse_values(body)?,
        };
        Ok(response.into())
    }

    /// Reads a GraphQL response into values.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_values(&self, body: &[u8]) -> Result<Response, SubgraphError> {
        self.read(json::parse(body, self.bounds)?)
    }

    /// Reads a GraphQL response from its JSON value.
    ///
    /// # Errors
    /// When the value has neither valid data nor an error.
    pub fn read(&self, map: Value) -> Result<Response, SubgraphError> {
        let Value::Object(mut map) = map else {
            return Err(SubgraphError::InvalidResponse("it must be an object"));
        };
        let errors = match map.swap_remove("errors") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::List(errors)) => {
                let errors = errors.into_iter().map(|error| self.error(error));
                errors.collect::<Result<_, _>>()?
            }
            Some(_) => return Err(SubgraphError::InvalidResponse("`errors` must be a list")),
        };
        let mut response = Response::from_errors(errors);
        match map.swap_remove("data") {
            Some(data @ Value::Object(_)) => response.data = data,
            None | Some(Value::Null) if !response.errors.is_empty() => {}
            None | Some(Value::Null) => return Err(SubgraphError::InvalidResponse("it must have `data` or `errors`")),
            Some(_) => return Err(SubgraphError::InvalidResponse("`data` must be an object or null")),
        }
        Ok(response)
    }

    /// Returns the response in place of the subgraph's: one error, whose message names the subgraph.
    pub fn failure(&self, error: SubgraphError) -> Response {
        let code = error.code();
        if let SubgraphError::Refused(error) = error {
            return Response::from_errors(vec![*error]);
        }
        let mut shown = ServerError::new(format!("the subgraph `{}` {error}", self.subgraph), None);
        shown.extensions.get_or_insert_default().set("code", code.as_str());
        self.name_subgraph(&mut shown);
        Response::from_errors(vec![shown])
    }

    /// Reads one error. Its message is required; a path or extensions of a wrong form are left out.
    fn error(&self, error: Value) -> Result<ServerError, SubgraphError> {
        let Value::Object(mut fields) = error else {
            return Err(SubgraphError::InvalidResponse("an error must be an object"));
        };
        let Some(Value::String(message)) = fields.swap_remove("message") else {
            return Err(SubgraphError::InvalidResponse(
                "an error must have a `message` that is a string",
            ));
        };
        let mut error = ServerError::new(message, None);
        error.path = fields.swap_remove("path").and_then(into_path).unwrap_or_default();
        if self.keeps_extensions
            && let Some(Value::Object(extensions)) = fields.swap_remove("extensions")
        {
            error.extensions = Some(into_extensions(extensions));
        }
        self.name_subgraph(&mut error);
        Ok(error)
    }

    fn name_subgraph(&self, error: &mut ServerError) {
        if self.names_subgraph {
            let extensions = error.extensions.get_or_insert_default();
            extensions.set("service", self.subgraph.as_str());
        }
    }
}

/// Copies a response that several clients read. That of a subgraph has data and errors, and nothing else.
pub fn copy_of(response: &Response) -> Response {
    let mut copy = Response::from_errors(response.errors.clone());
    copy.data = response.data.clone();
    copy
}

/// Whether a response map has data that are an object, and no errors.
fn has_only_data(tape: &Tape) -> bool {
    let is = |key, kind| tape.member(tape::ROOT, key).map(|member| tape.kind(member) == kind);
    tape.kind(tape::ROOT) == NodeKind::Object
        && is("data", NodeKind::Object) == Some(true)
        && is("errors", NodeKind::Null) != Some(false)
}

fn into_extensions(fields: Fields) -> ErrorExtensionValues {
    let mut extensions = ErrorExtensionValues::default();
    for (key, value) in fields {
        extensions.set(key.as_str(), value);
    }
    extensions
}

fn into_path(path: Value) -> Option<Vec<PathSegment>> {
    let Value::List(segments) = path else { return None };
    let segments = segments.into_iter().map(|segment| match segment {
        Value::String(key) => Some(PathSegment::Field(key)),
        Value::Number(index) => Some(PathSegment::Index(index.as_u64()?.try_into().ok()?)),
        _ => None,
    });
    segments.collect()
}
