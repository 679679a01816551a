//! `new-domain`: a crate in `subgraphs/` with one entity, one query and its test, connected to the router.

use std::path::Path;

use crate::edit::{List, insert_line, insert_sorted};
use crate::error::Result;
use crate::new_migration::{self, check_name};
use crate::workspace::{Workspace, WrittenFiles};

/// The files of the crate, and the templates in which names are replaced.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("../templates/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../templates/lib.rs")),
    ("src/__entity__.rs", include_str!("../templates/object.rs")),
    ("tests/integration/main.rs", include_str!("../templates/tests_main.rs")),
    (
        "tests/integration/__entity__.rs",
        include_str!("../templates/tests_object.rs"),
    ),
    (
        "tests/integration/schema.rs",
        include_str!("../templates/tests_schema.rs"),
    ),
];
const ENTITY: &str = include_str!("../templates/entity.rs");

/// Adds a domain and prints what is left to do.
pub fn add(workspace: &Workspace, name: &str, entity: Option<&str>) -> Result {
    let default = format!("{name}_item");
    write(workspace, name, entity.unwrap_or(&default))?.print();
    println!(
        "
Next, change table, entity and fields to what the domain is about. Then:
  UPDATE_SCHEMAS=1 cargo test --workspace --test migrations newest_schema
  cargo xtask schemas
  cargo test --workspace --test {name}
docs/development/add-a-domain.md has the rest: sample data, the query over all domains, the tables of access and growth."
    );
    Ok(())
}

/// Writes the domain.
pub fn write(workspace: &Workspace, name: &str, entity: &str) -> Result<WrittenFiles> {
    let names = Names::new(name, entity)?;
    let folder = format!("subgraphs/{name}");
    for taken in [folder.clone(), format!("entities/src/{entity}.rs")] {
        if workspace.path(&taken).exists() {
            return Err(format!("{taken} exists already").into());
        }
    }
    // The edits come before the new files: if an edit finds no place, only the files that were edited before it have
    // changed.
    let mut changed = vec![
        edit(workspace, "Cargo.toml", |text| workspace_manifest(text, name))?,
        edit(workspace, "router/Cargo.toml", |text| router_manifest(text, name))?,
        edit(workspace, "entities/src/lib.rs", |text| entities(text, entity))?,
    ];
    let path = find(workspace, "pub const DOMAINS")?;
    changed.push(edit(workspace, &path, |text| domains(text, name))?);
    let path = find(workspace, ENTITY_TYPES)?;
    changed.push(edit(workspace, &path, |text| entity_types(text, &names))?);
    let mut written = new_migration::write(workspace, entity)?;
    written.changed.extend(changed);
    let table = format!("entities/src/{entity}.rs");
    workspace.write(&table, &names.fill(ENTITY))?;
    written.created.push(table);
    for (path, template) in FILES {
        let path = names.fill(&format!("{folder}/{path}"));
        workspace.write(&path, &names.fill(template))?;
        written.created.push(path);
    }
    Ok(written)
}

/// The names of a domain and its entity in all their forms.
struct Names {
    domain: String,
    domain_type: String,
    entity: String,
    entity_type: String,
    field: String,
    /// The entity's name in prose.
    label: String,
}

impl Names {
    fn new(domain: &str, entity: &str) -> Result<Self> {
        check_name(domain)?;
        check_name(entity)?;
        let entity_type = camel_case(entity);
        let (first, rest) = entity_type.split_at(1);
        Ok(Self {
            domain: domain.to_owned(),
            domain_type: camel_case(domain),
            entity: entity.to_owned(),
            field: format!("{}{rest}", first.to_ascii_lowercase()),
            label: entity.replace('_', " "),
            entity_type,
        })
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("__domain__", &self.domain)
            .replace("__Domain__", &self.domain_type)
            .replace("__entity__", &self.entity)
            .replace("__Entity__", &self.entity_type)
            .replace("__field__", &self.field)
            .replace("__label__", &self.label)
    }
}

/// `reading_list` as `ReadingList`.
fn camel_case(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            format!("{}{}", first.to_ascii_uppercase(), letters.as_str())
        })
    };
    name.split('_').map(capital).collect()
}

/// Changes a file, and returns its path.
fn edit(workspace: &Workspace, path: &str, change: impl FnOnce(&str) -> Result<String>) -> Result<String> {
    let changed = change(&workspace.read(path)?).map_err(|error| format!("{path}: {error}"))?;
    workspace.write(path, &changed)?;
    Ok(path.to_owned())
}

/// Returns the path of the Rust file that defines an item: files move more often than items change their names.
fn find(workspace: &Workspace, item: &str) -> Result<String> {
    for folder in ["router", "subgraphs"] {
        for path in workspace.files(folder)? {
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            if is_source && defines(workspace, &path, item)? {
                return Ok(path.to_string_lossy().into_owned());
            }
        }
    }
    Err(format!("no file defines `{item}`").into())
}

fn defines(workspace: &Workspace, path: &Path, item: &str) -> Result<bool> {
    Ok(workspace.read(path)?.lines().any(|line| line.starts_with(item)))
}

fn workspace_manifest(text: &str, name: &str) -> Result<String> {
    let members = List {
        from: "members = [",
        to: "]",
        prefix: "    \"subgraphs/",
    };
    let text = insert_sorted(text, &members, &format!("    \"subgraphs/{name}\","))?;
    let own = List {
        from: "contract = {",
        to: "",
        prefix: "",
    };
    insert_sorted(&text, &own, &format!("{name} = {{ path = \"subgraphs/{name}\" }}"))
}

fn router_manifest(text: &str, name: &str) -> Result<String> {
    let dependencies = List {
        from: "[dependencies]",
        to: "",
        prefix: "",
    };
    insert_sorted(text, &dependencies, &format!("{name}.workspace = true"))
}

fn entities(text: &str, entity: &str) -> Result<String> {
    let modules = List {
        from: "",
        to: "use ",
        prefix: "pub mod ",
    };
    insert_sorted(text, &modules, &format!("pub mod {entity};"))
}

/// Adds the domain to the router's list.
fn domains(text: &str, name: &str) -> Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.starts_with("pub const DOMAINS"));
    let start = start.ok_or("no list DOMAINS")?;
    let end = lines[start..].iter().position(|line| *line == "];");
    let end = start + end.ok_or("the list DOMAINS has no end")?;
    let follows = |line: &&str| {
        let other = line.trim_start().strip_prefix("name: \"");
        other.is_some_and(|other| other.trim_end_matches("\",") > name)
    };
    // An entry begins one line before its name.
    let place = lines[start..end]
        .iter()
        .position(follows)
        .map_or(end, |index| start + index - 1);
    let entry = format!(
        "    Domain {{
        name: \"{name}\",
        sdl: {name}::sdl,
        open: |services, _| Arc::new(InProcess({name}::schema(services))),
    }},"
    );
    Ok(insert_line(&lines, place, &entry))
}

/// The head of the list of entity types.
const ENTITY_TYPES: &str = "        $callback! {";

/// Adds a type and the prefix of its ids to the list of entity types.
fn entity_types(text: &str, names: &Names) -> Result<String> {
    let list = List {
        from: ENTITY_TYPES,
        to: "        }",
        prefix: "            ",
    };
    let Names {
        entity_type,
        entity,
        domain,
        ..
    } = names;
    let member = format!("            {entity_type}: \"{entity}\" of \"{domain}\",");
    insert_sorted(text, &list, &member)
}

#[cfg(test)]
mod tests {
    use super::{Names, domains, entity_types};

    #[test]
    fn names_are_written_in_the_form_that_each_place_wants() {
        let names = Names::new("library", "reading_list").expect("good names");
        let filled = names.fill("__domain__ __Domain__ __entity__ __Entity__ __field__: __label__");
        assert_eq!(
            filled,
            "library Library reading_list ReadingList readingList: reading list"
        );
        for bad in ["", "Library", "9lives", "a-b", "../x"] {
            assert!(Names::new(bad, "loan").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_domain_takes_its_place_in_the_list() {
        let text = "pub const DOMAINS: &[Domain] = &[\n    Domain {\n        name: \"b\",\n    },\n];\n";
        let (a, c) = (domains(text, "a").expect("a list"), domains(text, "c").expect("a list"));
        let order = |text: &str, name| text.find(&format!("name: \"{name}\"")).expect("an entry");
        assert!(order(&a, "a") < order(&a, "b"), "{a}");
        assert!(order(&c, "b") < order(&c, "c"), "{c}");
        assert!(c.ends_with("    },\n];\n"), "{c}");
    }

    #[test]
    fn an_entity_takes_its_place_in_the_list_of_types() {
        let text = "        $callback! {\n            Book: \"book\" of \"bookstore\",\n        }\n";
        let names = Names::new("library", "reading_list").expect("good names");
        let grown = entity_types(text, &names).expect("a list");
        assert_eq!(
            grown,
            "        $callback! {\n            Book: \"book\" of \"bookstore\",\n            ReadingList: \"reading_list\" of \"library\",\n        }\n"
        );
    }
}
