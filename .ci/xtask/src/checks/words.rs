//! The word list: words and beginnings of sentences that make prose hard to read, and names that are gone.
//!
//! It reads comments, documents, descriptions of schemas, messages in string literals, and names of functions.

use std::path::Path;

use super::{Finding, report, written_files};
use crate::error::Result;
use crate::text::{RustFile, prose, script_strings};
use crate::workspace::Workspace;

/// These do not act: the subject is the caller, the client, the server, the transaction.
const VAGUE: [&str; 7] = [
    "whoever",
    "whomever",
    "whosoever",
    "nobody",
    "somebody",
    "everybody",
    "anybody",
];
/// A sentence does not begin with these, unless it is a question.
const BEGINNINGS: [&str; 4] = ["Who", "Whom", "Whose", "What"];
/// Other phrases, each with the words to use.
const PHRASES: [(&str, &str); 7] = [
    ("carry out", "execute"),
    ("carries out", "executes"),
    ("carried out", "executed"),
    ("carrying out", "executing"),
    ("put the lead down", "step down"),
    ("puts the lead down", "steps down"),
    ("as nobody", "anonymously"),
];
/// Names that types had before; `CONTRIBUTING.md` has the terms that replaced them.
const OLD_TYPES: [&str; 38] = [
    "Complaint",
    "Compiled",
    "Covered",
    "Deal",
    "Decided",
    "Desk",
    "Family",
    "Faults",
    "FileOf",
    "Found",
    "Gathered",
    "Hop",
    "InName",
    "Joined",
    "Keeper",
    "Kept",
    "Marks",
    "Moment",
    "Named",
    "Need",
    "Once",
    "Opened",
    "Openness",
    "Placed",
    "Purse",
    "Refusal",
    "Ruler",
    "Scales",
    "SignInDesk",
    "Stamp",
    "Surroundings",
    "Taken",
    "Touched",
    "Unhold",
    "Wanted",
    "Which",
    "Wish",
    "Words",
];
/// Messages that stay as they are, each with the reason.
const FIXED: [(&str, &str); 2] = [
    ("this belongs to somebody else", "a message of REST, which is API"),
    ("Is anybody else surprised?", "a post of the sample data"),
];
/// The file that has the list.
const LIST: &str = ".ci/xtask/src/checks/words.rs";

/// Checks all files.
pub fn check(workspace: &Workspace) -> Result {
    let mut findings = Vec::new();
    for (path, text) in written_files(workspace)? {
        if path != Path::new(LIST) {
            let found = find(&path, &text).into_iter();
            findings.extend(found.map(|(line, message)| Finding {
                path: path.clone(),
                line,
                message,
            }));
        }
    }
    report(findings)
}

/// Returns the findings of one file: the line and the message of each.
fn find(path: &Path, text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for passage in prose(path, text) {
        for (offset, message) in in_prose(&passage.joined()) {
            found.push((passage.line_at(offset), message));
        }
    }
    let strings = match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => {
            let file = RustFile::parse(text);
            found.extend(in_code(&file.code));
            file.strings
        }
        Some("js" | "mjs" | "jsx") => script_strings(text),
        _ => Vec::new(),
    };
    for (line, literal) in strings {
        found.extend(in_message(&literal).map(|message| (line, message)));
    }
    found
}

/// The findings in a passage, with their places.
fn in_prose(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (offset, word) in words(text) {
        let lower = word.to_lowercase();
        if VAGUE.contains(&lower.as_str()) && !is_quoted(text, offset, word) {
            found.push((offset, format!("`{word}`: name the thing that acts")));
        }
        if BEGINNINGS.contains(&word) && begins_sentence(&text[..offset]) && !is_question(&text[offset..]) {
            found.push((
                offset,
                format!("a sentence begins with `{word}`: name the thing that acts"),
            ));
        }
    }
    let lower = text.to_ascii_lowercase();
    for (phrase, better) in PHRASES {
        let places = lower.match_indices(phrase).map(|(offset, _)| offset);
        let places = places.filter(|offset| !is_quoted(&lower, *offset, phrase));
        found.extend(places.map(|offset| (offset, format!("`{phrase}`: write {better}"))));
    }
    found
}

/// The words of a text with their places.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_inside = |sign: char| sign.is_alphanumeric() || sign == '_';
    let pieces = text.split(move |sign: char| !is_inside(sign));
    pieces
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Whether the word is data or code: it stands in quotes or backticks.
fn is_quoted(text: &str, offset: usize, word: &str) -> bool {
    let before = text[..offset].chars().next_back();
    let after = text[offset + word.len()..].chars().next();
    matches!(before, Some('"' | '`')) && matches!(after, Some('"' | '`'))
}

fn begins_sentence(before: &str) -> bool {
    let before = before.trim_end_matches(|sign: char| sign.is_whitespace() || "*_\"'([|".contains(sign));
    before.is_empty() || before.ends_with(['.', '!', '?', ':', ';'])
}

fn is_question(sentence: &str) -> bool {
    let end = sentence.find(['.', '?', '!']).unwrap_or(sentence.len());
    sentence[end..].starts_with('?')
}

/// A finding in a string literal, where it is a message and not data.
fn in_message(literal: &str) -> Option<String> {
    for word in VAGUE {
        for (offset, _) in literal.to_ascii_lowercase().match_indices(word) {
            let before = literal[..offset].chars().next_back();
            let after = literal[offset + word.len()..].chars().next();
            let begins = offset == literal.find('"').map_or(0, |quote| quote + 1) || before == Some(' ');
            let ends =
                matches!(after, Some(' ' | ',' | '.' | ':' | ';' | '\'')) || literal[offset + word.len()..] == *"\"";
            let is_alone = literal.trim_matches(['"', ' ']).len() == word.len();
            let is_fixed = FIXED.iter().any(|(text, _)| literal.contains(text));
            if begins && ends && !is_alone && !is_fixed {
                return Some(format!("`{word}` in a message: name the thing that acts"));
            }
        }
    }
    None
}

/// Findings in names: functions that are called by a vague word, and types with a name that is gone.
fn in_code(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut words = words(line).map(|(_, word)| word).peekable();
        while let Some(word) = words.next() {
            let Some(name) = words.peek() else { break };
            match word {
                "fn" if is_vague_name(name) => found.push((index + 1, format!("`{name}`: name the thing that acts"))),
                "struct" | "enum" | "trait" | "type" if OLD_TYPES.contains(name) => {
                    found.push((index + 1, format!("`{name}`: this name is gone, see the terms")));
                }
                _ => {}
            }
        }
    }
    found
}

fn is_vague_name(name: &str) -> bool {
    let first = name.split('_').next().unwrap_or_default();
    ["who", "whom", "what"].contains(&first) && name.contains('_') || name.split('_').any(|word| VAGUE.contains(&word))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::find;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        find(Path::new(path), text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn vague_words_are_found_in_prose_messages_and_names() {
        assert_eq!(lines("a.md", "Fine.\n\nThen\nnobody answers.\n"), [4]);
        assert_eq!(
            lines("a.rs", "/// Whoever asks.\nfn f() { g(\"nobody asks\") }\n"),
            [1, 2]
        );
        assert_eq!(lines("a.rs", "fn nobody_asks() {}\nfn who_asks() {}\n"), [1, 2]);
        assert_eq!(lines("a.graphql", "\"For everybody.\"\ntype A { nobody: Int }\n"), [1]);
        assert_eq!(lines("a.md", "An order is carried\nout.\n"), [1]);
        assert_eq!(
            lines("a.mjs", "f();\ntest(`${name} hears nobody else`, 'nobody');\n"),
            [2]
        );
    }

    #[test]
    fn data_and_identifiers_are_no_prose() {
        let text = "// The user `nobody`.\nfn f() { let nobody = g(\"nobody\", \" NOBODY\", r#\"{ user(name: \"nobody\") }\"#); }\n";
        assert_eq!(lines("a.rs", text), Vec::<usize>::new());
        assert_eq!(lines("a.md", "```\nnobody here\n```\n"), Vec::<usize>::new());
    }

    #[test]
    fn a_sentence_may_ask_but_its_subject_is_a_thing() {
        assert_eq!(
            lines("a.md", "- Who may read\n\nIt ends. What\nremains goes.\n"),
            [1, 3]
        );
        assert_eq!(
            lines("a.md", "Who may read? It shows what goes.\n"),
            Vec::<usize>::new()
        );
    }

    #[test]
    fn a_type_does_not_get_its_old_name_back() {
        assert_eq!(lines("a.rs", "struct Refusal;\nenum RequestError {}\n"), [1]);
    }
}
