//! The licences of everything that is in the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::packages::{Package, Packages};
use crate::error::Result;
use crate::workspace::Workspace;

/// The licences that a dependency may have: one of an `OR`, all of an `AND`.
const PERMITTED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Zlib",
];
/// Packages that have the text of their licence, but not its name.
const UNNAMED: [(&str, &str); 1] = [("jsonpath-rust", "MIT")];
/// How deep below a package its licences are searched: packages with C code have those of the C code in a folder.
const DEPTH_MAX: usize = 3;
/// The longest licence, in bytes.
const BYTES_MAX: u64 = 1 << 20;
const LINE: &str = "================================================================================\n";

/// Returns the names of all packages with their licences, and each text of a licence once.
///
/// # Errors
/// When a package has a licence that is not permitted, or none.
pub fn text(workspace: &Workspace, packages: &Packages) -> Result<String> {
    let mut refused = Vec::new();
    // The text of a licence, and the packages that have it.
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut list = String::new();
    for package in packages.sorted().into_iter().filter(|package| !package.is_own) {
        let title = format!("{} {}", package.name, package.version);
        let unnamed = UNNAMED
            .iter()
            .find(|(name, _)| *name == package.name)
            .map(|(_, licence)| *licence);
        let expression = package.licence.as_deref().or(unnamed).map(spdx).unwrap_or_default();
        if !is_permitted(&expression) {
            refused.push(format!("{title} ({expression})"));
        }
        writeln!(list, "{title}: {expression}")?;
        for file in licence_files(package)? {
            let text = normalized(&fs::read_to_string(&file).unwrap_or_default());
            if !text.is_empty() {
                texts.entry(text).or_default().insert(title.clone());
            }
        }
    }
    if !refused.is_empty() {
        return Err(format!("these licences are not permitted: {}", refused.join(", ")).into());
    }
    let mut document = format!(
        "Agora contains these packages. SQLite, which is in libsqlite3-sys, is in the public domain. The standard library of Rust is \
         licensed under MIT OR Apache-2.0. A package without a text below has the licence that is named here; the texts of MIT \
         and Apache-2.0 are in LICENSE-MIT and LICENSE-APACHE.\n\n{list}\n"
    );
    for path in page_licences(workspace)? {
        let title = path.display().to_string();
        texts
            .entry(normalized(&workspace.read(&path)?))
            .or_default()
            .insert(title);
    }
    // In the order of the first package.
    let mut texts: Vec<(BTreeSet<String>, String)> = texts.into_iter().map(|(text, titles)| (titles, text)).collect();
    texts.sort();
    for (titles, text) in texts {
        let titles: Vec<String> = titles.into_iter().collect();
        write!(document, "{LINE}{}\n{LINE}\n{text}\n\n", titles.join(", "))?;
    }
    Ok(document)
}

/// Returns the SPDX expression: old packages separate a choice by a slash.
pub fn spdx(licence: &str) -> String {
    licence.replace(" / ", " OR ").replace('/', " OR ")
}

/// Whether a choice of the expression is permitted.
fn is_permitted(expression: &str) -> bool {
    // No package nests deeper than one pair of parentheses.
    let plain = expression.replace(['(', ')'], "");
    if expression.contains('(') {
        return plain.split(" AND ").all(|part| part.split(" OR ").any(is_listed));
    }
    plain.split(" OR ").any(|choice| choice.split(" AND ").all(is_listed))
}

fn is_listed(licence: &str) -> bool {
    PERMITTED.contains(&licence.trim())
}

/// Returns the files with the licences of a package, in order.
fn licence_files(package: &Package) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(&package.folder, DEPTH_MAX, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            collect(&entry.path(), depth - 1, found)?;
        } else if kind.is_file()
            && is_licence(&entry.file_name().to_string_lossy())
            && entry.metadata()?.len() < BYTES_MAX
        {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn is_licence(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let begins = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
    let is_code = [".RS", ".C", ".H", ".TOML", ".PY", ".GO", ".JSON"]
        .iter()
        .any(|ending| name.ends_with(ending));
    begins.iter().any(|begin| name.starts_with(begin)) && !is_code
}

/// Returns the licences of the packages that the pages are built of, which are checked in beside them.
fn page_licences(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let files = workspace.files("router/assets")?;
    let name = |file: &PathBuf| {
        file.file_name()
            .map(|name| name.to_string_lossy().to_uppercase())
            .unwrap_or_default()
    };
    let is_text = |file: &PathBuf| name(file).contains("LICENSE") || name(file).contains("LICENCE");
    Ok(files.into_iter().filter(is_text).collect())
}

/// The text without differences that mean nothing, so that equal licences are listed once.
fn normalized(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{is_permitted, spdx};

    #[test]
    fn a_choice_is_permitted_if_one_of_it_is() {
        for permitted in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT OR Apache-2.0",
            "ISC AND (Apache-2.0 OR ISC)",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(is_permitted(permitted), "{permitted}");
        }
        for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "ISC AND (GPL-2.0 OR LGPL-2.1)"] {
            assert!(!is_permitted(refused), "{refused}");
        }
        assert_eq!(spdx("MIT/Apache-2.0"), "MIT OR Apache-2.0");
    }
}
