//! The parts of source files and documents that the checks read: comments, strings, code, paragraphs.

use std::path::Path;

/// Words of one file that belong together, such as a paragraph or a list item.
#[derive(Debug, PartialEq, Eq)]
pub struct Passage {
    /// The lines with their numbers, without the signs of comments and lists.
    pub lines: Vec<(usize, String)>,
}

impl Passage {
    /// The whole passage on one line.
    pub fn joined(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|(_, text)| text.as_str()).collect();
        lines.join(" ")
    }

    /// The number of the line that the place in [`Self::joined`] is on.
    pub fn line_at(&self, offset: usize) -> usize {
        let mut end = 0;
        for (number, text) in &self.lines {
            end += text.len() + 1;
            if offset < end {
                return *number;
            }
        }
        self.lines.last().map_or(0, |(number, _)| *number)
    }
}

/// A Rust file in its parts.
#[derive(Debug, Default)]
pub struct RustFile {
    /// Each line of a comment, with its number and without its signs.
    comments: Vec<(usize, String)>,
    /// The string literals with the numbers of the lines where they begin.
    pub strings: Vec<(usize, String)>,
    /// The file with spaces in place of comments and of the contents of strings.
    pub code: String,
}

impl RustFile {
    /// Reads a file into its parts.
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let mut scanner = Scanner { text, at: 0, line: 1 };
        while let Some(part) = scanner.next_part() {
            let line = scanner.line;
            scanner.line += part.text.matches('\n').count();
            match part.kind {
                PartKind::Code => file.code.push_str(part.text),
                PartKind::Comment => {
                    for (index, row) in part.text.lines().enumerate() {
                        file.comments.push((line + index, plain_comment(row).to_owned()));
                    }
                    file.code.push_str(&blank(part.text));
                }
                PartKind::String => {
                    file.strings.push((line, part.text.to_owned()));
                    file.code.push_str(&blank(part.text));
                }
            }
        }
        file
    }

    /// The comments as paragraphs.
    pub fn passages(&self) -> Vec<Passage> {
        passages(self.comments.iter().map(|(line, text)| (*line, text.as_str())))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PartKind {
    Code,
    Comment,
    String,
}

struct Part<'a> {
    kind: PartKind,
    text: &'a str,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Scanner<'a> {
    fn next_part(&mut self) -> Option<Part<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let (kind, length) = match special_length(rest) {
            Some(found) => found,
            None => (
                PartKind::Code,
                code_length(rest, self.text[..self.at].chars().next_back()),
            ),
        };
        self.at += length;
        Some(Part {
            kind,
            text: &rest[..length],
        })
    }
}

/// The length of the code at the beginning of a text, up to the next comment or string.
fn code_length(text: &str, previous: Option<char>) -> usize {
    let mut previous = previous;
    for (index, sign) in text.char_indices() {
        let rest = &text[index..];
        // A word before the quote is a prefix of the literal, unless it is a longer word.
        let begins_word = !previous.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
        let is_prefix = matches!(sign, 'r' | 'b' | 'c') && begins_word;
        if index > 0 && (is_prefix || matches!(sign, '/' | '"' | '\'')) && special_length(rest).is_some() {
            return index;
        }
        previous = Some(sign);
    }
    text.len()
}

/// The kind and length of the comment or literal that the text begins with.
fn special_length(text: &str) -> Option<(PartKind, usize)> {
    if text.starts_with("//") {
        return Some((PartKind::Comment, text.find('\n').unwrap_or(text.len())));
    }
    if text.starts_with("/*") {
        return Some((PartKind::Comment, text.find("*/").map_or(text.len(), |end| end + 2)));
    }
    if text.starts_with('\'') {
        // A lifetime has no second quote; its sign is code.
        return Some((PartKind::Code, char_length(text).unwrap_or(1)));
    }
    let unprefixed = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - unprefixed.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = body.find(&close).map_or(body.len(), |end| end + close.len());
        return Some((PartKind::String, prefix + 1 + hashes + 1 + end));
    }
    let body = unprefixed.strip_prefix('"')?;
    let mut escaped = false;
    for (index, sign) in body.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((PartKind::String, prefix + 1 + index + 1)),
            _ => {}
        }
    }
    Some((PartKind::String, text.len()))
}

/// The length of the character literal that the text begins with.
fn char_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let mut signs = body.char_indices();
    let (_, first) = signs.next()?;
    if first == '\\' {
        let escape = body[2..].find('\'')?;
        return Some(1 + 2 + escape + 1);
    }
    let (index, second) = signs.next()?;
    (second == '\'').then_some(1 + index + 1)
}

fn blank(text: &str) -> String {
    text.chars().map(|sign| if sign == '\n' { '\n' } else { ' ' }).collect()
}

fn plain_comment(row: &str) -> &str {
    let row = row.trim().trim_end_matches("*/").trim_start_matches(['/', '*', '!']);
    row.trim()
}

/// Splits lines into passages: at empty lines, gaps, list items, headings and table rows.
fn passages<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    let mut last = 0;
    let mut fenced = false;
    let mut ends = true;
    for (number, text) in lines {
        let text = text.trim();
        if text.starts_with("```") {
            fenced = !fenced;
            ends = true;
            continue;
        }
        if fenced || text.is_empty() {
            ends = true;
            continue;
        }
        let (is_item, plain) = without_marker(text);
        if is_item || ends || number != last + 1 {
            found.push(Passage { lines: Vec::new() });
        }
        if let Some(passage) = found.last_mut() {
            passage.lines.push((number, plain.to_owned()));
        }
        // A heading and a row of a table are complete.
        ends = text.starts_with('#') || text.starts_with('|');
        last = number;
    }
    found
}

/// Removes the sign of a list item, heading or table row; also says whether there was one.
fn without_marker(text: &str) -> (bool, &str) {
    let numbered = text.trim_start_matches(|sign: char| sign.is_ascii_digit());
    if let Some(rest) = numbered.strip_prefix(". ").filter(|_| numbered.len() < text.len()) {
        return (true, rest.trim_start());
    }
    if let Some(rest) = text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")) {
        return (true, rest.trim_start());
    }
    if text.starts_with('#') {
        return (true, text.trim_start_matches('#').trim_start());
    }
    (text.starts_with('|'), text)
}

/// The string literals of a JavaScript file, each in double quotes, with the numbers of the lines where they begin.
pub fn script_strings(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '/', '"', '\'', '`']) {
        let (sign, after) = (&rest[at..=at], &rest[at + 1..]);
        rest = after;
        match sign {
            "\n" => line += 1,
            "/" if after.starts_with('/') => rest = &after[after.find('\n').unwrap_or(after.len())..],
            "/" if after.starts_with('*') => {
                let length = after.find("*/").map_or(after.len(), |end| end + 2);
                line += after[..length].matches('\n').count();
                rest = &after[length..];
            }
            "/" => {}
            quote => {
                let length = script_string_length(after, quote);
                found.push((line, format!("\"{}\"", &after[..length])));
                line += after[..length].matches('\n').count();
                rest = after[length..].strip_prefix(quote).unwrap_or(&after[length..]);
            }
        }
    }
    found
}

/// The length of a literal's content, up to its closing quote. Only a template goes over several lines.
fn script_string_length(text: &str, quote: &str) -> usize {
    let mut escaped = false;
    for (index, sign) in text.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if quote != "`" => return index,
            _ if text[index..].starts_with(quote) => return index,
            _ => {}
        }
    }
    text.len()
}

/// The passages of prose in a file, by its kind; none for a file that is not of a known kind.
pub fn prose(path: &Path, text: &str) -> Vec<Passage> {
    let numbered = || text.lines().enumerate().map(|(index, line)| (index + 1, line));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => RustFile::parse(text).passages(),
        Some("md") => passages(numbered()),
        Some("graphql") => passages(descriptions(text).into_iter()),
        Some("js" | "mjs" | "jsx") => passages(numbered().filter_map(|(number, line)| {
            let line = line.trim();
            let is_comment = line.starts_with("//") || line.starts_with("/*") || line.starts_with("* ");
            // The examples of the page are GraphQL documents with comments of their own.
            let comment = if is_comment {
                Some(plain_comment(line))
            } else {
                line.strip_prefix("# ")
            };
            comment.map(|comment| (number, comment))
        })),
        Some("py" | "toml" | "sh") | None => passages(numbered().filter_map(|(number, line)| {
            let comment = line.trim().strip_prefix('#')?;
            Some((number, comment.trim_start_matches('!').trim()))
        })),
        _ => Vec::new(),
    }
}

/// The lines of descriptions and comments of a GraphQL document; empty lines between two of them.
fn descriptions(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let quotes = line.matches("\"\"\"").count();
        if let Some(comment) = line.strip_prefix('#') {
            found.push((index + 1, comment.trim()));
        } else if inside || quotes > 0 {
            found.push((index + 1, line.trim_matches('"').trim()));
        } else if let Some(one) = line.strip_prefix('"') {
            found.push((index + 1, one.trim_end_matches('"')));
        }
        inside ^= quotes == 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{RustFile, prose, script_strings};

    #[test]
    fn a_rust_file_is_read_in_its_parts() {
        let file = RustFile::parse("//! Top.\n\nfn f<'a>(c: char) { g(\"a // b\", '\"', r#\"x \"y\" z\"#) } // End\n");
        let strings: Vec<_> = file.strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(strings, [(3, "\"a // b\""), (3, "r#\"x \"y\" z\"#")]);
        assert!(file.code.contains("fn f<'a>(c: char) { g("), "{}", file.code);
        assert!(!file.code.contains("Top") && !file.code.contains("End") && !file.code.contains('y'));
        let passages: Vec<_> = file.passages().iter().map(super::Passage::joined).collect();
        assert_eq!(passages, ["Top.", "End"]);
    }

    #[test]
    fn the_strings_of_a_script_are_found_outside_of_its_comments() {
        let text = "// it's\nf('a \\' b', \"c\"); /* d's\n */ g(`${e}\n f`, 1 / 2);\nh = 'g';\n";
        let strings = script_strings(text);
        let strings: Vec<_> = strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(
            strings,
            [(2, "\"a \\' b\""), (2, "\"c\""), (3, "\"${e}\n f\""), (5, "\"g\"")]
        );
    }

    #[test]
    fn lines_of_a_paragraph_belong_together_and_items_do_not() {
        let text = "# Head\nOne\ntwo.\n\n- Item\n  goes on\n- Next\n```sh\ncode\n```\n| a | b |\n| c | d |\n";
        let joined: Vec<_> = prose(Path::new("x.md"), text)
            .iter()
            .map(super::Passage::joined)
            .collect();
        assert_eq!(
            joined,
            ["Head", "One two.", "Item goes on", "Next", "| a | b |", "| c | d |"]
        );
        let passage = &prose(Path::new("x.md"), "One\ntwo.\n")[0];
        assert_eq!((passage.line_at(0), passage.line_at(4)), (1, 2));
    }

    #[test]
    fn descriptions_of_a_schema_are_prose_and_its_fields_are_not() {
        let text = "\"\"\"\nA book.\n\"\"\"\ntype Book {\n  \"Its title.\"\n  title: String\n}\n";
        let joined: Vec<_> = prose(Path::new("x.graphql"), text)
            .iter()
            .map(super::Passage::joined)
            .collect();
        assert_eq!(joined, ["A book.", "Its title."]);
    }
}
