//! The list of everything that is in the program (a software bill of materials), in the format CycloneDX 1.5.

use super::Release;
use super::json::{Json, object};
use super::packages::{Package, Packages};
use crate::error::Result;

/// Returns the document. It names no time and no random number, so that the same program has the same list.
pub fn text(release: &Release, packages: &Packages) -> Result<String> {
    let program = packages
        .0
        .values()
        .find(|package| package.is_own && package.name == "agora");
    let program = program.ok_or("the program has no package")?;
    let others = packages
        .sorted()
        .into_iter()
        .filter(|package| package.name != program.name || !package.is_own);
    let dependencies = packages.sorted().into_iter().map(|package| {
        let mut uses: Vec<_> = package
            .uses
            .iter()
            .filter_map(|id| packages.0.get(id))
            .map(reference)
            .collect();
        uses.sort();
        let uses = uses.iter().map(|used| Json::from(&**used)).collect();
        object([
            ("ref", Json::from(&*reference(package))),
            ("dependsOn", Json::List(uses)),
        ])
    });
    let document = object([
        ("bomFormat", "CycloneDX".into()),
        ("specVersion", "1.5".into()),
        ("version", Json::Word("1".to_owned())),
        (
            "metadata",
            object([
                ("component", component(program, "application")),
                (
                    "properties",
                    Json::List(vec![object([
                        ("name", "target".into()),
                        ("value", Json::from(&*release.target)),
                    ])]),
                ),
            ]),
        ),
        (
            "components",
            Json::List(others.map(|package| component(package, "library")).collect()),
        ),
        ("dependencies", Json::List(dependencies.collect())),
    ]);
    Ok(document.to_text())
}

fn component(package: &Package, kind: &str) -> Json {
    let mut members = vec![
        ("type", Json::from(kind)),
        ("bom-ref", Json::from(&*reference(package))),
        ("name", Json::from(&*package.name)),
        ("version", Json::from(&*package.version)),
    ];
    if !package.is_own {
        members.push(("purl", Json::from(&*reference(package))));
    }
    if let Some(about) = &package.about {
        members.push(("description", Json::from(about.trim())));
    }
    if let Some(licence) = &package.licence {
        let expression = object([("expression", Json::from(&*super::licences::spdx(licence)))]);
        members.push(("licenses", Json::List(vec![expression])));
    }
    if let Some(checksum) = &package.checksum {
        let hash = object([("alg", "SHA-256".into()), ("content", Json::from(&**checksum))]);
        members.push(("hashes", Json::List(vec![hash])));
    }
    if let Some(repository) = &package.repository {
        let link = object([("type", "vcs".into()), ("url", Json::from(&**repository))]);
        members.push(("externalReferences", Json::List(vec![link])));
    }
    Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// Returns the identity of a package in the list.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}
