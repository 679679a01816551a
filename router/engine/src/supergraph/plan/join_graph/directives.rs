//! The directives of the `join` specification, as a supergraph writes them.

use apollo_compiler::ast::{Definition, Directive, DirectiveList, Document, Value};

use super::SubgraphIndex;
use crate::supergraph::error::SupergraphError;

/// The subgraphs of a supergraph.
pub struct Graphs {
    /// Their names, in order.
    pub names: Vec<String>,
    /// Their identifiers in `join__Graph`, in the same order.
    ids: Vec<String>,
}

impl Graphs {
    /// Reads the enum `join__Graph`.
    pub fn of(supergraph: &Document) -> Self {
        let mut graphs = Vec::new();
        for definition in &supergraph.definitions {
            let Definition::EnumTypeDefinition(list) = definition else {
                continue;
            };
            for value in list.values.iter().filter(|_| list.name == "join__Graph") {
                let name = value.directives.get("join__graph").and_then(|join| text(join, "name"));
                graphs.extend(name.map(|name| (name.to_owned(), value.value.to_string())));
            }
        }
        graphs.sort_unstable();
        let (names, ids) = graphs.into_iter().unzip();
        Self { names, ids }
    }

    /// Returns the subgraph that a directive names.
    pub fn of_join(&self, join: &Directive) -> Option<SubgraphIndex> {
        let id = text(join, "graph")?;
        self.ids.iter().position(|known| known == id)
    }

    /// As [`of_join`](Self::of_join), for a directive that has to name one.
    ///
    /// # Errors
    /// When it names no subgraph of the supergraph.
    pub fn required(&self, join: &Directive) -> Result<SubgraphIndex, SupergraphError> {
        self.of_join(join)
            .ok_or_else(|| SupergraphError::Schema(format!("\"{join}\" names no subgraph")))
    }

    /// Returns the subgraph of this name.
    pub fn named(&self, name: &str) -> Option<SubgraphIndex> {
        self.names.iter().position(|known| known == name)
    }
}

/// Returns the directives of this name.
pub fn joins<'d>(directives: &'d DirectiveList, name: &'d str) -> impl Iterator<Item = &'d Directive> {
    let named = directives.iter().filter(move |directive| directive.name == name);
    named.map(|directive| &**directive)
}

/// Returns an argument that is a string or an enum value.
pub fn text<'d>(directive: &'d Directive, argument: &str) -> Option<&'d str> {
    match &**directive.specified_argument_by_name(argument)? {
        Value::Enum(name) => Some(name.as_str()),
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Whether this argument is true.
pub fn flag(directive: &Directive, argument: &str) -> bool {
    let value = directive.specified_argument_by_name(argument);
    value.and_then(|value| value.to_bool()).unwrap_or(false)
}

/// Whether the override of a field applies. A label is never chosen, because no request gives one, unless it stands for all
/// requests.
pub fn is_chosen(join: &Directive) -> bool {
    text(join, "overrideLabel").is_none_or(|label| label == "percent(100)")
}

/// Whether the subgraph of a `@join__field` resolves the field.
pub fn is_resolvable(join: &Directive) -> bool {
    if flag(join, "external") {
        return false;
    }
    match (text(join, "overrideLabel"), text(join, "override")) {
        (None, _) => !flag(join, "usedOverridden"),
        // The subgraph that takes the field over, and the one that it is taken from, have the same label.
        (Some(_), Some(_)) => is_chosen(join),
        (Some(_), None) => !is_chosen(join),
    }
}
