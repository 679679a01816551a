//! Determines the kind of a document's operation, as far as a transport must know it before the graph parses the
//! document.

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationKind {
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
pub(super) fn operation_kind(document: &str, operation_name: Option<&str>) -> OperationKind {
    let mut depth = 0usize;
    let mut head: Option<DefinitionHead> = None;
    for token in (Scanner { rest: document }) {
        match (token, &mut head) {
            (ScanToken::Name(word), None) if depth == 0 => head = Some(DefinitionHead::from_keyword(word)),
            (ScanToken::Name(word), Some(head)) if depth == 0 => head.name_if_next(word),
            (ScanToken::Name(_), _) => {}
            (ScanToken::Punctuator('{'), _) if depth == 0 => {
                let DefinitionHead { kind, name, .. } = head.take().unwrap_or(DefinitionHead::SHORTHAND);
                let wanted = operation_name.is_none() || operation_name == name;
                if let (Some(kind), true) = (kind, wanted) {
                    return kind;
                }
                depth = 1;
            }
            (ScanToken::Punctuator(punctuator), head) => {
                if let Some(head) = head {
                    head.named = true;
                }
                match punctuator {
                    '{' | '(' | '[' => depth += 1,
                    '}' | ')' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }
    OperationKind::Query
}

/// The part of a definition before its braces.
struct DefinitionHead<'d> {
    /// `None` for fragments and invalid definitions.
    kind: Option<OperationKind>,
    name: Option<&'d str>,
    /// Whether the scan has passed the position of the name.
    named: bool,
}

impl<'d> DefinitionHead<'d> {
    /// `{ … }` alone is a query.
    const SHORTHAND: Self = Self {
        kind: Some(OperationKind::Query),
        name: None,
        named: true,
    };

    fn from_keyword(keyword: &str) -> Self {
        let kind = match keyword {
            "query" => Some(OperationKind::Query),
            "mutation" => Some(OperationKind::Mutation),
            "subscription" => Some(OperationKind::Subscription),
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

enum ScanToken<'d> {
    Name(&'d str),
    Punctuator(char),
}

/// Splits a document into names and signs, without blanks, comments and the contents of strings.
struct Scanner<'d> {
    rest: &'d str,
}

impl<'d> Iterator for Scanner<'d> {
    type Item = ScanToken<'d>;

    fn next(&mut self) -> Option<ScanToken<'d>> {
        loop {
            let first = self.rest.chars().next()?;
            match first {
                '#' => self.skip_to(self.rest.find(['\n', '\r'])),
                '"' => self.skip_string(),
                'a'..='z' | 'A'..='Z' | '_' => return Some(ScanToken::Name(self.take_name())),
                punctuator => {
                    self.rest = &self.rest[punctuator.len_utf8()..];
                    if !punctuator.is_whitespace() && punctuator != ',' && punctuator != '\u{feff}' {
                        return Some(ScanToken::Punctuator(punctuator));
                    }
                }
            }
        }
    }
}

impl<'d> Scanner<'d> {
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
    fn the_operation_kind_is_found_in_any_document() {
        let table = [
            ("{ a }", None, OperationKind::Query),
            ("query { subscription }", None, OperationKind::Query),
            ("mutation { a }", None, OperationKind::Mutation),
            ("subscription { a }", None, OperationKind::Subscription),
            ("# query { a }\nsubscription S { a }", None, OperationKind::Subscription),
            (
                "fragment F on subscription { a } mutation { ...F }",
                None,
                OperationKind::Mutation,
            ),
            (
                "query A { a } subscription B { b }",
                Some("B"),
                OperationKind::Subscription,
            ),
            ("subscription B { b } query A { a }", Some("A"), OperationKind::Query),
            (
                "query @B { a } subscription B { b }",
                Some("B"),
                OperationKind::Subscription,
            ),
            (
                "query A($x: I = {mutation: \"} mutation {\"}) { a } mutation B { b }",
                Some("B"),
                OperationKind::Mutation,
            ),
            (
                "query { a(x: \"\\\" } subscription { \") } mutation M { a }",
                Some("M"),
                OperationKind::Mutation,
            ),
            (
                "query { a(x: \"\"\"} \\\"\"\" subscription M { \"\"\") } mutation M { a }",
                Some("M"),
                OperationKind::Mutation,
            ),
            ("query A { a }", Some("B"), OperationKind::Query),
            ("}}}} subscription", None, OperationKind::Query),
            ("\"é\\", None, OperationKind::Query),
            ("\"\"\"", None, OperationKind::Query),
            ("", None, OperationKind::Query),
        ];
        for (document, name, kind) in table {
            assert_eq!(operation_kind(document, name), kind, "{document}");
        }
    }
}
