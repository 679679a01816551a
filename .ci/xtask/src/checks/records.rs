//! Checks the decision records: each has every section, and a line with its title in the index.

use std::path::Path;

use super::Finding;
use crate::error::Result;
use crate::workspace::Workspace;

/// The folder of the records.
const FOLDER: &str = "docs/adr";
/// The index, in the same folder.
const INDEX: &str = "README.md";
/// The sections of a record.
const SECTIONS: [&str; 4] = [
    "## Context",
    "## Decision",
    "## Alternatives considered",
    "## Consequences",
];

/// The findings in all records.
pub fn findings(workspace: &Workspace) -> Result<Vec<Finding>> {
    let index = workspace.read(Path::new(FOLDER).join(INDEX))?;
    let mut found = Vec::new();
    for path in workspace.files(FOLDER)? {
        if let Some(name) = record_name(&path) {
            let messages = find(name, &workspace.read(&path)?, &index);
            found.extend(messages.into_iter().map(|message| Finding {
                path: path.clone(),
                line: 1,
                message,
            }));
        }
    }
    Ok(found)
}

/// Returns the file name of a record, which begins with the record's number.
fn record_name(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let is_record = name.ends_with(".md") && name.starts_with(|first: char| first.is_ascii_digit());
    is_record.then_some(name)
}

/// The findings in one record.
fn find(name: &str, text: &str, index: &str) -> Vec<String> {
    let mut found = Vec::new();
    for section in SECTIONS {
        let mut lines = text.lines().skip_while(|line| *line != section).skip(1);
        let content = lines.find(|line| !line.is_empty());
        if content.is_none_or(|line| line.starts_with("## ")) {
            found.push(format!("the section `{section}` is missing or empty"));
        }
    }
    let title = text.lines().next().and_then(|line| line.split_once(". "));
    let entry = format!("]({name}) {}", title.map_or("", |(_, title)| title));
    if !index.contains(&entry) {
        found.push(format!("{FOLDER}/{INDEX} has no line `[…{entry}`"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::find;

    const RECORD: &str = "# 0001. One idea\n\n## Context\n\nA.\n\n## Decision\n\nB.\n\n## Alternatives considered\n\nC.\n\n\
                          ## Consequences\n\n- D.\n";
    const INDEX: &str = "- [0001](0001-one-idea.md) One idea\n";

    #[test]
    fn a_complete_record_in_the_index_has_no_finding() {
        assert_eq!(find("0001-one-idea.md", RECORD, INDEX), Vec::<String>::new());
    }

    #[test]
    fn a_missing_section_and_a_missing_line_are_found() {
        let empty = RECORD.replace("\nC.\n", "");
        let wanted = ["the section `## Alternatives considered` is missing or empty"];
        assert_eq!(find("0001-one-idea.md", &empty, INDEX), wanted);
        let wanted = ["docs/adr/README.md has no line `[…](0001-one-idea.md) One idea`"];
        assert_eq!(
            find("0001-one-idea.md", RECORD, "- [0001](0001-one-idea.md) Two ideas\n"),
            wanted
        );
    }
}
