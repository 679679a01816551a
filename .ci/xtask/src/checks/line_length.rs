//! Lines of documents and comments that are longer than a reader's window. rustfmt checks those of code.

use std::path::Path;

use super::{Finding, report, written_files};
use crate::error::Result;
use crate::workspace::Workspace;

/// The most characters of a line of prose.
const PROSE_CHARS_MAX: usize = 140;

/// Checks all files.
pub fn check(workspace: &Workspace) -> Result {
    let mut findings = Vec::new();
    for (path, text) in written_files(workspace)? {
        let found = find(&path, &text).into_iter();
        findings.extend(found.map(|(line, chars)| Finding {
            path: path.clone(),
            line,
            message: format!("{chars} characters: a line of prose has at most {PROSE_CHARS_MAX}"),
        }));
    }
    report(findings)
}

/// Returns the long lines of one file: the number and the length of each.
fn find(path: &Path, text: &str) -> Vec<(usize, usize)> {
    let is_prose: fn(&str) -> bool = match path.extension().and_then(|extension| extension.to_str()) {
        // A row of a table cannot be broken, and an entry of an index is found by its whole line.
        Some("md") => |line| !line.starts_with('|') && !line.starts_with("- ["),
        Some("rs") => |line| line.starts_with("//"),
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    let mut is_example = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        is_example ^= trimmed.starts_with("```");
        let chars = line.chars().count();
        if chars > PROSE_CHARS_MAX && !is_example && is_prose(trimmed) {
            found.push((index + 1, chars));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::find;

    #[test]
    fn long_lines_of_prose_are_found_and_tables_and_examples_not() {
        let long = "word ".repeat(30);
        let text = format!("{long}\n| {long} |\n```\n{long}\n```\n- [a](b) {long}\n  {long}\n");
        assert_eq!(find(Path::new("a.md"), &text), [(1, 150), (7, 152)]);
        let code = format!("    // {long}\nlet text = \"{long}\";\n");
        assert_eq!(find(Path::new("a.rs"), &code), [(1, 157)]);
        assert_eq!(find(Path::new("a.py"), &code), []);
    }
}
