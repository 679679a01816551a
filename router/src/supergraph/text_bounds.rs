//! How long the texts of an answer can be: the schema says so.
//!
//! A field that is tagged `@tag(name: "chars-40000")` answers with a text of at most so many characters. Texts without a
//! tag are short; their number is bounded with all other values.

use std::collections::HashMap;

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, FieldDefinition};
use apollo_compiler::parser::Parser;

use super::SupergraphError;

/// What the name of a tag begins with; the number follows.
const TAG_PREFIX: &str = "chars-";

/// The bounds of the texts of a supergraph, by type and field. An interface's field has the largest of its types.
#[derive(Debug, Default)]
pub struct TextBounds(HashMap<String, HashMap<String, u64>>);

impl TextBounds {
    /// Reads them out of a supergraph.
    ///
    /// # Errors
    /// When that is not SDL.
    pub fn of(supergraph_sdl: &str) -> Result<Self, SupergraphError> {
        let document = Parser::new()
            .parse_ast(supergraph_sdl, "supergraph.graphql")
            .map_err(|invalid| SupergraphError::Schema(invalid.errors.to_string()))?;
        let mut bounds = Self::default();
        for definition in &document.definitions {
            match definition {
                Definition::ObjectTypeDefinition(object) => {
                    for field in &object.fields {
                        bounds.add(&object.name, field);
                        for interface in &object.implements_interfaces {
                            bounds.add(interface, field);
                        }
                    }
                }
                Definition::InterfaceTypeDefinition(interface) => {
                    for field in &interface.fields {
                        bounds.add(&interface.name, field);
                    }
                }
                _ => {}
            }
        }
        Ok(bounds)
    }

    fn add(&mut self, ty: &str, field: &Node<FieldDefinition>) {
        let tags = field.directives.get_all("tag").filter_map(|tag| {
            let name = tag.specified_argument_by_name("name")?.as_str()?;
            name.strip_prefix(TAG_PREFIX)?.parse().ok()
        });
        if let Some(chars) = tags.max() {
            let fields = self.0.entry(ty.to_owned()).or_default();
            let bound = fields.entry(field.name.to_string()).or_insert(chars);
            *bound = chars.max(*bound);
        }
    }

    /// How many characters a field of that type can have; zero where the schema does not say.
    pub fn chars(&self, ty: &str, field: &str) -> u64 {
        let fields = self.0.get(ty);
        fields.and_then(|fields| fields.get(field)).copied().unwrap_or(0)
    }
}
