//! Checks citations: the files and anchors that documents and comments name exist.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::{Finding, records, report, versions, written_files};
use crate::error::Result;
use crate::text::{Passage, prose};
use crate::workspace::Workspace;

/// Documents that readers of the repository do not have.
const ABSENT: [&str; 2] = ["CONTRACTS", "DESIGN"];
/// The endings of file names that are recognised in prose.
const ENDINGS: [&str; 16] = [
    "css", "graphql", "html", "js", "json", "jsx", "lock", "md", "mjs", "py", "rs", "snap", "sql", "toml", "txt", "svg",
];
/// Names that no file has to have.
const EXEMPT: [(&str, &str); 6] = [
    ("subgraphs/library", "the example of the guide to a new domain"),
    ("src/loan.rs", "the same example"),
    ("node_modules", "it is installed"),
    ("target", "it is built"),
    ("data", "a data folder of a server"),
    (
        ".ci/xtask/src/checks/citations.rs",
        "its tests name files that do not exist",
    ),
];

/// Checks all files.
pub fn check(workspace: &Workspace) -> Result {
    let index = Index::read(workspace)?;
    let mut findings = records::findings(workspace)?;
    findings.extend(versions::findings(workspace)?);
    for (path, text) in written_files(workspace)? {
        if is_exempt(&path.to_string_lossy()) {
            continue;
        }
        for passage in prose(&path, &text) {
            findings.extend(index.find(&path, &passage).into_iter().map(|(line, message)| Finding {
                path: path.clone(),
                line,
                message,
            }));
        }
    }
    report(findings)
}

fn is_exempt(name: &str) -> bool {
    EXEMPT.iter().any(|(exempt, _)| Path::new(name).starts_with(exempt))
}

/// Everything that can be cited.
#[derive(Default)]
struct Index {
    files: HashSet<PathBuf>,
    folders: HashSet<PathBuf>,
    /// The anchors of each document.
    anchors: HashMap<PathBuf, HashSet<String>>,
}

impl Index {
    fn read(workspace: &Workspace) -> Result<Self> {
        let mut index = Self::default();
        for path in workspace.files("")? {
            if path.extension().is_some_and(|extension| extension == "md") {
                index.anchors.insert(path.clone(), anchors(&workspace.read(&path)?));
            }
            index.add(path);
        }
        Ok(index)
    }

    fn add(&mut self, path: PathBuf) {
        self.folders.extend(path.ancestors().skip(1).map(Path::to_path_buf));
        self.files.insert(path);
    }

    /// The findings in a passage of a file: the line and the message of each.
    fn find(&self, path: &Path, passage: &Passage) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let is_document = path.extension().is_some_and(|extension| extension == "md");
        for (line, text) in &passage.lines {
            let mut report = |message| found.push((*line, message));
            for word in text.split(|sign: char| !sign.is_alphanumeric()) {
                if ABSENT.contains(&word) {
                    report(format!("{word} is not in the repository"));
                }
            }
            for target in links(text).filter(|_| is_document) {
                if !self.has_link(path, target) {
                    report(format!("{target} does not exist"));
                }
            }
            for name in names(text) {
                if !self.has_name(path, name) {
                    report(format!("{name} does not exist"));
                }
            }
        }
        found
    }

    /// Whether the target of a link exists: a file beside this one, with its anchor.
    fn has_link(&self, from: &Path, target: &str) -> bool {
        if target.contains("://") || target.starts_with("mailto:") {
            return true;
        }
        let (file, anchor) = target
            .split_once('#')
            .map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let folder = from.parent().unwrap_or(Path::new(""));
        let path = if file.is_empty() {
            from.to_owned()
        } else {
            normalized(&folder.join(file))
        };
        self.exists(&path) && anchor.is_none_or(|anchor| self.has_anchor(&path, anchor))
    }

    /// Whether a name in prose is that of a file: from the top level, or from a folder around this file. It may have an
    /// anchor.
    fn has_name(&self, from: &Path, name: &str) -> bool {
        let (name, anchor) = name
            .split_once('#')
            .map_or((name, None), |(file, anchor)| (file, Some(anchor)));
        if is_exempt(name) {
            return true;
        }
        let mut folders = from.ancestors().skip(1);
        let found = folders.find_map(|folder| {
            let near = [folder.to_owned(), folder.join("src"), from.with_extension("")];
            near.iter()
                .map(|folder| normalized(&folder.join(name)))
                .find(|path| self.exists(path))
        });
        found.is_some_and(|path| anchor.is_none_or(|anchor| self.has_anchor(&path, anchor)))
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains(path) || self.folders.contains(path)
    }

    fn has_anchor(&self, document: &Path, anchor: &str) -> bool {
        self.anchors
            .get(document)
            .is_none_or(|anchors| anchors.contains(anchor))
    }
}

/// A path without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// The targets of the links in a line of Markdown.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The names of files in a line of prose: with a folder and a known ending. Patterns and placeholders do not count.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_inside = |sign: char| sign.is_alphanumeric() || "/._-#{}*…@$<>:+".contains(sign);
    text.split(move |sign: char| !is_inside(sign)).filter_map(|word| {
        let word = word.trim_end_matches(['.', ':', '/']);
        let (file, anchor) = word.split_once('#').map_or((word, ""), |(file, anchor)| (file, anchor));
        let is_plain = !word.contains(['{', '}', '*', '…', '@', '$', '<', '>', ':', '+']) && !anchor.contains('#');
        let has_folder = file.contains('/') && !file.starts_with('/') && !file.starts_with("./");
        let has_ending = ENDINGS.iter().any(|ending| file.ends_with(&format!(".{ending}")));
        // Capital letters stand for any name, as in `entities/src/NOUN.rs`.
        let is_placeholder = file
            .split(['/', '.', '_'])
            .any(|part| ["NAME", "NOUN", "NNNN", "MOUNT", "mNNNN"].contains(&part) || part.contains("NNNN"));
        (is_plain && has_folder && has_ending && !is_placeholder).then_some(word)
    })
}

/// The anchors of the headings of a document, as code hosts make them, and the explicit ones.
fn anchors(text: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for id in line.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            found.insert(id.to_owned());
        }
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            let slug = slug(heading.trim());
            let again = (1..)
                .map(|count| format!("{slug}-{count}"))
                .find(|other| !found.contains(other));
            match again {
                Some(again) if found.contains(&slug) => found.insert(again),
                _ => found.insert(slug),
            };
        }
    }
    found
}

fn slug(heading: &str) -> String {
    // The text of a link counts, its target does not.
    let mut plain = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        plain.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let kept = plain
        .chars()
        .filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
    kept.map(|sign| if sign == ' ' { '-' } else { sign.to_ascii_lowercase() })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Index, anchors};
    use crate::text::prose;

    fn findings(text: &str) -> Vec<String> {
        let mut index = Index::default();
        for file in [
            "docs/a.md",
            "docs/b.md",
            "router/src/rest.rs",
            "router/src/rest/route.rs",
        ] {
            index.add(file.into());
        }
        index
            .anchors
            .insert("docs/b.md".into(), anchors("# The `one` idea\n## To add X, touch\n"));
        let path = Path::new("docs/a.md");
        let passages = prose(path, text);
        passages
            .iter()
            .flat_map(|passage| index.find(path, passage))
            .map(|(_, message)| message)
            .collect()
    }

    #[test]
    fn existing_files_may_be_cited() {
        let text = "See [b](b.md), [it](b.md#the-one-idea), [x](b.md#to-add-x-touch), [web](https://example.com/x.md),\n\
                    `router/src/rest.rs`, docs/b.md#the-one-idea, `rest/*.rs` and `entities/src/NOUN.rs`.\n";
        assert_eq!(findings(text), Vec::<String>::new());
    }

    #[test]
    fn files_and_anchors_that_do_not_exist_are_found() {
        assert_eq!(findings("See [c](c.md).\n"), ["c.md does not exist"]);
        assert_eq!(findings("See [b](b.md#two).\n"), ["b.md#two does not exist"]);
        assert_eq!(
            findings("In `router/src/gone.rs`.\n"),
            ["router/src/gone.rs does not exist"]
        );
        assert_eq!(findings("In docs/b.md#two.\n"), ["docs/b.md#two does not exist"]);
        assert_eq!(findings("As CONTRACTS says.\n"), ["CONTRACTS is not in the repository"]);
    }
}
