//! Serializes the merged trees as the answer: order, aliases, types, and null propagation as the specification
//! requires.

use std::time::Duration;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, ServerError, Value};
use contract::BudgetError;
use serde::Serialize;
use tokio::time::Instant;

use super::abort::Abort;
use super::execute::Allowance;
use super::faults::{Cause, Faults, Marks};
use super::places::places;
use super::shape::{FieldShape, Kind, Leaf, ObjectShape, ValueShape};
use crate::subgraph::{Answer, Outcome};

/// The minimum time for writing an answer that has begun, even if its request's time is over earlier.
const WRITING_TIME_MIN: Duration = Duration::from_secs(1);
/// The bytes written between two checks of the limits.
const BYTES_PER_LOOK: usize = 64 * 1024;

/// Serializes the response map.
///
/// # Errors
/// When it exceeds the allowed bytes or time.
pub fn project(shape: &ObjectShape, data: &Value, mut faults: Faults, allowance: &Allowance) -> Result<Answer, Abort> {
    let marks = faults.marks.take();
    for error in std::mem::take(&mut faults.listed) {
        for place in places(shape, data, &error.path) {
            let mut placed = error.clone();
            placed.path = place;
            faults.push(placed);
        }
    }
    // Small values take more bytes in memory than as text, so this capacity is rarely too small.
    let expected = allowance.budget.gathered_bytes().min(allowance.budget.bytes_max());
    let mut writer = Writer {
        out: Vec::with_capacity(expected.max(512)),
        path: Vec::new(),
        faults,
        bytes_max: allowance.budget.bytes_max(),
        look_at: BYTES_PER_LOOK.min(allowance.budget.bytes_max()),
        deadline: allowance.deadline.max(Instant::now() + WRITING_TIME_MIN),
    };
    writer.out.extend_from_slice(b"{\"data\":");
    let start = writer.out.len();
    let empty = IndexMap::new();
    let root = match data {
        Value::Object(root) => root,
        _ => &empty,
    };
    let covered = Covered::root(marks.as_ref());
    let outcome = match writer.object(shape, root, covered) {
        Ok(()) => Outcome::Data,
        Err(Halt::Aborted(abort)) => return Err(abort),
        Err(Halt::Nulled) => {
            writer.out.truncate(start);
            writer.out.extend_from_slice(b"null");
            Outcome::NullData
        }
    };
    Ok(Answer {
        body: writer.finish().into(),
        outcome,
    })
}

/// Whether the value of a root key makes the whole answer null.
pub fn nulls_the_answer(
    shape: &ObjectShape,
    data_key: &str,
    data: &Value,
    faults: &Faults,
    allowance: &Allowance,
) -> bool {
    let Some(field) = shape.fields.iter().find(|field| *field.data_key == *data_key) else {
        return false;
    };
    let Some(value) = field.value.as_ref().filter(|value| value.non_null) else {
        return false;
    };
    let mut writer = Writer {
        out: Vec::new(),
        path: Vec::new(),
        faults: Faults::default(),
        bytes_max: allowance.budget.bytes_max(),
        look_at: BYTES_PER_LOOK.min(allowance.budget.bytes_max()),
        deadline: allowance.deadline.max(Instant::now() + WRITING_TIME_MIN),
    };
    let found = match data {
        Value::Object(root) => root.get(&*field.data_key),
        _ => None,
    };
    let covered = Covered::root(faults.marks.as_ref()).field(&field.data_key);
    writer.field(shape, field, value, found, covered).is_err()
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
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// The marks of the place that is being written.
#[derive(Clone, Copy)]
struct Covered<'a> {
    mark: Option<&'a Marks>,
    /// The innermost cause on the path to this place.
    cause: Option<&'a Cause>,
}

impl<'a> Covered<'a> {
    fn root(mark: Option<&'a Marks>) -> Self {
        Self { mark, cause: None }.at(mark)
    }

    fn at(self, mark: Option<&'a Marks>) -> Self {
        let own = mark.and_then(|mark| mark.cause.as_deref());
        Self {
            mark,
            cause: own.or(self.cause),
        }
    }

    fn field(self, key: &str) -> Self {
        match self.mark {
            None => self,
            Some(mark) => self.at(mark.field(key)),
        }
    }

    fn item(self, index: usize) -> Self {
        match self.mark {
            None => self,
            Some(mark) => self.at(mark.item(index)),
        }
    }
}

struct Writer<'a> {
    out: Vec<u8>,
    path: Vec<Step<'a>>,
    faults: Faults,
    bytes_max: usize,
    /// The number of written bytes at which the limits are checked next.
    look_at: usize,
    deadline: Instant,
}

impl<'a> Writer<'a> {
    fn object(
        &mut self,
        shape: &'a ObjectShape,
        object: &IndexMap<Name, Value>,
        covered: Covered<'_>,
    ) -> Result<(), Halt> {
        self.out.push(b'{');
        // Subgraphs answer in the order of the fetch, which is nearly the order here: start after the last match.
        let mut next = 0;
        for (index, field) in shape.fields.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&field.key_json);
            let Some(value_shape) = &field.value else {
                self.string(&shape.typename);
                continue;
            };
            let found = match object.get_index(next) {
                Some((key, value)) if key.as_str() == &*field.data_key => Some((next, value)),
                _ => object.get_full(&*field.data_key).map(|(at, _, value)| (at, value)),
            };
            if let Some((at, _)) = found {
                next = at + 1;
            }
            self.path.push(Step::Key(&field.key));
            let written = self.field(
                shape,
                field,
                value_shape,
                found.map(|(_, value)| value),
                covered.field(&field.data_key),
            );
            self.path.pop();
            written?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn field(
        &mut self,
        parent: &'a ObjectShape,
        field: &'a FieldShape,
        shape: &'a ValueShape,
        value: Option<&Value>,
        covered: Covered<'_>,
    ) -> Result<(), Halt> {
        let describe = |what: &str| format!("{what} {}.{}", parent.typename, field.name);
        self.value(shape, value, covered, &describe)
    }

    /// Writes a value, or null in its place, or reports that the null propagates further up.
    fn value(
        &mut self,
        shape: &'a ValueShape,
        value: Option<&Value>,
        covered: Covered<'_>,
        describe: &dyn Fn(&str) -> String,
    ) -> Result<(), Halt> {
        let start = self.out.len();
        let written = match value {
            None | Some(Value::Null) => self.missing(shape, value.is_none(), covered, describe),
            Some(value) => match (&shape.kind, value) {
                (Kind::Object(object), Value::Object(fields)) => self.object(object, fields, covered),
                (Kind::Abstract(objects), Value::Object(fields)) => {
                    let object = match fields.get("__typename") {
                        Some(Value::String(typename)) => objects.get(typename.as_str()),
                        _ => None,
                    };
                    match object {
                        Some(object) => self.object(object, fields, covered),
                        None => self.malformed(covered, describe("an unknown type of object for")),
                    }
                }
                (Kind::List(item), Value::List(items)) => self.list(item, items, covered, describe),
                (Kind::Leaf(leaf), value) => match self.leaf(leaf, value) {
                    true => Ok(()),
                    false => self.malformed(covered, describe("a value of the wrong type for")),
                },
                _ => self.malformed(covered, describe("a value of the wrong type for")),
            },
        };
        match written {
            Ok(()) => {}
            Err(Halt::Nulled) if !shape.non_null => {
                self.out.truncate(start);
                self.out.extend_from_slice(b"null");
            }
            Err(halt) => return Err(halt),
        }
        match self.out.len() < self.look_at {
            true => Ok(()),
            false => self.look(),
        }
    }

    /// Checks the answer against its limits.
    fn look(&mut self) -> Result<(), Halt> {
        if self.out.len() > self.bytes_max {
            return Err(Halt::Aborted(BudgetError::AnswerTooLarge(self.bytes_max).into()));
        }
        if Instant::now() > self.deadline {
            return Err(Halt::Aborted(Abort::timeout()));
        }
        self.look_at = (self.out.len() + BYTES_PER_LOOK).min(self.bytes_max);
        Ok(())
    }

    fn list(
        &mut self,
        shape: &'a ValueShape,
        items: &[Value],
        covered: Covered<'_>,
        describe: &dyn Fn(&str) -> String,
    ) -> Result<(), Halt> {
        self.out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.path.push(Step::Index(index));
            let written = self.value(shape, Some(item), covered.item(index), describe);
            self.path.pop();
            written?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// Handles an absent or null value. Adds an error unless one already explains it.
    fn missing(
        &mut self,
        shape: &'a ValueShape,
        absent: bool,
        covered: Covered<'_>,
        describe: &dyn Fn(&str) -> String,
    ) -> Result<(), Halt> {
        let explained = covered.mark.is_some_and(|mark| mark.listed);
        if explained {
            // A subgraph may answer null for an object none of whose fields it could resolve (async-graphql does).
            // The object existed: its own fields decide how far their nulls propagate.
            if let Kind::Object(object) = &shape.kind
                && covered.mark.is_some_and(Marks::has_failed_fields)
            {
                return self.object(object, &IndexMap::new(), covered);
            }
        } else if let Some(cause) = covered.mark.and_then(Marks::error_below) {
            // A field that the planner added has failed below, and its null propagated up to here.
            let mut error = cause.error();
            error.path = self.path();
            self.faults.push(error);
        } else if let Some(cause) = covered.cause.filter(|_| absent) {
            let mut error = cause.error();
            error.path = self.path();
            self.faults.push(error);
        } else if shape.non_null {
            self.complain(describe("no value for the non-null"));
        }
        Err(Halt::Nulled)
    }

    fn malformed(&mut self, covered: Covered<'_>, message: String) -> Result<(), Halt> {
        if covered.mark.is_none_or(|mark| !mark.listed) {
            self.complain(message);
        }
        Err(Halt::Nulled)
    }

    fn complain(&mut self, message: String) {
        let mut error = ServerError::new(format!("a subgraph answered {message}"), None);
        error.extensions.get_or_insert_default().set("code", "INTERNAL");
        error.path = self.path();
        self.faults.push(error);
    }

    fn path(&self) -> Vec<PathSegment> {
        let steps = self.path.iter().map(|step| match step {
            Step::Key(key) => PathSegment::Field((*key).to_owned()),
            Step::Index(index) => PathSegment::Index(*index),
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

    fn finish(mut self) -> Vec<u8> {
        self.faults.tell_the_rest();
        if !self.faults.listed.is_empty() {
            self.out.extend_from_slice(b",\"errors\":");
            let listed = std::mem::take(&mut self.faults.listed);
            self.json(&listed);
        }
        if self.faults.omitted > 0 {
            let omitted = self.faults.omitted;
            self.out.extend_from_slice(b",\"extensions\":");
            self.json(&serde_json::json!({ "errorsOmitted": omitted }));
        }
        self.out.push(b'}');
        self.out
    }
}
