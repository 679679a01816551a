//! The parts of a module's code that the check reads: its imports, its paths, its items.

use std::ops::Range;

/// One name that a module imports.
pub struct Import {
    /// The name in this module; `*` for all names of the path.
    pub name: String,
    /// The path that it stands for.
    pub path: Vec<String>,
    /// Whether other modules see it.
    pub is_export: bool,
}

/// Removes the modules of tests from code; also returns the names of those that are files.
pub fn without_tests(code: &str) -> (String, Vec<String>) {
    let mut plain = String::new();
    let mut files = Vec::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        plain.push_str(before);
        let item = after.trim_start();
        let Some(module) = item.strip_prefix("mod ") else {
            rest = after;
            continue;
        };
        let end = module.find(['{', ';']).unwrap_or(module.len());
        if module[end..].starts_with('{') {
            rest = &module[end + block_length(&module[end..])..];
        } else {
            files.push(module[..end].trim().to_owned());
            rest = &module[end..];
        }
    }
    plain.push_str(rest);
    (plain, files)
}

/// The length of the block in braces that the text begins with.
fn block_length(text: &str) -> usize {
    let mut depth = 0;
    for (index, sign) in text.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    text.len()
}

/// The names that code imports.
pub fn imports(code: &str) -> Vec<Import> {
    let mut found = Vec::new();
    for range in import_ranges(code) {
        let line = code[..range.start].rsplit('\n').next().unwrap_or_default();
        let is_export = line.trim_start().starts_with("pub");
        expand(&code[range.start + "use ".len()..range.end], &[], &mut |path, name| {
            found.push(Import { name, path, is_export });
        });
    }
    found
}

/// Code without its `use` declarations.
pub fn without_imports(code: &str) -> String {
    let mut plain = String::new();
    let mut end = 0;
    for range in import_ranges(code) {
        plain.push_str(&code[end..range.start]);
        end = range.end;
    }
    plain.push_str(&code[end..]);
    plain
}

/// The places of the `use` declarations in code: each from its keyword to its semicolon.
fn import_ranges(code: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("use ") {
        let line = code[..start].rsplit('\n').next().unwrap_or_default().trim();
        let is_declaration = line.is_empty() || line == "pub" || (line.starts_with("pub(") && line.ends_with(')'));
        if let Some(length) = code[start..].find(';').filter(|_| is_declaration) {
            found.push(start..start + length);
        }
    }
    found
}

/// Calls `add` with each path of a tree of imports, and the name that it gives.
fn expand(tree: &str, before: &[String], add: &mut impl FnMut(Vec<String>, String)) {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, group.rsplit_once('}').map(|(group, _)| group)),
        None => (tree, None),
    };
    let (head, alias) = head
        .split_once(" as ")
        .map_or((head, None), |(head, alias)| (head, Some(alias)));
    let segments = head.split("::").map(str::trim).filter(|segment| !segment.is_empty());
    let mut path: Vec<String> = before.iter().cloned().chain(segments.map(str::to_owned)).collect();
    if let Some(group) = group {
        for branch in branches(group) {
            expand(branch, &path, add);
        }
        return;
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if name == "*" || name == "self" {
        path.pop();
        name = if name == "*" {
            name
        } else {
            path.last().cloned().unwrap_or_default()
        };
    }
    let name = alias.map_or(name, |alias| alias.trim().to_owned());
    if !path.is_empty() {
        add(path, name);
    }
}

/// The branches of a group, at its commas.
fn branches(group: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (index, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    found.push(&group[start..]);
    found.retain(|branch| !branch.trim().is_empty());
    found
}

/// The paths of two and more segments in code.
pub fn paths(code: &str) -> Vec<Vec<String>> {
    let is_inside = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == ':';
    let words = code.split(|sign: char| !is_inside(sign));
    let paths = words.filter(|word| word.contains("::") && !word.starts_with(':'));
    let segments = |path: &str| {
        path.split("::")
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    paths
        .map(segments)
        .filter(|path: &Vec<String>| path.len() > 1)
        .collect()
}

/// Whether code defines an item of that name.
pub fn defines(code: &str, wanted: &str) -> bool {
    const KINDS: [&str; 9] = [
        "struct", "enum", "trait", "type", "fn", "const", "static", "union", "mod",
    ];
    let is_inside = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == '!';
    let mut words = code
        .split(|sign| !is_inside(sign))
        .filter(|word| !word.is_empty())
        .peekable();
    while let Some(word) = words.next() {
        if (KINDS.contains(&word) || word == "macro_rules!") && words.peek() == Some(&wanted) {
            return true;
        }
    }
    false
}
