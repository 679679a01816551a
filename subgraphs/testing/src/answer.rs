//! The answer to a GraphQL request, as tests read it.

use std::fmt::{self, Debug, Display};
use std::ops::Deref;

use serde_json::Value;

/// The answer to a GraphQL request. It dereferences to its JSON: `answer["data"]["me"]`.
#[derive(Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status, where the transport has one.
    pub status: Option<u16>,
    json: Value,
}

impl Answer {
    /// The answer with that JSON, without a status.
    pub fn new(json: Value) -> Self {
        Self { status: None, json }
    }

    /// The same answer with that HTTP status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// Returns the whole answer.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Returns the code of the first error; `OK` when there is none.
    pub fn code(&self) -> &str {
        match self.json.get("errors") {
            None => "OK",
            Some(errors) => errors[0]["extensions"]["code"].as_str().unwrap_or("NO CODE"),
        }
    }

    /// Returns the message of the first error.
    ///
    /// # Panics
    /// When there is no error.
    #[track_caller]
    pub fn message(&self) -> &str {
        match self.json["errors"][0]["message"].as_str() {
            Some(message) => message,
            None => panic!("no message of an error in {self:?}"),
        }
    }

    /// Returns the argument that the first error names; an empty text when it names none.
    pub fn field(&self) -> &str {
        self.json["errors"][0]["extensions"]["field"]
            .as_str()
            .unwrap_or_default()
    }

    /// Returns the value at that path of `data`, such as `user.inbox.nodes.0.contents`. A number is the index of an item.
    ///
    /// # Panics
    /// When the answer has errors, or lacks a step of the path. [`partial`](Self::partial) reads an answer with errors.
    #[track_caller]
    pub fn at(&self, path: &str) -> &Value {
        assert_eq!(self.code(), "OK", "reading {path} of {self:?}");
        self.partial(path)
    }

    /// Returns the value at that path of `data`, as [`at`](Self::at) does, of an answer that may have errors.
    ///
    /// # Panics
    /// When the answer lacks a step of the path.
    #[track_caller]
    pub fn partial(&self, path: &str) -> &Value {
        let mut value = &self.json["data"];
        for step in steps(path) {
            value = match child(value, step) {
                Some(child) => child,
                None => panic!("no {step} of {path} in {self:?}"),
            };
        }
        value
    }

    /// Returns all values at that path of `data`, in which `*` stands for every item of a list: `books.nodes.*.title`.
    ///
    /// # Panics
    /// As [`at`](Self::at), and when a `*` stands at something else than a list.
    #[track_caller]
    pub fn all(&self, path: &str) -> Vec<&Value> {
        assert_eq!(self.code(), "OK", "reading {path} of {self:?}");
        let mut values = vec![&self.json["data"]];
        for step in steps(path) {
            let mut next = Vec::new();
            for value in values {
                match (step, value.as_array()) {
                    ("*", Some(items)) => next.extend(items),
                    _ => match child(value, step) {
                        Some(child) => next.push(child),
                        None => panic!("no {step} of {path} in {self:?}"),
                    },
                }
            }
            values = next;
        }
        values
    }

    /// Returns the text at that path, as [`at`](Self::at) does.
    ///
    /// # Panics
    /// As [`at`](Self::at), and when the value is no string.
    #[track_caller]
    pub fn text(&self, path: &str) -> &str {
        match self.at(path).as_str() {
            Some(text) => text,
            None => panic!("{path} is no text in {self:?}"),
        }
    }

    /// Returns the number of the id at that path: `7` of `book_7`.
    ///
    /// # Panics
    /// As [`text`](Self::text), and when the text is not an id.
    #[track_caller]
    pub fn id(&self, path: &str) -> i64 {
        number_of(self.text(path))
    }
}

/// Returns the number of an id: `7` of `book_7`.
///
/// # Panics
/// When the text is not an id.
#[track_caller]
pub fn number_of(id: &str) -> i64 {
    match id.rsplit('_').next().and_then(|number| number.parse().ok()) {
        Some(number) => number,
        None => panic!("{id} is not an id"),
    }
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').filter(|step| !step.is_empty())
}

fn child<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    }
}

impl Deref for Answer {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.json
    }
}

impl PartialEq<Value> for Answer {
    fn eq(&self, other: &Value) -> bool {
        self.json == *other
    }
}

/// The whole answer, indented, after its status.
impl Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        write!(f, "{:#}", self.json)
    }
}

/// The whole answer in one line.
impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.json, f)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use serde_json::json;

    use super::Answer;

    fn panic_of(read: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let panic = catch_unwind(read).expect_err("it panics");
        panic.downcast_ref::<String>().expect("a message").clone()
    }

    #[test]
    fn a_path_leads_to_a_value_or_names_the_missing_step() {
        let answer = Answer::new(
            json!({ "data": { "user": { "inbox": [{ "id": "message_7" }, { "id": "8" }], "name": null } } }),
        );
        assert_eq!(answer.at("user.inbox.1.id"), "8");
        assert_eq!(answer.id("user.inbox.0.id"), 7);
        assert_eq!(answer.at("user.name"), &json!(null));
        assert_eq!(answer.all("user.inbox.*.id"), ["message_7", "8"]);
        let missing = panic_of(|| {
            answer.at("user.inbox.2.id");
        });
        assert!(missing.starts_with("no 2 of user.inbox.2.id in {"), "{missing}");
        assert!(missing.contains("\"inbox\""), "{missing}");
    }

    #[test]
    fn an_answer_with_errors_is_read_in_parts_only() {
        let error = json!({ "message": "no", "extensions": { "code": "FORBIDDEN" } });
        let answer = Answer::new(json!({ "data": { "me": null }, "errors": [error] })).with_status(200);
        assert_eq!((answer.code(), answer.message()), ("FORBIDDEN", "no"));
        assert_eq!(answer.partial("me"), &json!(null));
        let refused = panic_of(|| {
            answer.at("me");
        });
        assert!(refused.contains("reading me of 200 {"), "{refused}");
    }
}
