//! The spans of statements.

use spans::{NewSpan, Span, SpanKind};

/// The most characters of a statement in its span.
const TEXT_CHARS_MAX: usize = 2_000;

/// Begins the span of a statement, if the request is sampled. It has the text of the statement, in which a question mark stands for each
/// value.
pub(crate) fn statement_span(text: &str) -> Option<Span> {
    spans::start(|| {
        let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
        described(text.split_whitespace().next()).with("db.query.text", text)
    })
}

/// Begins the span of a statement whose text has values in it: only its first word is shown.
pub(crate) fn literal_statement_span(text: &str) -> Option<Span> {
    spans::start(|| described(text.split_whitespace().next()))
}

fn described(verb: Option<&str>) -> NewSpan {
    let verb = verb.unwrap_or("SQL").chars().take(32).collect::<String>();
    NewSpan::new(verb.to_ascii_uppercase())
        .kind(SpanKind::Client)
        .with("db.system.name", "sqlite")
}
