//! The place of a node in its document.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::parser::SourceSpan;

use super::super::request_error::Location;

/// Returns the location of a node, for a diagnostic.
pub fn location(document: &ExecutableDocument, span: Option<SourceSpan>) -> Vec<Location> {
    let range = span.and_then(|span| span.line_column_range(&document.sources));
    let start = range.map(|range| Location {
        line: range.start.line,
        column: range.start.column,
    });
    start.into_iter().collect()
}
