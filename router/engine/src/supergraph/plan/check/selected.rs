//! The last check of the data: everything that the operation selects is there, under the keys of the projection.

use apollo_compiler::collections::HashMap;
use async_graphql_value::Value;

use super::facts::SupergraphFacts;
use super::fault::{PlanFault, PlanFaultKind};
use super::tree::{Entry, FieldValue, NodeId, SymbolicTree, TYPENAME};
use super::type_set::TypeSet;
use crate::supergraph::arguments::Arguments;
use crate::supergraph::canonical::{CanonicalField, CanonicalSelection};
use crate::supergraph::schema::PublicSchema;

/// The check of an operation's selections against the data of its plan.
pub struct SelectionCheck<'a, 't> {
    /// The facts of the supergraph.
    pub facts: &'a SupergraphFacts,
    /// The types that a client can see.
    pub schema: &'a PublicSchema,
    /// The arguments of the operation's fields.
    pub arguments: &'a Arguments,
    /// The trees of the plan.
    pub tree: &'t mut SymbolicTree<'a>,
    /// The object types that a client can meet as a type, by the type's name.
    pub possible: HashMap<&'a str, TypeSet>,
}

impl<'a> SelectionCheck<'a, '_> {
    /// Checks the selections on objects of these types, and marks their keys as needed.
    pub fn check(&mut self, node: NodeId, types: &TypeSet, items: &'a [CanonicalSelection]) -> Result<(), PlanFault> {
        items.iter().try_for_each(|item| match item {
            CanonicalSelection::On(ty, inner) => {
                let narrowed = types.intersection(self.possible_types(ty));
                if narrowed.is_empty() {
                    return Ok(());
                }
                self.check(node, &narrowed, inner)
            }
            // The gateway resolves introspection itself, the projection knows the types, and denied fields are null.
            CanonicalSelection::Field(field) if field.is_local() => Ok(()),
            CanonicalSelection::Field(field) => {
                let checked = self.field(node, types, field);
                checked.map_err(|fault| fault.below(&field.data_key))
            }
        })
    }

    fn field(&mut self, node: NodeId, types: &TypeSet, field: &'a CanonicalField) -> Result<(), PlanFault> {
        let wanted = self.wanted(field);
        let mut rest = types.clone();
        for index in self.tree.select(node, &field.data_key, types)? {
            let entry = &self.tree.entries(node, &field.data_key)[index];
            rest.remove(&entry.types);
            if !wanted(&entry.field) {
                return Err(self.other_field(field, entry).into());
            }
            if let Some(child) = entry.child {
                self.objects(child, field)?;
            }
        }
        self.tree.mark_needed(node, &field.data_key, types);
        match self.facts.first_name(&rest) {
            None => Ok(()),
            Some(ty) => Err(PlanFaultKind::NotFetched(format!("{ty}.{}", field.name)).into()),
        }
    }

    /// Checks the selections on the objects of a field.
    fn objects(&mut self, node: NodeId, field: &'a CanonicalField) -> Result<(), PlanFault> {
        let ty = field.ty.inner_named_type();
        let possible = self.possible_types(ty).clone();
        let types = possible.intersection(self.tree.types(node));
        let is_abstract = self.facts.ty(ty).is_some_and(|ty| ty.is_abstract);
        if is_abstract {
            self.require_typename(node, &types)?;
        }
        self.check(node, &types, &field.items)
    }

    /// The projection selects the shape of an object by its `__typename` if it can have several types.
    fn require_typename(&mut self, node: NodeId, types: &TypeSet) -> Result<(), PlanFault> {
        let mut rest = types.clone();
        let own = FieldValue::typename(None);
        for entry in self
            .tree
            .entries(node, TYPENAME)
            .iter()
            .filter(|entry| entry.field == own)
        {
            rest.remove(&entry.types);
        }
        self.tree.mark_needed(node, TYPENAME, types);
        match self.facts.first_name(&rest) {
            None => Ok(()),
            Some(ty) => Err(PlanFault::from(PlanFaultKind::NotFetched(format!("{ty}.{TYPENAME}"))).below(TYPENAME)),
        }
    }

    /// Returns whether a value belongs to a field with its arguments, which are the variables of the plan.
    fn wanted(&self, field: &'a CanonicalField) -> impl Fn(&FieldValue<'_>) -> bool + use<'a> {
        let arguments = self.arguments.list();
        move |value| {
            value.name == field.name.as_str()
                && value.constant.is_none()
                && value.arguments.len() == field.arguments.len()
                && field.arguments.iter().all(|(name, index)| {
                    let variable = arguments.get(*index).map(|argument| &argument.name);
                    value.arguments.iter().any(|(known, value)| {
                        let given = match value {
                            Value::Variable(given) => Some(given),
                            _ => None,
                        };
                        *known == name.as_str() && given == variable
                    })
                })
        }
    }

    fn other_field(&self, field: &CanonicalField, entry: &Entry<'_>) -> PlanFaultKind {
        let arguments = field.arguments.iter().map(|(name, index)| {
            let variable = self.arguments.list().get(*index).map(|argument| &argument.name);
            format!("{name}: ${}", variable.map_or("?", |name| name.as_str()))
        });
        PlanFaultKind::OtherField {
            wanted: format!("{}({})", field.name, arguments.collect::<Vec<_>>().join(", ")),
            found: entry.field.to_string(),
        }
    }

    fn possible_types(&mut self, ty: &'a str) -> &TypeSet {
        let (facts, schema) = (self.facts, self.schema);
        self.possible.entry(ty).or_insert_with(|| {
            let objects = schema.possible_types(ty).into_iter();
            objects.filter_map(|object| facts.object_index(object)).collect()
        })
    }
}
