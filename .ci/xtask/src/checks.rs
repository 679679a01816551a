//! Checks of the text of the repository. Each reads all files, reports every finding, and takes less than a second.

pub mod citations;
pub mod line_length;
pub mod modules;
mod records;
mod versions;
pub mod words;

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::workspace::Workspace;

/// One violation of a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the top level.
    pub path: PathBuf,
    /// The number of the line.
    pub line: usize,
    /// The rule, and the words that break it.
    pub message: String,
}

/// Fails with all findings.
fn report(mut findings: Vec<Finding>) -> Result {
    if findings.is_empty() {
        return Ok(());
    }
    findings.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
    for finding in &findings {
        println!("{}:{}: {}", finding.path.display(), finding.line, finding.message);
    }
    let number = findings.len();
    let noun = if number == 1 { "finding" } else { "findings" };
    Err(format!("{number} {noun}; CONTRIBUTING.md explains the rules").into())
}

/// The text files that people write, with their texts: no generated ones and none of other projects.
fn written_files(workspace: &Workspace) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for path in workspace.files("")? {
        if is_written(&path) {
            let text = workspace.read(&path)?;
            found.push((path, text));
        }
    }
    Ok(found)
}

fn is_written(path: &Path) -> bool {
    const KINDS: [&str; 9] = ["rs", "md", "graphql", "js", "mjs", "jsx", "py", "toml", "sh"];
    let kind = path.extension().and_then(|extension| extension.to_str());
    let is_known = kind.is_some_and(|kind| KINDS.contains(&kind)) || path == Path::new(".ci/run");
    is_known && !path.starts_with("router/assets")
}
