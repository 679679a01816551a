//! `new-migration`: the next step of the schema, with its reversal.

use crate::edit::{List, insert_sorted};
use crate::error::Result;
use crate::workspace::{Workspace, WrittenFiles};

const TEMPLATE: &str = include_str!("../templates/migration.rs");
const LIB: &str = "migrations/src/lib.rs";

/// Adds a migration and prints what is left to do.
pub fn add(workspace: &Workspace, name: &str) -> Result {
    write(workspace, name)?.print();
    println!(
        "
It creates a table `{name}`; change it to what the step does. Then:
  UPDATE_SCHEMAS=1 cargo test --workspace --test migrations newest_schema
docs/development/add-a-migration.md has the rest: entity, growth list, tests, CHANGELOG."
    );
    Ok(())
}

/// Writes the migration.
pub fn write(workspace: &Workspace, name: &str) -> Result<WrittenFiles> {
    check_name(name)?;
    let module = format!("m{:04}_{name}", last_number(workspace)? + 1);
    let step = format!("migrations/src/{module}.rs");
    let lib = workspace.read(LIB)?;
    let modules = List {
        from: "mod ",
        to: "",
        prefix: "mod m",
    };
    let lib = insert_sorted(&lib, &modules, &format!("mod {module};"))?;
    let steps = List {
        from: "        vec![",
        to: "        ]",
        prefix: "            Box::new(m",
    };
    let lib = insert_sorted(&lib, &steps, &format!("            Box::new({module}::Migration),"))?;
    workspace.write(&step, &TEMPLATE.replace("__table__", name))?;
    workspace.write(LIB, &lib)?;
    Ok(WrittenFiles {
        created: vec![step],
        changed: vec![LIB.to_owned()],
    })
}

/// The number of the last migration.
fn last_number(workspace: &Workspace) -> Result<u32> {
    let files = workspace.files("migrations/src")?;
    let numbers = files.iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix('m')?.split('_').next()?.parse().ok()
    });
    Ok(numbers.max().unwrap_or(0))
}

/// Requires a name that a module, a table and a crate can have.
pub fn check_name(name: &str) -> Result {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let is_plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    if starts_well && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(format!("`{name}` must be a name in snake_case, such as reading_list").into())
}
