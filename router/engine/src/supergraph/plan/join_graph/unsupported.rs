//! The features of a supergraph that the planner does not support: a supergraph that uses one is refused by its name.

use apollo_compiler::ast::{Definition, Directive, Document};

use crate::supergraph::error::SupergraphError;

/// The specifications that change answers or access, by the last names of their addresses, and are supported. Those that a link marks
/// as such (`for: EXECUTION`, `for: SECURITY`) and that are not here are refused, as the specification of links demands.
const SUPPORTED: [&str; 2] = ["join", "inaccessible"];
/// Those that older compositions do not mark.
const UNSUPPORTED: [&str; 4] = ["authenticated", "context", "policy", "requiresScopes"];

/// Checks that a supergraph uses supported features only.
///
/// # Errors
/// When it links a specification that is not supported.
pub fn require_supported(supergraph: &Document) -> Result<(), SupergraphError> {
    let links = supergraph.definitions.iter().flat_map(|definition| match definition {
        Definition::SchemaDefinition(schema) => &schema.directives[..],
        Definition::SchemaExtension(schema) => &schema.directives[..],
        _ => &[],
    });
    for link in links.filter(|directive| directive.name == "link") {
        let Some(feature) = linked_specification(link) else {
            continue;
        };
        let is_required = link.specified_argument_by_name("for").is_some() && !SUPPORTED.contains(&feature);
        if is_required || UNSUPPORTED.contains(&feature) {
            return Err(SupergraphError::Unsupported(format!("@{feature}")));
        }
    }
    Ok(())
}

/// Returns the name in an address such as `https://specs.apollo.dev/context/v0.1`.
fn linked_specification(link: &Directive) -> Option<&str> {
    let url = link.specified_argument_by_name("url")?.as_str()?;
    url.trim_end_matches('/').rsplit('/').nth(1)
}
