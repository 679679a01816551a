//! The packages that are in the program: the closure of its dependencies, without those of tests and builds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::json::Json;
use super::output;
use crate::error::Result;
use crate::workspace::Workspace;

/// The package of the program.
const PROGRAM: &str = "agora";

/// A package of the program.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// The SPDX expression of its licence.
    pub licence: Option<String>,
    pub about: Option<String>,
    pub repository: Option<String>,
    /// The folder of its sources.
    pub folder: PathBuf,
    /// Whether it is a part of this repository.
    pub is_own: bool,
    /// The SHA-256 of the file that the registry serves.
    pub checksum: Option<String>,
    /// The identities of the packages that it uses directly.
    pub uses: Vec<String>,
}

/// The packages of the program, by identity.
pub struct Packages(pub BTreeMap<String, Package>);

impl Packages {
    /// Reads the packages of the program for that target.
    pub fn of_program(workspace: &Workspace, target: &str) -> Result<Self> {
        let mut cargo = workspace.command("cargo");
        let metadata = output(cargo.args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            target,
        ]))?;
        let metadata = Json::parse(&metadata)?;
        let checksums = checksums(&workspace.read("Cargo.lock")?);
        let own: BTreeSet<&str> = metadata.list("workspace_members").iter().filter_map(as_text).collect();
        let resolve = metadata.get("resolve").ok_or("cargo metadata resolves nothing")?;
        let uses: BTreeMap<&str, Vec<String>> = resolve
            .list("nodes")
            .iter()
            .filter_map(|node| Some((node.text("id")?, used(node))))
            .collect();
        let mut all = BTreeMap::new();
        for package in metadata.list("packages") {
            let (id, name, version) = match (package.text("id"), package.text("name"), package.text("version")) {
                (Some(id), Some(name), Some(version)) => (id, name.to_owned(), version.to_owned()),
                _ => return Err("cargo metadata has a package without a name".into()),
            };
            let text = |name: &str| package.text(name).map(str::to_owned);
            let manifest = PathBuf::from(package.text("manifest_path").unwrap_or_default());
            let found = Package {
                licence: text("license"),
                about: text("description"),
                repository: text("repository"),
                folder: manifest.parent().ok_or("a manifest has a folder")?.to_owned(),
                is_own: own.contains(id),
                checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
                uses: uses.get(id).cloned().unwrap_or_default(),
                name,
                version,
            };
            all.insert(id.to_owned(), found);
        }
        let program = all
            .iter()
            .find(|(_, package)| package.is_own && package.name == PROGRAM);
        let program = program.ok_or("the program has no package")?.0.clone();
        let reached = reached(&all, program);
        all.retain(|id, _| reached.contains(id));
        Ok(Self(all))
    }

    /// Returns the packages in the order of their names and versions.
    pub fn sorted(&self) -> Vec<&Package> {
        let mut packages: Vec<&Package> = self.0.values().collect();
        packages.sort_by_key(|package| (&package.name, &package.version));
        packages
    }
}

fn as_text(value: &Json) -> Option<&str> {
    match value {
        Json::Text(text) => Some(text),
        _ => None,
    }
}

/// Returns the packages that a node uses at run time.
fn used(node: &Json) -> Vec<String> {
    let is_normal = |dependency: &&Json| {
        let kinds = dependency.list("dep_kinds").iter();
        kinds
            .filter_map(|kind| kind.get("kind"))
            .any(|kind| *kind == Json::Word("null".to_owned()))
    };
    let normal = node.list("deps").iter().filter(is_normal);
    normal
        .filter_map(|dependency| dependency.text("pkg"))
        .map(str::to_owned)
        .collect()
}

fn reached(all: &BTreeMap<String, Package>, program: String) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![program];
    while let Some(id) = next.pop() {
        if let (true, Some(package)) = (reached.insert(id.clone()), all.get(&id)) {
            next.extend(package.uses.iter().cloned());
        }
    }
    reached
}

/// Reads the checksums from the lock file, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start_matches(" = ").trim_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").skip(1);
    let found = blocks.filter_map(|block| {
        let key = (value(block, "name")?, value(block, "version")?);
        Some((key, value(block, "checksum")?))
    });
    found.collect()
}
