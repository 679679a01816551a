//! Determines the kind of a document's operation, as far as a transport must know it before the graph parses the
//! document.

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A query, or an operation of unknown kind, which the graph will reject.
    Query,
    /// Changes data.
    Mutation,
    /// Has a stream of answers.
    Subscription,
}

/// Returns the kind of the operation that would run.
///
/// This is a scan of the text outside all brackets, not a parser: it takes one pass, no recursion and no memory, and
/// decides only the form of the response. The graph decides whether the document is valid.
pub(super) fn kind_of(document: &str, operation_name: Option<&str>) -> Kind {
    let mut depth = 0usize;
    let mut head: Option<Head> = None;
    for token in (Lexer { rest: document }) {
        match (token, &mut head) {
            (Token::Name(word), None) if depth == 0 => head = Some(Head::after(word)),
            (Token::Name(word), Some(head)) if depth == 0 => head.name_if_next(word),
            (Token::Name(_), _) => {}
            (Token::Sign('{'), _) if depth == 0 => {
                let Head { kind, name, .. } = head.take().unwrap_or(Head::SHORTHAND);
                let wanted = operation_name.is_none() || operation_name == name;
                if let (Some(kind), true) = (kind, wanted) {
                    return kind;
                }
                depth = 1;
            }
            (Token::Sign(sign), head) => {
                if let Some(head) = head {
                    head.named = true;
                }
                match sign {
                    '{' | '(' | '[' => depth += 1,
                    '}' | ')' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }
    Kind::Query
}

/// The part of a definition before its braces.
struct Head<'d> {
    /// `None` for fragments and invalid definitions.
    kind: Option<Kind>,
    name: Option<&'d str>,
    /// Whether the scan has passed the position of the name.
    named: bool,
}

impl<'d> Head<'d> {
    /// `{ … }` alone is a query.
    const SHORTHAND: Self = Self {
        kind: Some(Kind::Query),
        name: None,
        named: true,
    };

    fn after(keyword: &str) -> Self {
        let kind = match keyword {
            "query" => Some(Kind::Query),
            "mutation" => Some(Kind::Mutation),
            "subscription" => Some(Kind::Subscription),
            _ => None,
        };
        Self {
            kind,
            name: None,
            named: false,
        }
    }

    fn name_if_next(&mut self, word: &'d str) {
        if !std::mem::replace(&mut self.named, true) {
            self.name = Some(word);
        }
    }
}

enum Token<'d> {
    Name(&'d str),
    Sign(char),
}

/// Splits a document into names and signs, without blanks, comments and the contents of strings.
struct Lexer<'d> {
    rest: &'d str,
}

impl<'d> Iterator for Lexer<'d> {
    type Item = Token<'d>;

    fn next(&mut self) -> Option<Token<'d>> {
        loop {
            let first = self.rest.chars().next()?;
            match first {
                '#' => self.skip_to(self.rest.find(['\n', '\r'])),
                '"' => self.skip_string(),
                'a'..='z' | 'A'..='Z' | '_' => return Some(Token::Name(self.take_name())),
                sign => {
                    self.rest = &self.rest[sign.len_utf8()..];
                    if !sign.is_whitespace() && sign != ',' && sign != '\u{feff}' {
                        return Some(Token::Sign(sign));
                    }
                }
            }
        }
    }
}

impl<'d> Lexer<'d> {
    fn skip_to(&mut self, place: Option<usize>) {
        self.rest = place.map_or("", |place| &self.rest[place..]);
    }

    fn take_name(&mut self) -> &'d str {
        let end = self
            .rest
            .find(|char: char| !char.is_ascii_alphanumeric() && char != '_')
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    fn skip_string(&mut self) {
        let quotes = if self.rest.starts_with("\"\"\"") {
            "\"\"\""
        } else {
            "\""
        };
        self.rest = &self.rest[quotes.len()..];
        loop {
            match self.rest.find(['"', '\\']) {
                None => return self.rest = "",
                Some(place) => self.rest = &self.rest[place..],
            }
            if let Some(rest) = self.rest.strip_prefix(quotes) {
                return self.rest = rest;
            }
            // In a block string, a backslash matters only before the closing quotes.
            let escaped = if quotes.len() == 3 { "\\\"\"\"" } else { "" };
            let step = match self.rest.strip_prefix('\\') {
                Some(_) if !escaped.is_empty() && self.rest.starts_with(escaped) => escaped.len(),
                Some(rest) if escaped.is_empty() => 1 + rest.chars().next().map_or(0, char::len_utf8),
                _ => 1,
            };
            self.rest = &self.rest[step..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_found_whatever_stands_around_it() {
        let table = [
            ("{ a }", None, Kind::Query),
            ("query { subscription }", None, Kind::Query),
            ("mutation { a }", None, Kind::Mutation),
            ("subscription { a }", None, Kind::Subscription),
            ("# query { a }\nsubscription S { a }", None, Kind::Subscription),
            (
                "fragment F on subscription { a } mutation { ...F }",
                None,
                Kind::Mutation,
            ),
            ("query A { a } subscription B { b }", Some("B"), Kind::Subscription),
            ("subscription B { b } query A { a }", Some("A"), Kind::Query),
            ("query @B { a } subscription B { b }", Some("B"), Kind::Subscription),
            (
                "query A($x: I = {mutation: \"} mutation {\"}) { a } mutation B { b }",
                Some("B"),
                Kind::Mutation,
            ),
            (
                "query { a(x: \"\\\" } subscription { \") } mutation M { a }",
                Some("M"),
                Kind::Mutation,
            ),
            (
                "query { a(x: \"\"\"} \\\"\"\" subscription M { \"\"\") } mutation M { a }",
                Some("M"),
                Kind::Mutation,
            ),
            ("query A { a }", Some("B"), Kind::Query),
            ("}}}} subscription", None, Kind::Query),
            ("\"é\\", None, Kind::Query),
            ("\"\"\"", None, Kind::Query),
            ("", None, Kind::Query),
        ];
        for (document, name, kind) in table {
            assert_eq!(kind_of(document, name), kind, "{document}");
        }
    }
}
