//! The modules of each crate use each other in one direction: no cycles but those that `.ci/xtask/cycles.txt` lists.
//!
//! The check compares siblings: the files of one folder, each together with the folder of its name. One uses another
//! where its code has a path into it, by `crate::`, `super::`, `self::` or the name of its own submodule. A module and
//! those below it may use each other. A re-export does not count as a use; a path through it counts as a use of the module
//! behind it.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use self::source::{Import, defines, imports, paths, without_imports, without_tests};
use crate::error::Result;
use crate::text::RustFile;
use crate::workspace::Workspace;

const LIST: &str = ".ci/xtask/cycles.txt";
/// The most re-exports that one path can lead through.
const RE_EXPORTS_MAX: usize = 8;

/// The path of a module in its crate; empty for the root.
type ModulePath = Vec<String>;
/// The modules of a crate that reach each other.
type Cycle = BTreeSet<String>;

/// Checks all crates.
pub fn check(workspace: &Workspace) -> Result {
    let listed = listed(&workspace.read(LIST)?)?;
    let mut found = BTreeSet::new();
    let mut new = String::new();
    for folder in crates(workspace)? {
        let uses = ModuleTree::read(workspace, &folder)?.uses();
        for cycle in cycles(&uses) {
            if !is_listed(&listed, &folder, &cycle) {
                describe(&mut new, &folder, &cycle, &uses)?;
            }
            found.insert((folder.clone(), cycle));
        }
    }
    for (folder, cycle) in &listed {
        let left = found
            .iter()
            .filter(|(other, left)| other == folder && left.is_subset(cycle));
        let left: Cycle = left.flat_map(|(_, left)| left.iter().cloned()).collect();
        let open: Cycle = cycle.difference(&left).cloned().collect();
        if !open.is_empty() {
            println!("{LIST}: {folder}: {} can leave the list", list(&open));
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    Err(format!("modules use each other in a circle that is not in {LIST}\n{new}").into())
}

/// Whether a cycle is in the list, alone or as a part of a larger one.
fn is_listed(listed: &BTreeSet<(String, Cycle)>, folder: &str, cycle: &Cycle) -> bool {
    listed
        .iter()
        .any(|(other, larger)| other == folder && cycle.is_subset(larger))
}

/// The folders of all crates.
fn crates(workspace: &Workspace) -> Result<Vec<String>> {
    let files = workspace.files("")?;
    let manifests = files.iter().filter(|path| path.ends_with("Cargo.toml"));
    let folders = manifests.filter_map(|path| path.parent()?.to_str());
    Ok(folders
        .filter(|folder| workspace.path(folder).join("src").is_dir())
        .map(str::to_owned)
        .collect())
}

/// Reads the list of exceptions: a line for each cycle, below the comment with its reason.
fn listed(text: &str) -> Result<BTreeSet<(String, Cycle)>> {
    let mut listed = BTreeSet::new();
    let mut has_reason = false;
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            has_reason = line.starts_with('#');
            continue;
        }
        let (folder, modules) = line
            .split_once(": ")
            .ok_or_else(|| format!("{LIST}: no cycle: {line}"))?;
        if !has_reason {
            return Err(format!("{LIST}: no reason above: {line}").into());
        }
        listed.insert((folder.to_owned(), modules.split(", ").map(str::to_owned).collect()));
    }
    Ok(listed)
}

fn list(cycle: &Cycle) -> String {
    let names: Vec<&str> = cycle.iter().map(String::as_str).collect();
    names.join(", ")
}

/// Writes the uses that make a cycle.
fn describe(text: &mut String, folder: &str, cycle: &Cycle, uses: &Uses) -> Result {
    writeln!(text, "{folder}: {}", list(cycle))?;
    for module in cycle {
        for (used, places) in uses[module].iter().filter(|(used, _)| cycle.contains(*used)) {
            writeln!(text, "  {module} uses {used}: {}", list(places))?;
        }
    }
    Ok(())
}

/// The siblings that each module uses, and the files by which each use happens: `a::b -> c::d`.
type Uses = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The groups of two and more modules that reach each other.
fn cycles(uses: &Uses) -> Vec<Cycle> {
    let reachable: BTreeMap<&String, BTreeSet<&String>> =
        uses.keys().map(|module| (module, reach(uses, module))).collect();
    let mut found: Vec<Cycle> = Vec::new();
    for (module, reached) in &reachable {
        let cycle = reached.iter().filter(|other| reachable[**other].contains(*module));
        let cycle: Cycle = cycle.map(|other| (*other).clone()).collect();
        if cycle.len() > 1 && !found.contains(&cycle) {
            found.push(cycle);
        }
    }
    found
}

fn reach<'a>(uses: &'a Uses, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for used in uses[module].keys() {
            if reached.insert(used) {
                open.push(used);
            }
        }
    }
    reached
}

/// The modules of a crate.
struct ModuleTree {
    modules: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
struct Module {
    /// The code without comments, strings and tests.
    code: String,
    /// The imports: the name that each gives, and the path that it stands for.
    imports: Vec<Import>,
}

impl ModuleTree {
    fn read(workspace: &Workspace, folder: &str) -> Result<Self> {
        let source = Path::new(folder).join("src");
        let mut modules = BTreeMap::new();
        let mut tests = Vec::new();
        for file in workspace.files(&source.to_string_lossy())? {
            if file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let path = module_path(file.strip_prefix(&source)?);
            let (code, test_modules) = without_tests(&RustFile::parse(&workspace.read(&file)?).code);
            tests.extend(test_modules.into_iter().map(|name| [path.clone(), vec![name]].concat()));
            let imports = imports(&code);
            // A crate with a library and a program has two roots.
            let module: &mut Module = modules.entry(path).or_default();
            module.code.push_str(&code);
            module.imports.extend(imports);
        }
        modules.retain(|path, _| !tests.iter().any(|test| path.starts_with(test)));
        Ok(Self { modules })
    }

    fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (path, module) in &self.modules {
            let imported = module.imports.iter().filter(|import| !import.is_export);
            let imported = imported.map(|import| import.path.clone());
            for mentioned in imported.chain(paths(&without_imports(&module.code))) {
                let used = self.resolve(path, &mentioned, RE_EXPORTS_MAX);
                let Some((from, to)) = used.as_ref().and_then(|used| siblings(path, used)) else {
                    continue;
                };
                let place = format!("{} -> {}", name(path), used.as_ref().map(name).unwrap_or_default());
                uses.entry(to.clone()).or_default();
                uses.entry(from).or_default().entry(to).or_default().insert(place);
            }
        }
        uses
    }

    /// Returns the module that has what a path names; `None` for a path that leaves the crate.
    fn resolve(&self, from: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        let mut module = match path.first()?.as_str() {
            "crate" => ModulePath::new(),
            "self" => from.clone(),
            "super" => from.split_last()?.1.to_vec(),
            child
                if self
                    .modules
                    .contains_key(&[from.clone(), vec![child.to_owned()]].concat()) =>
            {
                [from.clone(), vec![child.to_owned()]].concat()
            }
            _ => return None,
        };
        for segment in &path[1..] {
            if segment == "super" {
                module.pop()?;
                continue;
            }
            let child = [module.clone(), vec![segment.clone()]].concat();
            if self.modules.contains_key(&child) {
                module = child;
                continue;
            }
            let Some(behind) = self.behind(&module, segment, depth.checked_sub(1)?) else {
                return Some(module);
            };
            module = behind;
        }
        Some(module)
    }

    /// Returns the module that defines a name which `module` imports.
    fn behind(&self, module: &ModulePath, wanted: &str, depth: usize) -> Option<ModulePath> {
        let here = self.modules.get(module)?;
        if defines(&here.code, wanted) {
            return None;
        }
        let named = here.imports.iter().find(|import| import.name == wanted);
        if let Some(import) = named {
            return self.resolve(module, &import.path, depth);
        }
        let globs = here.imports.iter().filter(|import| import.name == "*");
        let mut behind = globs.filter_map(|import| self.resolve(module, &import.path, depth));
        behind.find(|module| defines(&self.modules[module].code, wanted))
    }
}

/// Returns the two siblings that contain the two modules; `None` where one module is below the other.
fn siblings(one: &ModulePath, other: &ModulePath) -> Option<(String, String)> {
    let common = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let at = |path: &ModulePath| Some(path.get(..=common)?.join("::"));
    Some((at(one)?, at(other)?))
}

/// The path of the module that a file has, from its path below `src`.
fn module_path(file: &Path) -> ModulePath {
    let file = file.with_extension("");
    let parts = file.iter().map(|part| part.to_string_lossy().into_owned());
    let mut parts: ModulePath = parts.collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] || parts == ["main"] {
        parts.pop();
    }
    parts
}

fn name(path: &ModulePath) -> String {
    if path.is_empty() {
        "crate".to_owned()
    } else {
        path.join("::")
    }
}

#[cfg(test)]
mod tests {
    use super::{Module, ModuleTree, cycles, imports, listed, without_tests};

    fn tree(files: &[(&str, &str)]) -> ModuleTree {
        let modules = files.iter().map(|(path, text)| {
            let path = path
                .split("::")
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
            let (code, _) = without_tests(text);
            let imports = imports(&code);
            (path, Module { code, imports })
        });
        ModuleTree {
            modules: modules.collect(),
        }
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        cycles(&tree(files).uses()).iter().map(super::list).collect()
    }

    #[test]
    fn modules_that_import_each_other_are_a_cycle() {
        let a = ("a", "use crate::{b::{self, B}, c};\n");
        assert_eq!(
            found(&[("", ""), a, ("b", "fn f() { super::a::g() }"), ("c", "")]),
            ["a, b"]
        );
        assert_eq!(
            found(&[("", ""), a, ("b", "use crate::c::C;"), ("c", "")]),
            Vec::<String>::new()
        );
        let three = [
            ("", ""),
            ("a", "use crate::b;"),
            ("b", "use super::c;"),
            ("c", "use crate::a;"),
        ];
        assert_eq!(found(&three), ["a, b, c"]);
    }

    #[test]
    fn a_path_through_a_re_export_leads_to_the_module_behind_it() {
        let root = ("", "mod a;\nmod b;\npub use a::A;\npub(crate) use b::*;\n");
        assert_eq!(
            found(&[root, ("a", "use crate::B;"), ("b", "pub struct B;")]),
            Vec::<String>::new()
        );
        assert_eq!(
            found(&[root, ("a", "use crate::B;"), ("b", "use crate::A;\npub struct B;")]),
            ["a, b"]
        );
    }

    #[test]
    fn a_module_and_those_below_it_may_use_each_other() {
        let parent = ("a", "mod child;\nfn f() { child::g() }");
        assert_eq!(
            found(&[("", ""), parent, ("a::child", "use super::f;")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_folder_belongs_to_the_file_of_its_name() {
        let (a, below_a) = (("a", "mod x;"), ("a::x", "use crate::b::B;"));
        let (b, below_b) = (("b", "mod y;\npub struct B;"), ("b::y", "use crate::a::A;"));
        assert_eq!(found(&[("", ""), a, below_a, b, below_b]), ["a, b"]);
        assert_eq!(found(&[("", ""), a, below_a, b]), Vec::<String>::new());
    }

    #[test]
    fn tests_do_not_count() {
        let code = "use crate::b;\n#[cfg(test)]\nmod tests {\n  use super::c;\n}\n#[cfg(test)]\nmod more;\nfn f() {}\n";
        let (plain, files) = without_tests(code);
        assert!(
            plain.contains("crate::b") && plain.contains("fn f") && !plain.contains("super::c"),
            "{plain}"
        );
        assert_eq!(files, ["more"]);
    }

    #[test]
    fn a_listed_cycle_may_shrink_and_not_grow() {
        let listed = listed("# Why.\nrouter: a, b, c\n").expect("a list");
        let is_listed = |folder, text: &str| {
            let cycle = text.split(' ').map(str::to_owned).collect();
            super::is_listed(&listed, folder, &cycle)
        };
        assert!(is_listed("router", "a b c") && is_listed("router", "a b"));
        assert!(!is_listed("router", "a d") && !is_listed("entities", "a b"));
    }

    #[test]
    fn a_listed_cycle_needs_a_reason() {
        assert_eq!(listed("# Why.\nrouter: a, b\n").expect("a list").len(), 1);
        assert!(listed("router: a, b\n").is_err());
    }
}
