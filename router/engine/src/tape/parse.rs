//! The parser of a tape: one pass over the text.

use bytes::Bytes;

use super::{Bounds, Node, NodeIndex, NodeKind, Span, Tape};

/// The members of one object. Each is compared with those before it, so an object of more would take long.
const MEMBERS_MAX: u32 = 128;
/// The text per node for which memory is reserved at first.
const BYTES_PER_NODE: usize = 24;
/// The digits that a double certainly has room for.
const DOUBLE_DIGITS: usize = 300;

pub fn parse(text: Bytes, bounds: Bounds) -> Option<Tape> {
    u32::try_from(text.len()).ok()?;
    std::str::from_utf8(&text).ok()?;
    let mut parser = Parser {
        text: &text,
        at: 0,
        depth: 0,
        nodes: Vec::with_capacity((text.len() / BYTES_PER_NODE).min(bounds.values_max)),
        bounds,
    };
    parser.value(Span::default())?;
    let is_complete = parser.next_token().is_none();
    let nodes = parser.nodes;
    is_complete.then(|| Tape { text, nodes })
}

/// The state of a parse. Its methods return `None` if the text is not accepted.
struct Parser<'a> {
    /// Valid UTF-8.
    text: &'a [u8],
    /// The place of the next byte, never beyond the end.
    at: usize,
    depth: usize,
    nodes: Vec<Node>,
    bounds: Bounds,
}

impl Parser<'_> {
    fn value(&mut self, key: Span) -> Option<()> {
        if self.nodes.len() >= self.bounds.values_max {
            return None;
        }
        let next = self.next_token()?;
        let (start, index) = (self.at, self.nodes.len());
        self.nodes.push(Node {
            key,
            text: Span::default(),
            end: 0,
            kind: NodeKind::Null,
        });
        let kind = match next {
            b'"' => self.string()?,
            b'{' => self.nested(NodeKind::Object, Self::members)?,
            b'[' => self.nested(NodeKind::List, Self::items)?,
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.literal(b"true", NodeKind::Boolean)?,
            b'f' => self.literal(b"false", NodeKind::Boolean)?,
            b'n' => self.literal(b"null", NodeKind::Null)?,
            _ => return None,
        };
        let (text, end) = (self.span(start, self.at), self.nodes.len() as NodeIndex);
        let node = self.nodes.get_mut(index)?;
        (node.text, node.end, node.kind) = (text, end, kind);
        Some(())
    }

    /// Parses an object or a list one level deeper.
    fn nested(&mut self, kind: NodeKind, parse: fn(&mut Self) -> Option<()>) -> Option<NodeKind> {
        if self.depth == self.bounds.depth_max {
            return None;
        }
        self.depth += 1;
        self.at += 1;
        parse(self)?;
        self.depth -= 1;
        Some(kind)
    }

    fn members(&mut self) -> Option<()> {
        if self.takes(b'}') {
            return Some(());
        }
        let first = self.nodes.len() as NodeIndex;
        let (mut count, mut seen) = (0, 0_u64);
        loop {
            let key = self.key()?;
            let bit = 1 << self.signature(key);
            if count >= MEMBERS_MAX || (seen & bit != 0 && self.is_known(first, key)) {
                return None;
            }
            (count, seen) = (count + 1, seen | bit);
            if !self.takes(b':') {
                return None;
            }
            self.value(key)?;
            if !self.has_another(b'}')? {
                return Some(());
            }
        }
    }

    fn items(&mut self) -> Option<()> {
        if self.takes(b']') {
            return Some(());
        }
        loop {
            self.value(Span::default())?;
            if !self.has_another(b']')? {
                return Some(());
            }
        }
    }

    /// Parses a key, which must not have escapes.
    fn key(&mut self) -> Option<Span> {
        if self.next_token()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        match self.string()? {
            NodeKind::PlainString => Some(self.span(start, self.at - 1)),
            _ => None,
        }
    }

    /// Returns a number below 64 that is the same for equal keys, and seldom for the other keys of an object.
    fn signature(&self, key: Span) -> u32 {
        let key = &self.text[key.start as usize..key.end as usize];
        let byte = |index: usize| u32::from(key.get(index).copied().unwrap_or_default());
        let last = key.len().saturating_sub(1);
        (key.len() as u32 * 7 + byte(0) * 5 + byte(last) * 3 + byte(last / 2)) % 64
    }

    /// Whether one of the members from `first` on has this key.
    fn is_known(&self, first: NodeIndex, key: Span) -> bool {
        let text = |key: Span| &self.text[key.start as usize..key.end as usize];
        let mut next = first as usize;
        while let Some(member) = self.nodes.get(next) {
            if text(member.key) == text(key) {
                return true;
            }
            next = member.end as usize;
        }
        false
    }

    /// Whether a comma and not the end of the object or list is next.
    fn has_another(&mut self, end: u8) -> Option<bool> {
        let next = self.next_token()?;
        self.at += 1;
        match next {
            b',' => Some(true),
            next => (next == end).then_some(false),
        }
    }

    fn literal(&mut self, word: &[u8], kind: NodeKind) -> Option<NodeKind> {
        if !self.rest().starts_with(word) {
            return None;
        }
        self.at += word.len();
        Some(kind)
    }

    /// Parses a string; the place is that of its opening quote.
    fn string(&mut self) -> Option<NodeKind> {
        self.at += 1;
        let mut kind = NodeKind::PlainString;
        loop {
            self.at += plain_length(self.rest());
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(kind);
                }
                b'\\' => {
                    kind = NodeKind::EscapedString;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    /// Parses an escape; the place is that of its backslash.
    fn escape(&mut self) -> Option<()> {
        match self.text.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 2;
                Some(())
            }
            b'u' => match self.code_unit()? {
                0xD800..0xDC00 => (0xDC00..0xE000).contains(&self.code_unit()?).then_some(()),
                0xDC00..0xE000 => None,
                _ => Some(()),
            },
            _ => None,
        }
    }

    /// Parses `\uXXXX`.
    fn code_unit(&mut self) -> Option<u32> {
        let digits = self.rest().strip_prefix(b"\\u")?.get(..4)?;
        let unit = digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some((unit << 4) | digit)
        })?;
        self.at += 6;
        Some(unit)
    }

    fn number(&mut self) -> Option<NodeKind> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let has_zero = self.peek() == Some(b'0');
        if self.digits()? > 1 && has_zero {
            return None;
        }
        let mut kind = NodeKind::Integer;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            kind = NodeKind::Decimal;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
            kind = NodeKind::Decimal;
        }
        let text = &self.text[start..self.at];
        let is_in_range = (!has_exponent && text.len() <= DOUBLE_DIGITS) || is_double(text);
        is_in_range.then_some(kind)
    }

    /// Parses at least one digit, and returns their number.
    fn digits(&mut self) -> Option<usize> {
        let rest = self.rest();
        let count = rest
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(rest.len());
        self.at += count;
        (count > 0).then_some(count)
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
            match self.peek()? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                next => return Some(next),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Returns a part of the text, whose length fits.
    fn span(&self, start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            end: end as u32,
        }
    }
}

fn is_double(text: &[u8]) -> bool {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    number.is_some_and(f64::is_finite)
}

/// Every byte of a word is this one.
const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Returns the length of the text before the first quote, backslash or control character. It looks at eight bytes at a time.
fn plain_length(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let in_rest = rest.iter().position(is_special).unwrap_or(rest.len());
    words.len() * 8 + in_rest
}

/// Returns a word whose lowest set bit is the highest bit of the first byte that is a quote, a backslash or a control character.
fn special_bytes(word: u64) -> u64 {
    // A borrow changes only bytes behind a special one. Bytes of other than ASCII characters have their highest bit set already.
    let zeros = |word: u64| word.wrapping_sub(repeated(1)) & !word;
    let quotes = zeros(word ^ repeated(b'"'));
    let backslashes = zeros(word ^ repeated(b'\\'));
    let controls = word.wrapping_sub(repeated(0x20)) & !word;
    (quotes | backslashes | controls) & repeated(0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_byte_is_found_at_every_place() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for length in 0..20 {
                let text = ["é".as_bytes(), &vec![b' '; length], &[special], b"\x01\"\\"].concat();
                assert_eq!(plain_length(&text), length + 2, "{special} after {length}");
            }
        }
        let plain = "ÿ !#[]\u{7f} ab";
        assert_eq!(plain_length(plain.as_bytes()), plain.len());
    }
}
