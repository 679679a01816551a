//! The features of a supergraph that the planner does not support: a supergraph that uses one is refused by its name.

use apollo_compiler::ast::Document;

use crate::supergraph::access::{linked_specification, links};
use crate::supergraph::error::SupergraphError;

/// The specifications that change answers or access, by the last names of their addresses, and are supported. Those that a link marks
/// as such (`for: EXECUTION`, `for: SECURITY`) and that are not here are refused, as the specification of links demands.
const SUPPORTED: [&str; 4] = ["join", "inaccessible", "authenticated", "requiresScopes"];
/// Those that older compositions do not mark.
const UNSUPPORTED: [&str; 2] = ["context", "policy"];

/// Checks that a supergraph uses supported features only.
///
/// # Errors
/// When it links a specification that is not supported.
pub fn require_supported(supergraph: &Document) -> Result<(), SupergraphError> {
    for link in links(supergraph) {
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
