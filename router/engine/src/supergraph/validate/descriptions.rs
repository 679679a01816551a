//! Descriptions of operations, fragments and variables, which the parser does not support yet.
//!
//! The September 2025 edition of the specification allows a string before each of them. It has no effect on
//! execution, so blanks replace it: every other character keeps its place, and so do the locations of errors.

use std::borrow::Cow;
use std::ops::Range;

use apollo_compiler::parser::Parser;

/// Returns the document with each description replaced by as many blanks.
pub fn blank_descriptions(text: &str) -> Cow<'_, str> {
    let found = descriptions(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut blanked = String::with_capacity(text.len());
    let mut end = 0;
    for description in found {
        blanked.push_str(&text[end..description.start]);
        end = description.end;
        let blanks = text[description].chars().map(|char| match char {
            '\n' | '\r' => char,
            _ => ' ',
        });
        blanked.extend(blanks);
    }
    blanked.push_str(&text[end..]);
    Cow::Owned(blanked)
}

fn descriptions(text: &str) -> Vec<Range<usize>> {
    // Most documents have no string at all.
    if !text.contains('"') {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut nesting = Nesting::default();
    let mut before = DescriptionToken::Punctuator(b'}');
    let mut candidate: Option<(Range<usize>, bool)> = None;
    let mut lexer = DescriptionLexer { text, at: 0 };
    while let Some((token, range)) = lexer.next_token() {
        if let Some((string, is_variable)) = candidate.take() {
            let describes = match token {
                DescriptionToken::Punctuator(b'$') => is_variable,
                DescriptionToken::Name("query" | "mutation" | "subscription" | "fragment") => !is_variable,
                _ => false,
            };
            if describes && is_well_formed(&text[string.clone()]) {
                found.push(string);
            }
        }
        match token {
            DescriptionToken::String if nesting == Nesting::default() => candidate = Some((range, false)),
            DescriptionToken::String if nesting.is_in_variables() && before.may_precede_variable() => {
                candidate = Some((range, true));
            }
            DescriptionToken::Punctuator(byte) => nesting.follow(byte),
            _ => {}
        }
        before = token;
    }
    found
}

/// Whether the parser accepts a string; its escapes are the usual problem.
fn is_well_formed(string: &str) -> bool {
    Parser::new().parse_ast(format!("{{a(b:{string})}}"), "").is_ok()
}

/// The nesting depth of a token, for each kind of bracket.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Nesting {
    braces: usize,
    brackets: usize,
    parentheses: usize,
}

impl Nesting {
    fn follow(&mut self, byte: u8) {
        let (depth, opens) = match byte {
            b'{' | b'}' => (&mut self.braces, byte == b'{'),
            b'[' | b']' => (&mut self.brackets, byte == b'['),
            b'(' | b')' => (&mut self.parentheses, byte == b'('),
            _ => return,
        };
        *depth = if opens { *depth + 1 } else { depth.saturating_sub(1) };
    }

    fn is_in_variables(self) -> bool {
        let Self {
            braces,
            brackets,
            parentheses,
        } = self;
        (braces, brackets, parentheses) == (0, 0, 1)
    }
}

#[derive(Clone, Copy)]
enum DescriptionToken<'a> {
    Name(&'a str),
    String,
    Punctuator(u8),
    Other,
}

impl DescriptionToken<'_> {
    /// Whether a variable definition can begin after this token: a string after `=` is a default value.
    fn may_precede_variable(self) -> bool {
        match self {
            Self::Punctuator(byte) => matches!(byte, b'(' | b')' | b'!' | b']' | b'}'),
            Self::Name(_) | Self::String | Self::Other => true,
        }
    }
}

/// Splits a document into tokens, in as much detail as finding its strings needs.
struct DescriptionLexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> DescriptionLexer<'a> {
    /// Returns the next token and its range; `None` at the end, and at an unterminated string.
    fn next_token(&mut self) -> Option<(DescriptionToken<'a>, Range<usize>)> {
        let bytes = self.text.as_bytes();
        loop {
            let start = self.at;
            match *bytes.get(start)? {
                b'#' => self.at = self.end_of(|byte| !matches!(byte, b'\n' | b'\r')),
                b'"' => {
                    self.at = string_end(bytes, start)?;
                    return Some((DescriptionToken::String, start..self.at));
                }
                b'_' | b'A'..=b'Z' | b'a'..=b'z' => {
                    self.at = self.end_of(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                    return Some((DescriptionToken::Name(&self.text[start..self.at]), start..self.at));
                }
                b'0'..=b'9' | b'-' => {
                    self.at = self.end_of(|byte| matches!(byte, b'+' | b'-' | b'.') || byte.is_ascii_alphanumeric());
                    return Some((DescriptionToken::Other, start..self.at));
                }
                byte if byte.is_ascii_punctuation() && byte != b',' => {
                    self.at += 1;
                    return Some((DescriptionToken::Punctuator(byte), start..self.at));
                }
                // White space, commas, a byte order mark, and characters that the parser rejects.
                _ => self.at += 1,
            }
        }
    }

    fn end_of(&self, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        self.at + rest.iter().take_while(|byte| belongs(**byte)).count()
    }
}

/// Returns the end of the string that begins here.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    if bytes[at..].starts_with(b"\"\"\"") {
        at += 3;
        while !bytes[at..].starts_with(b"\"\"\"") {
            at += if bytes[at..].starts_with(b"\\\"\"\"") { 4 } else { 1 };
            if at >= bytes.len() {
                return None;
            }
        }
        return Some(at + 3);
    }
    at += 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::blank_descriptions;

    #[test]
    fn a_description_is_blanked_and_the_rest_keeps_its_position() {
        for (text, blanked) in [
            ("\"d\" query Q { a }", "    query Q { a }"),
            (
                "\"\"\"two\nlines \\\"\"\" \"\"\" { a }",
                "\"\"\"two\nlines \\\"\"\" \"\"\" { a }",
            ),
            ("\"\"\"two\nö\"\"\"\nmutation { a }", "      \n    \nmutation { a }"),
            ("# \"\n\"d\" subscription { a }", "# \"\n    subscription { a }"),
            (
                "{ ...F } \"d\" fragment F on T { a }",
                "{ ...F }     fragment F on T { a }",
            ),
            ("query(\"d\" $a: Int) { a }", "query(    $a: Int) { a }"),
            (
                "query($a: String = \"x\" $b: Int, \"d\" $c: [Int!]! = [1] \"e\" $d: Int) { a }",
                "query($a: String = \"x\" $b: Int,     $c: [Int!]! = [1]     $d: Int) { a }",
            ),
            (
                "query($a: String = \"x\" \"d\" $b: Int) { a }",
                "query($a: String = \"x\"     $b: Int) { a }",
            ),
        ] {
            assert_eq!(blank_descriptions(text), blanked);
        }
    }

    #[test]
    fn a_string_that_is_no_description_is_unchanged() {
        for text in [
            "{ a(b: \"query\") }",
            "{ a(b: \"x\", c: $d) }",
            "\"d\" { a }",
            "\"d\" type T { a: Int }",
            "\"d\" \"e\" { a }",
            "\"\\x\" query { a }",
            "query Q @d(a: \"x\" b: $c) { a }",
            "query Q @d(a: \"x\" $c) { a }",
            "query($a: [String] = [\"x\" $b]) { a }",
            "query($a: T = {x: \"y\"} $b: Int) { a }",
            "\"not closed\nquery { a }",
            "\"\"\"not closed query { a }",
            "\"ends with a backslash\\",
            "query { a } \"d\"",
        ] {
            assert_eq!(blank_descriptions(text), text);
        }
    }
}
