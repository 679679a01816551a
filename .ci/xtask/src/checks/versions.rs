//! Checks the versions: each has a heading in the changelog and a data folder from which the upgrade is tested.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::error::Result;
use crate::workspace::Workspace;

/// The list of changes by version.
const CHANGELOG: &str = "CHANGELOG.md";
/// The folder of the data folders, relative to the top level.
const FOLDER: &str = "tests/upgrades";
/// The heading of changes that no version has yet.
const UNRELEASED: &str = "Unreleased";

/// The versions that have only one of both.
pub fn findings(workspace: &Workspace) -> Result<Vec<Finding>> {
    let folders = workspace.files(FOLDER)?;
    let folders = folders.iter().filter_map(|file| name_of_folder(file)).collect();
    Ok(find(&workspace.read(CHANGELOG)?, &folders))
}

fn name_of_folder(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(FOLDER).ok()?;
    let folder = inside.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    Some(folder.to_string_lossy().into_owned())
}

fn find(changelog: &str, folders: &BTreeSet<String>) -> Vec<Finding> {
    let headings = changelog.lines().enumerate().filter_map(|(index, line)| {
        let version = line.strip_prefix("## ")?.split_whitespace().next()?;
        let version = version.trim_start_matches('[').trim_end_matches(']');
        (version != UNRELEASED).then(|| (index + 1, version.to_owned()))
    });
    let headings: Vec<(usize, String)> = headings.collect();
    let without_folder = headings.iter().filter(|(_, version)| !folders.contains(version));
    let without_folder = without_folder.map(|(line, version)| Finding {
        path: PathBuf::from(CHANGELOG),
        line: *line,
        message: format!("{FOLDER}/{version} is missing, from which the upgrade is tested"),
    });
    let is_listed = |folder: &&String| headings.iter().any(|(_, version)| version == *folder);
    let without_heading = folders
        .iter()
        .filter(|folder| !is_listed(folder))
        .map(|folder| Finding {
            path: PathBuf::from(CHANGELOG),
            line: 1,
            message: format!("the version {folder} of {FOLDER} has no heading `## {folder} - DATE`"),
        });
    without_folder.chain(without_heading).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::find;

    #[test]
    fn a_version_has_a_heading_and_a_data_folder() {
        let folders = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let changelog = "# Changelog\n\n## Unreleased\n\n## [0.2.0] - 2027-01-01\n\n## 0.1.0 - 2026-12-01\n";
        assert_eq!(find(changelog, &folders(&["0.1.0", "0.2.0"])), []);
        let found = find(changelog, &folders(&["0.1.0", "0.0.9"]));
        let found: Vec<_> = found.iter().map(|finding| (finding.line, &*finding.message)).collect();
        assert_eq!(
            found,
            [
                (5, "tests/upgrades/0.2.0 is missing, from which the upgrade is tested"),
                (
                    1,
                    "the version 0.0.9 of tests/upgrades has no heading `## 0.0.9 - DATE`"
                ),
            ]
        );
    }
}
