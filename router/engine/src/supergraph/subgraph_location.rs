//! The subgraphs that a supergraph names, and where they answer.

use apollo_compiler::ast::{Definition, EnumValueDefinition};

use super::error::SupergraphError;
use super::schema::supergraph_document;

/// A subgraph of a supergraph, as `@join__graph` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubgraphLocation {
    /// Its name.
    pub name: String,
    /// Its address, as it is written; some tools compose supergraphs with empty ones.
    pub url: String,
}

/// Returns the subgraphs of a supergraph, in the order of `join__Graph`.
///
/// # Errors
/// When it is not SDL, or names no subgraph.
pub fn subgraph_locations(supergraph_sdl: &str) -> Result<Vec<SubgraphLocation>, SupergraphError> {
    let document = supergraph_document(supergraph_sdl)?;
    let graphs = document.definitions.iter().find_map(|definition| match definition {
        Definition::EnumTypeDefinition(graphs) if graphs.name == "join__Graph" => Some(graphs),
        _ => None,
    });
    let values = graphs.into_iter().flat_map(|graphs| &graphs.values);
    let locations: Vec<_> = values.filter_map(|value| location(value)).collect();
    if locations.is_empty() {
        let why = "it has no enum join__Graph that names subgraphs: compose the subgraphs first";
        return Err(SupergraphError::Schema(why.into()));
    }
    Ok(locations)
}

fn location(graph: &EnumValueDefinition) -> Option<SubgraphLocation> {
    let join = graph.directives.get("join__graph")?;
    let text = |argument: &str| join.specified_argument_by_name(argument)?.as_str();
    Some(SubgraphLocation {
        name: text("name")?.to_owned(),
        url: text("url").unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subgraphs_of_a_supergraph_are_those_of_join_graph() {
        let sdl = r#"
            enum join__Graph {
                A @join__graph(name: "a", url: "http://a.example/graphql")
                B_ @join__graph(name: "b-", url: "")
            }
            type Query { a: Int }
        "#;
        let locations = subgraph_locations(sdl).unwrap();
        let found: Vec<_> = locations.iter().map(|found| (&*found.name, &*found.url)).collect();
        assert_eq!(found, [("a", "http://a.example/graphql"), ("b-", "")]);
    }

    #[test]
    fn a_schema_without_subgraphs_is_refused_with_the_reason() {
        let refused = subgraph_locations("type Query { a: Int }").unwrap_err().to_string();
        assert!(refused.contains("join__Graph"), "{refused}");
    }
}
