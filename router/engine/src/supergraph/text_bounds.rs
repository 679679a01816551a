//! The maximum lengths of the texts of an answer, from the schema.
//!
//! A field that is tagged `@tag(name: "chars-40000")` returns a text of at most that many characters. Texts without a
//! tag are short; the limit on the number of values bounds them.

use std::collections::HashMap;

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, Document, FieldDefinition};

/// The prefix of the tag; the number follows.
const TAG_PREFIX: &str = "chars-";

/// The maximum lengths of the texts of a supergraph, by type and field. An interface's field has the largest maximum of
/// its types.
#[derive(Debug, Default)]
pub struct TextBounds(HashMap<String, HashMap<String, u64>>);

impl TextBounds {
    /// Reads them from a supergraph.
    pub fn of(supergraph: &Document) -> Self {
        let mut bounds = Self::default();
        for definition in &supergraph.definitions {
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
        bounds
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

    /// Returns the maximum characters of a field, or zero if the schema has no bound for it.
    pub fn chars(&self, ty: &str, field: &str) -> u64 {
        let fields = self.0.get(ty);
        fields.and_then(|fields| fields.get(field)).copied().unwrap_or(0)
    }
}
