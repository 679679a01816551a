//! The answer of a subgraph as its text and a tape: one vector of nodes in the order of the text, whose values are spans of it.
//!
//! A leaf is not decoded: its text goes into the client's answer as it is. Only a value that the executor looks at is.

mod parse;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};
use bytes::Bytes;
use serde_json::Number;

/// The bounds of a text. Their purpose is that a short answer cannot take much memory, or the whole stack.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Levels of nested objects and lists.
    pub depth_max: usize,
    /// Values, each object and list counting as one.
    pub values_max: usize,
}

/// A text of JSON, and its values in the order in which they begin.
#[derive(Debug)]
pub struct Tape {
    text: Bytes,
    nodes: Vec<Node>,
}

/// The index of a value on its tape.
pub type NodeIndex = u32;

/// The root of every tape.
pub const ROOT: NodeIndex = 0;

/// A value.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// The key that it has in its object, without the quotes; empty elsewhere.
    key: Span,
    /// Its text, with the quotes of a string.
    text: Span,
    /// The first node behind it and everything inside it.
    end: NodeIndex,
    kind: NodeKind,
}

/// A part of the text. Both ends are at the boundaries of characters.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    end: u32,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number without a fraction and an exponent.
    Integer,
    /// Another number.
    Decimal,
    /// A string without escapes.
    PlainString,
    /// A string with escapes.
    EscapedString,
    /// A list.
    List,
    /// An object, none of whose keys has escapes or is there twice.
    Object,
}

impl Tape {
    /// Parses a text that is one JSON value.
    ///
    /// Returns `None` for a text that is not JSON or exceeds the bounds, and for one that a tape does not represent: with a key that has
    /// escapes, with two members of one key, or with very many members in one object.
    pub fn parse(text: Bytes, bounds: Bounds) -> Option<Self> {
        parse::parse(text, bounds)
    }

    /// Returns the approximate memory in bytes.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.nodes.len() * size_of::<Node>()
    }

    /// Returns the bytes of its text.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes, which no parsed text has.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns the kind of a value.
    pub fn kind(&self, node: NodeIndex) -> NodeKind {
        self.node(node).kind
    }

    /// Returns the text of a value, with the quotes of a string.
    pub fn text(&self, node: NodeIndex) -> &[u8] {
        self.slice(self.node(node).text)
    }

    /// Returns the content of a string without escapes.
    pub fn plain_string(&self, node: NodeIndex) -> Option<&str> {
        let Node { kind, text, .. } = self.node(node);
        (*kind == NodeKind::PlainString).then(|| self.str(text.inside_quotes()))
    }

    /// Returns the nodes directly inside an object or a list.
    pub fn children(&self, node: NodeIndex) -> impl Iterator<Item = NodeIndex> {
        let (end, mut next) = (self.node(node).end, node + 1);
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.node(child).end;
            Some(child)
        })
    }

    /// Returns the first node behind a value and everything inside it.
    pub fn end(&self, node: NodeIndex) -> NodeIndex {
        self.node(node).end
    }

    /// Whether the member of an object has this key.
    pub fn has_key(&self, member: NodeIndex, key: &str) -> bool {
        self.slice(self.node(member).key) == key.as_bytes()
    }

    /// Returns the key of an object's member.
    pub fn key(&self, member: NodeIndex) -> &str {
        self.str(self.node(member).key)
    }

    /// Returns the value of a key of an object.
    pub fn member(&self, object: NodeIndex, key: &str) -> Option<NodeIndex> {
        self.children(object).find(|member| self.has_key(*member, key))
    }

    /// Decodes a value.
    pub fn to_value(&self, node: NodeIndex) -> Value {
        let text = self.node(node).text;
        match self.kind(node) {
            NodeKind::Null => Value::Null,
            NodeKind::Boolean => Value::Boolean(self.slice(text) == b"true"),
            NodeKind::Integer | NodeKind::Decimal => number(self.str(text)).map_or(Value::Null, Value::Number),
            NodeKind::PlainString => Value::String(self.str(text.inside_quotes()).to_owned()),
            NodeKind::EscapedString => Value::String(serde_json::from_slice(self.slice(text)).unwrap_or_default()),
            NodeKind::List => self.children(node).map(|item| self.to_value(item)).collect(),
            NodeKind::Object => {
                let member = |member| (Name::new(self.key(member)), self.to_value(member));
                Value::Object(self.children(node).map(member).collect::<IndexMap<_, _>>())
            }
        }
    }

    fn node(&self, node: NodeIndex) -> &Node {
        &self.nodes[node as usize]
    }

    fn slice(&self, span: Span) -> &[u8] {
        &self.text[span.start as usize..span.end as usize]
    }

    fn str(&self, span: Span) -> &str {
        std::str::from_utf8(self.slice(span)).unwrap_or_default()
    }
}

impl Span {
    fn inside_quotes(self) -> Self {
        Self {
            start: self.start + 1,
            end: self.end - 1,
        }
    }
}

/// Decodes a number: an integer that fits in 64 bits stays exact, any other number is the nearest double.
fn number(text: &str) -> Option<Number> {
    if let Ok(unsigned) = text.parse::<u64>() {
        return Some(unsigned.into());
    }
    match text.parse::<i64>() {
        Ok(signed) if signed != 0 => Some(signed.into()),
        _ => Number::from_f64(text.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        depth_max: 4,
        values_max: 8,
    };

    fn parsed(text: &'static str) -> Option<Tape> {
        Tape::parse(Bytes::from_static(text.as_bytes()), BOUNDS)
    }

    #[test]
    fn values_are_spans_of_the_text() {
        let tape = parsed(r#" {"a": [1.50, "\u00e9x", "y"], "b": {"c": -0}} "#).unwrap();
        let list = tape.member(ROOT, "a").unwrap();
        let texts: Vec<_> = tape.children(list).map(|item| tape.text(item)).collect();
        assert_eq!(texts, [&b"1.50"[..], br#""\u00e9x""#, br#""y""#]);
        let last = tape.children(list).last().unwrap();
        assert_eq!(tape.plain_string(last), Some("y"));
        assert_eq!(
            tape.to_value(ROOT).to_string(),
            r#"{a: [1.5, "éx", "y"], b: {c: -0.0}}"#
        );
        assert!(tape.member(ROOT, "c").is_none());
    }

    #[test]
    fn texts_are_accepted_to_the_bounds() {
        assert!(parsed("[[[[]]]]").is_some());
        assert!(parsed("[[[[[]]]]]").is_none());
        assert!(parsed("[0,0,0,0,0,0,0]").is_some());
        assert!(parsed("[0,0,0,0,0,0,0,0]").is_none());
    }

    #[test]
    fn a_tape_has_no_key_twice_and_no_escaped_key() {
        assert!(parsed(r#"{"a":1,"b":2,"a":3}"#).is_none());
        assert!(parsed(r#"{"\u0061":1}"#).is_none());
    }

    #[test]
    fn a_number_that_no_double_can_be_is_refused() {
        assert!(parsed("1e308").is_some());
        assert!(parsed("1e309").is_none());
    }
}
