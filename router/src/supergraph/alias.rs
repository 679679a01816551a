//! Aliases that would stand in the way of what the planner needs.
//!
//! `{ me { id: name reviews { body } } }` calls the name `id`, and the planner wants the real `id` there to fetch the
//! reviews. So an alias that is also some field's name, or begins like the planner's own, gets a prefix on its way to
//! the subgraphs, and loses it on the way back.

use apollo_compiler::Name;
use apollo_compiler::executable::Field;

use super::schema::PublicSchema;

const PREFIX: &str = "_as_";

/// The alias a field is fetched by; `None` where the client's own does.
pub fn safe_alias(schema: &PublicSchema, field: &Field) -> Option<Name> {
    let alias = field.alias.as_ref().filter(|alias| **alias != field.name)?;
    let in_the_way = alias.starts_with('_') || schema.field_names.contains(alias);
    in_the_way.then(|| Name::new_unchecked(&format!("{PREFIX}{alias}")))
}

/// The key of the answer that a key of the fetched data stands for.
pub fn client_key(key: &str) -> &str {
    key.strip_prefix(PREFIX).unwrap_or(key)
}
