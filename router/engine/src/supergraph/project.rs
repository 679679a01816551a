//! Serializes the merged trees as the answer: order, aliases, types, and null propagation as the specification
//! requires.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, ServerError, Value};
use foundation::{BudgetError, ErrorCode, ErrorCodeSet};
use serde::Serialize;
use tokio::time::Instant;

use super::abort::Abort;
use super::allowance::Allowance;
use super::field_errors::{ErrorPaths, FetchError, FieldErrors};
use super::plan::model::{FieldProjection, Leaf, ObjectProjection, ValueKind, ValueProjection};
use super::response_paths::response_paths;
use super::tree;
use crate::subgraph::{EncodedResponse, ResponseKind, code_of};

/// The minimum time for writing an answer, from the first check of the limits, even if its request's time is over earlier.
const WRITING_TIME_MIN: Duration = Duration::from_secs(1);
/// The bytes written between two checks of the limits.
const BYTES_PER_CHECK: usize = 64 * 1024;

/// Serializes the response map.
///
/// # Errors
/// When it exceeds the allowed bytes or time.
pub fn project(
    projection: &ObjectProjection,
    data: &Value,
    mut field_errors: FieldErrors,
    allowance: &Allowance,
) -> Result<EncodedResponse, Abort> {
    let error_paths = field_errors.error_paths.take();
    for error in std::mem::take(&mut field_errors.listed) {
        for place in response_paths(projection, data, &error.path) {
            let mut placed = error.clone();
            placed.path = place;
            field_errors.push(placed);
        }
    }
    // Small values take more bytes in memory than as text, so this capacity is rarely too small.
    let expected = allowance.budget.response_bytes().min(allowance.budget.bytes_max());
    let mut writer = ResponseWriter {
        out: Vec::with_capacity(expected.max(512)),
        path: Vec::new(),
        field_errors,
        limits: WritingLimits::new(allowance),
    };
    writer.out.extend_from_slice(b"{\"data\":");
    let start = writer.out.len();
    let empty = IndexMap::new();
    let root = match data {
        Value::Object(root) => root,
        _ => &empty,
    };
    let scope = ErrorScope::root(error_paths.as_ref());
    let kind = match writer.object(projection, root, scope) {
        Ok(()) => ResponseKind::Data,
        Err(Halt::Aborted(abort)) => return Err(abort),
        Err(Halt::Nulled) => {
            writer.out.truncate(start);
            writer.out.extend_from_slice(b"null");
            ResponseKind::NullData
        }
    };
    let (body, codes) = writer.finish();
    Ok(EncodedResponse {
        body: body.into(),
        kind,
        codes,
    })
}

/// Whether the value of a root key makes the whole answer null.
pub fn nulls_data(
    projection: &ObjectProjection,
    data_key: &str,
    data: &Value,
    field_errors: &FieldErrors,
    allowance: &Allowance,
) -> bool {
    let Some(field) = projection.fields.iter().find(|field| *field.data_key == *data_key) else {
        return false;
    };
    let Some(value) = field.value.as_ref().filter(|value| value.non_null) else {
        return false;
    };
    let mut writer = ResponseWriter {
        out: Vec::new(),
        path: Vec::new(),
        field_errors: FieldErrors::default(),
        limits: WritingLimits::new(allowance),
    };
    let found = match data {
        Value::Object(root) => root.get(&*field.data_key),
        _ => None,
    };
    let scope = ErrorScope::root(field_errors.error_paths.as_ref()).field(&field.data_key);
    writer.field(projection, field, value, found, scope).is_err()
}

/// The limits of an answer that is being written.
pub struct WritingLimits {
    bytes_max: usize,
    /// The number of written bytes at which the limits are checked next.
    next_check: usize,
    request_deadline: Instant,
    /// Set by the first check: most answers are too small for one.
    writing_deadline: Option<Instant>,
}

impl WritingLimits {
    /// The limits of an answer with this allowance.
    pub fn new(allowance: &Allowance) -> Self {
        let bytes_max = allowance.budget.bytes_max();
        Self {
            bytes_max,
            next_check: BYTES_PER_CHECK.min(bytes_max),
            request_deadline: allowance.deadline,
            writing_deadline: None,
        }
    }

    /// Checks the limits, if enough was written since the last time.
    ///
    /// # Errors
    /// When the answer exceeds them.
    pub fn check(&mut self, written: usize) -> Result<(), Abort> {
        if written < self.next_check {
            return Ok(());
        }
        if written > self.bytes_max {
            return Err(BudgetError::AnswerTooLarge(self.bytes_max).into());
        }
        let now = Instant::now();
        let start = self.request_deadline.max(now + WRITING_TIME_MIN);
        if now > *self.writing_deadline.get_or_insert(start) {
            return Err(Abort::timeout());
        }
        self.next_check = (written + BYTES_PER_CHECK).min(self.bytes_max);
        Ok(())
    }
}

/// The reason that writing stops at this place.
enum Halt {
    /// A null propagates to the parent.
    Nulled,
    /// The whole answer is aborted.
    Aborted(Abort),
}

/// A segment of the path that is being written.
#[derive(Clone, Copy)]
enum ResponsePathSegment<'a> {
    Key(&'a str),
    Index(usize),
}

/// The errors at the place that is being written.
#[derive(Clone, Copy)]
struct ErrorScope<'a> {
    paths: Option<&'a ErrorPaths>,
    /// The innermost cause on the path to this place.
    cause: Option<&'a FetchError>,
}

impl<'a> ErrorScope<'a> {
    fn root(paths: Option<&'a ErrorPaths>) -> Self {
        Self { paths, cause: None }.at(paths)
    }

    fn at(self, paths: Option<&'a ErrorPaths>) -> Self {
        let own = paths.and_then(|paths| paths.cause.as_deref());
        Self {
            paths,
            cause: own.or(self.cause),
        }
    }

    fn field(self, key: &str) -> Self {
        match self.paths {
            None => self,
            Some(paths) => Self {
                paths: self.paths,
                cause: paths.cause_of_key(key).map(Arc::as_ref).or(self.cause),
            }
            .at(paths.field(key)),
        }
    }

    fn item(self, index: usize) -> Self {
        match self.paths {
            None => self,
            Some(paths) => self.at(paths.item(index)),
        }
    }
}

struct ResponseWriter<'a> {
    out: Vec<u8>,
    path: Vec<ResponsePathSegment<'a>>,
    field_errors: FieldErrors,
    limits: WritingLimits,
}

impl<'a> ResponseWriter<'a> {
    fn object(
        &mut self,
        projection: &'a ObjectProjection,
        object: &IndexMap<Name, Value>,
        scope: ErrorScope<'_>,
    ) -> Result<(), Halt> {
        if let Some(code) = projection.denied {
            return self.denied(
                code,
                format!("the caller may not see objects of the type {}", projection.typename),
            );
        }
        self.out.push(b'{');
        // Subgraphs answer in the order of the fetch, which is nearly the order here: start after the last match.
        let mut next = 0;
        for (index, field) in projection.fields.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&field.key_json);
            let Some(value_projection) = &field.value else {
                self.string(&projection.typename);
                continue;
            };
            let found = match object.get_index(next) {
                Some((key, value)) if key.as_str() == &*field.data_key => Some((next, value)),
                _ => tree::index_of(object, &field.data_key)
                    .and_then(|at| object.get_index(at).map(|(_, value)| (at, value))),
            };
            if let Some((at, _)) = found {
                next = at + 1;
            }
            self.path.push(ResponsePathSegment::Key(&field.key));
            let written = self.field(
                projection,
                field,
                value_projection,
                found.map(|(_, value)| value),
                scope.field(&field.data_key),
            );
            self.path.pop();
            written?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn field(
        &mut self,
        parent: &'a ObjectProjection,
        field: &'a FieldProjection,
        projection: &'a ValueProjection,
        value: Option<&Value>,
        scope: ErrorScope<'_>,
    ) -> Result<(), Halt> {
        let describe = |what: &str| format!("{what} {}.{}", parent.typename, field.name);
        self.value(projection, value, scope, &describe)
    }

    /// Writes a value, or null in its place, or reports that the null propagates further up.
    fn value(
        &mut self,
        projection: &'a ValueProjection,
        value: Option<&Value>,
        scope: ErrorScope<'_>,
        describe: &dyn Fn(&str) -> String,
    ) -> Result<(), Halt> {
        let start = self.out.len();
        let written = match (&projection.kind, value) {
            (ValueKind::Denied(code), _) => self.denied(*code, describe("the caller may not see")),
            (_, None | Some(Value::Null)) => self.missing_value(projection, value.is_none(), scope, describe),
            (kind, Some(value)) => match (kind, value) {
                (ValueKind::Object(object), Value::Object(fields)) => self.object(object, fields, scope),
                (ValueKind::Abstract(objects), Value::Object(fields)) => {
                    match tree::typename(fields).and_then(|typename| objects.get(typename)) {
                        Some(object) => self.object(object, fields, scope),
                        None => self.malformed(scope, describe("an unknown type of object for")),
                    }
                }
                (ValueKind::List(item), Value::List(items)) => self.list(item, items, scope, describe),
                (ValueKind::Leaf(leaf), value) => {
                    if self.leaf(leaf, value) {
                        Ok(())
                    } else {
                        self.malformed(scope, describe("a value of the wrong type for"))
                    }
                }
                _ => self.malformed(scope, describe("a value of the wrong type for")),
            },
        };
        match written {
            Ok(()) => {}
            Err(Halt::Nulled) if !projection.non_null => {
                self.out.truncate(start);
                self.out.extend_from_slice(b"null");
            }
            Err(halt) => return Err(halt),
        }
        self.limits.check(self.out.len()).map_err(Halt::Aborted)
    }

    fn list(
        &mut self,
        projection: &'a ValueProjection,
        items: &[Value],
        scope: ErrorScope<'_>,
        describe: &dyn Fn(&str) -> String,
    ) -> Result<(), Halt> {
        self.out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.path.push(ResponsePathSegment::Index(index));
            let written = self.value(projection, Some(item), scope.item(index), describe);
            self.path.pop();
            written?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// Handles an absent or null value. Adds an error unless one already explains it.
    fn missing_value(
        &mut self,
        projection: &'a ValueProjection,
        absent: bool,
        scope: ErrorScope<'_>,
        describe: &dyn Fn(&str) -> String,
    ) -> Result<(), Halt> {
        let explained = scope.paths.is_some_and(|paths| paths.is_listed);
        if explained {
            // A subgraph may answer null for an object none of whose fields it could resolve (async-graphql does).
            // The object existed: its own fields decide how far their nulls propagate.
            if let ValueKind::Object(object) = &projection.kind
                && scope.paths.is_some_and(ErrorPaths::has_failed_fields)
            {
                return self.object(object, &IndexMap::new(), scope);
            }
        } else if let Some(cause) = scope.paths.and_then(ErrorPaths::error_below) {
            // A field that the planner added has failed below, and its null propagated up to here.
            let mut error = cause.error();
            error.path = self.path();
            self.field_errors.push(error);
        } else if let Some(cause) = scope.cause.filter(|_| absent) {
            let mut error = cause.error();
            error.path = self.path();
            self.field_errors.push(error);
        } else if projection.non_null {
            self.push_internal_error(describe("no value for the non-null"));
        }
        Err(Halt::Nulled)
    }

    fn malformed(&mut self, scope: ErrorScope<'_>, message: String) -> Result<(), Halt> {
        if scope.paths.is_none_or(|paths| !paths.is_listed) {
            self.push_internal_error(message);
        }
        Err(Halt::Nulled)
    }

    /// Adds the error of a value that the caller may not see.
    fn denied(&mut self, code: ErrorCode, message: String) -> Result<(), Halt> {
        self.push_error(message, code);
        Err(Halt::Nulled)
    }

    fn push_internal_error(&mut self, message: String) {
        self.push_error(format!("a subgraph answered {message}"), ErrorCode::Internal);
    }

    fn push_error(&mut self, message: String, code: ErrorCode) {
        let mut error = ServerError::new(message, None);
        error.extensions.get_or_insert_default().set("code", code.as_str());
        error.path = self.path();
        self.field_errors.push(error);
    }

    fn path(&self) -> Vec<PathSegment> {
        let steps = self.path.iter().map(|step| match step {
            ResponsePathSegment::Key(key) => PathSegment::Field((*key).to_owned()),
            ResponsePathSegment::Index(index) => PathSegment::Index(*index),
        });
        steps.collect()
    }

    /// Writes a scalar or an enum value. Returns `false`, and writes nothing, if the value is not of this kind.
    fn leaf(&mut self, leaf: &Leaf, value: &Value) -> bool {
        match (leaf, value) {
            (Leaf::Custom, value) => self.json(value),
            (Leaf::String | Leaf::Id, Value::String(text)) => self.string(text),
            (Leaf::Boolean, Value::Boolean(truth)) => self.json(truth),
            (Leaf::Int, Value::Number(number)) if number.as_i64().is_some_and(|int| i32::try_from(int).is_ok()) => {
                self.json(number);
            }
            (Leaf::Float, Value::Number(number)) => self.json(number),
            (Leaf::Id, Value::Number(number)) if !number.is_f64() => self.string(&number.to_string()),
            (Leaf::Enum(words), Value::Enum(word)) if words.iter().any(|known| **known == *word.as_str()) => {
                self.string(word);
            }
            (Leaf::Enum(words), Value::String(word)) if words.iter().any(|known| **known == **word) => {
                self.string(word);
            }
            _ => return false,
        }
        true
    }

    fn string(&mut self, text: &str) {
        self.json(text);
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) {
        serde_json::to_writer(&mut self.out, value).expect("a value writes itself into memory");
    }

    /// Returns the response, and the codes of the errors that it lists.
    fn finish(mut self) -> (Vec<u8>, ErrorCodeSet) {
        self.field_errors.list_unreported();
        let codes = self.field_errors.listed.iter().filter_map(code_of).collect();
        if !self.field_errors.listed.is_empty() {
            self.out.extend_from_slice(b",\"errors\":");
            let listed = std::mem::take(&mut self.field_errors.listed);
            self.json(&listed);
        }
        if self.field_errors.omitted > 0 {
            let omitted = self.field_errors.omitted;
            self.out.extend_from_slice(b",\"extensions\":");
            self.json(&serde_json::json!({ "errorsOmitted": omitted }));
        }
        self.out.push(b'}');
        (self.out, codes)
    }
}
