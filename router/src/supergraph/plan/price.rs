//! What it costs to plan an operation, known before it is planned.

use std::collections::HashMap;

use apollo_compiler::ast::{Definition, Directive, DirectiveList};
use apollo_compiler::parser::Parser;

use crate::supergraph::SupergraphError;
use crate::supergraph::canonical::{Canonical, Item};

/// How many subgraphs know each type and each field.
#[derive(Debug, Default)]
pub struct Prices {
    types: HashMap<String, u64>,
    fields: HashMap<(String, String), u64>,
}

impl Prices {
    /// Reads it out of a supergraph.
    ///
    /// # Errors
    /// When that is not SDL.
    pub fn of_supergraph(supergraph_sdl: &str) -> Result<Self, SupergraphError> {
        let document = Parser::new()
            .parse_ast(supergraph_sdl, "supergraph.graphql")
            .map_err(|invalid| SupergraphError::Schema(invalid.errors.to_string()))?;
        let mut prices = Self::default();
        for definition in &document.definitions {
            let (name, directives, fields) = match definition {
                Definition::ObjectTypeDefinition(object) => (&object.name, &object.directives, &object.fields),
                Definition::InterfaceTypeDefinition(any) => (&any.name, &any.directives, &any.fields),
                _ => continue,
            };
            let knowing = joins(directives, "join__type").count() as u64;
            prices.types.insert(name.to_string(), knowing.max(1));
            for field in fields {
                let resolving = joins(&field.directives, "join__field").count() as u64;
                let resolving = if resolving == 0 { knowing } else { resolving };
                prices
                    .fields
                    .insert((name.to_string(), field.name.to_string()), resolving.max(1));
            }
        }
        Ok(prices)
    }

    /// What it costs to plan an operation, in steps of the planner's search.
    pub fn of(&self, operation: &Canonical) -> u64 {
        self.selections(&operation.ty, &operation.items, 1)
    }

    fn selections(&self, ty: &str, items: &[Item], level: u64) -> u64 {
        let known = self.types.get(ty).copied().unwrap_or(1);
        let prices = items.iter().map(|item| match item {
            Item::On(ty, inner) => self.selections(ty, inner, level),
            Item::Field(field) if field.is_repeated || field.name.starts_with("__") => 0,
            Item::Field(field) => {
                let resolving = self.fields.get(&(ty.to_owned(), field.name.to_string()));
                let own = resolving.copied().unwrap_or(1) * known * level;
                own + self.selections(field.ty.inner_named_type(), &field.items, level + 1)
            }
        });
        prices.fold(0, u64::saturating_add)
    }
}

fn joins<'d>(directives: &'d DirectiveList, name: &'d str) -> impl Iterator<Item = &'d Directive> {
    let named = directives.iter().filter(move |directive| directive.name == name);
    named.map(|directive| &**directive)
}
