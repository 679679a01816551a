//! A one-pass parser from JSON to the values of an answer.
//!
//! It accepts exactly the texts that `serde_json` accepts, within bounds that `serde_json` does not have. It makes the values at
//! once, and one name for the fields of many objects that have the same key.
//!
//! The answer of a query becomes a [tape](engine::tape) if it can be one. This parser reads the others, and tells what is wrong with a
//! text.

use std::borrow::Cow;

use async_graphql::Value;
use async_graphql::indexmap::IndexMap;
use engine::tape::Bounds;

use self::names::Names;

mod names;
mod number;
mod text;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;

/// The reason that a text is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text breaks the grammar.
    #[error("{reason} at byte {at}")]
    Syntax {
        /// The rule that it breaks.
        reason: &'static str,
        /// The place in the text.
        at: usize,
    },
    /// The text is nested deeper than it may be.
    #[error("more than {0} levels")]
    TooDeep(usize),
    /// The text has more values than it may have.
    #[error("more than {0} values")]
    TooManyValues(usize),
}

/// Parses a text that is one JSON value.
///
/// # Errors
/// When it is no JSON, or exceeds the bounds.
pub fn parse(text: &[u8], bounds: Bounds) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(text).map_err(|error| JsonError::Syntax {
        reason: "invalid UTF-8",
        at: error.valid_up_to(),
    })?;
    let mut parser = Parser::new(text, bounds);
    let value = parser.value()?;
    match parser.next_token() {
        None => Ok(value),
        Some(_) => Err(parser.error("trailing characters")),
    }
}

/// The state of a parse: the place in the text, and the parts of the bounds that are used.
struct Parser<'a> {
    text: &'a str,
    /// The place of the next byte; never beyond the end, and always at the beginning of a character.
    at: usize,
    depth: usize,
    values: usize,
    bounds: Bounds,
    names: Names,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, bounds: Bounds) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            values: 0,
            bounds,
            names: Names::default(),
        }
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        self.values += 1;
        if self.values > self.bounds.values_max {
            return Err(JsonError::TooManyValues(self.bounds.values_max));
        }
        match self.next_token() {
            Some(b'"') => Ok(Value::String(self.string()?.into_owned())),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'-' | b'0'..=b'9') => Ok(Value::Number(self.number()?)),
            Some(b't') => self.literal("true", Value::Boolean(true)),
            Some(b'f') => self.literal("false", Value::Boolean(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(_) => Err(self.error("a value is expected")),
            None => Err(self.error("the text ends within a value")),
        }
    }

    /// Parses an object or a list one level deeper.
    fn nested(&mut self, parse: fn(&mut Self) -> Result<Value, JsonError>) -> Result<Value, JsonError> {
        if self.depth == self.bounds.depth_max {
            return Err(JsonError::TooDeep(self.bounds.depth_max));
        }
        self.depth += 1;
        self.at += 1;
        let value = parse(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let mut fields = IndexMap::new();
        if self.takes(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            if self.next_token() != Some(b'"') {
                return Err(self.error("a key is expected"));
            }
            let key = self.string()?;
            let name = self.names.name(&key);
            if !self.takes(b':') {
                return Err(self.error("`:` is expected"));
            }
            // The last of several members with one key counts.
            fields.insert(name, self.value()?);
            if !self.has_another(b'}')? {
                return Ok(Value::Object(fields));
            }
        }
    }

    fn list(&mut self) -> Result<Value, JsonError> {
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            if !self.has_another(b']')? {
                return Ok(Value::List(items));
            }
        }
    }

    /// Whether a comma and not the end of the object or list is next.
    fn has_another(&mut self, end: u8) -> Result<bool, JsonError> {
        if self.takes(b',') {
            Ok(true)
        } else if self.takes(end) {
            Ok(false)
        } else {
            Err(self.error("`,` or the end of the object or list is expected"))
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.error("a value is expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Takes this byte if it is the next one after white space.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.next_token() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Returns the next byte after white space; the place is then that of this byte.
    fn next_token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                next => return next,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Returns a part of the text. Both ends are at ASCII characters of it, or at its end.
    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        text::string(self)
    }

    fn number(&mut self) -> Result<serde_json::Number, JsonError> {
        number::number(self)
    }

    fn error(&self, reason: &'static str) -> JsonError {
        JsonError::Syntax { reason, at: self.at }
    }
}
