//! The features of a supergraph that the planner does not support: a supergraph that uses one is refused by its name.

use apollo_compiler::ast::{Definition, Directive, Document};

use crate::supergraph::error::SupergraphError;

/// The specifications that are not supported, by the last names of their addresses.
const UNSUPPORTED: [(&str, &str); 2] = [("context", "@context"), ("policy", "@policy")];

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
        let feature = linked_specification(link);
        if let Some((_, directive)) = UNSUPPORTED.iter().find(|(name, _)| Some(*name) == feature) {
            return Err(SupergraphError::Unsupported(directive));
        }
    }
    Ok(())
}

/// Returns the name in an address such as `https://specs.apollo.dev/context/v0.1`.
fn linked_specification(link: &Directive) -> Option<&str> {
    let url = link.specified_argument_by_name("url")?.as_str()?;
    url.trim_end_matches('/').rsplit('/').nth(1)
}
