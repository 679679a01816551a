//! The shape of an answer, computed once per plan: its keys in their order, and their types.

use std::sync::Arc;

use apollo_compiler::ast::Type;
use apollo_compiler::collections::{HashMap, IndexMap};
use apollo_compiler::schema::ExtendedType;
use smallvec::SmallVec;

use super::model::{FieldProjection, Leaf, ObjectProjection, ValueKind, ValueProjection};
use crate::supergraph::access::{BrokenRules, denial_code};
use crate::supergraph::canonical::{CanonicalField, CanonicalOperation, CanonicalSelection};
use crate::supergraph::request_error::RequestError;
use crate::supergraph::schema::PublicSchema;

/// Computes the shape of an operation's answer.
///
/// # Errors
/// When it has more than `fields_max` fields over all the types that the operation can meet.
pub fn projection_plan(
    schema: &PublicSchema,
    operation: &CanonicalOperation,
    fields_max: usize,
) -> Result<Arc<ObjectProjection>, RequestError> {
    let mut builder = ProjectionBuilder {
        schema,
        known: HashMap::default(),
        fields_left: fields_max,
        broken_rules: &operation.broken_rules,
    };
    builder.object(&operation.ty, &[&operation.items])
}

struct ProjectionBuilder<'a> {
    schema: &'a PublicSchema,
    /// The shapes computed so far. The same selections on the same type have the same shape; the address of a
    /// selection identifies it.
    known: HashMap<(&'a str, Vec<*const CanonicalSelection>), Arc<ObjectProjection>>,
    fields_left: usize,
    broken_rules: &'a BrokenRules,
}

impl<'a> ProjectionBuilder<'a> {
    /// `CollectFields` of the specification, for one concrete type.
    fn object(
        &mut self,
        ty: &'a str,
        sets: &[&'a [CanonicalSelection]],
    ) -> Result<Arc<ObjectProjection>, RequestError> {
        let identity = (ty, sets.iter().map(|set| set.as_ptr()).collect::<Vec<_>>());
        // Empty selections may share an address, so it does not identify them.
        let is_known = sets.iter().all(|set| !set.is_empty());
        if let Some(known) = self.known.get(&identity).filter(|_| is_known) {
            return Ok(known.clone());
        }
        let mut groups: IndexMap<&'a str, SmallVec<[&'a CanonicalField; 1]>> = IndexMap::default();
        for set in sets {
            self.collect(ty, set, &mut groups);
        }
        self.fields_left = self
            .fields_left
            .checked_sub(groups.len())
            .ok_or_else(|| RequestError::TooComplex("the operation means too many fields of too many types".into()))?;
        let fields = groups
            .into_values()
            .map(|fields| self.field(&fields))
            .collect::<Result<_, _>>()?;
        let projection = Arc::new(ObjectProjection {
            typename: ty.into(),
            fields,
            denied: None,
        });
        self.known.insert(identity, projection.clone());
        Ok(projection)
    }

    /// As [`object`](Self::object), for one of the types that an abstract value can have.
    fn possible_object(
        &mut self,
        ty: &'a str,
        sets: &[&'a [CanonicalSelection]],
    ) -> Result<Arc<ObjectProjection>, RequestError> {
        if !self.schema.access.denies_type(ty, self.broken_rules) {
            return self.object(ty, sets);
        }
        Ok(Arc::new(ObjectProjection {
            typename: ty.into(),
            fields: Vec::new(),
            denied: Some(denial_code(self.broken_rules)),
        }))
    }

    fn collect(
        &self,
        ty: &str,
        items: &'a [CanonicalSelection],
        groups: &mut IndexMap<&'a str, SmallVec<[&'a CanonicalField; 1]>>,
    ) {
        for item in items {
            match item {
                CanonicalSelection::Field(field) => groups.entry(&field.key).or_default().push(field),
                CanonicalSelection::On(wanted, inner) if self.is_subtype(ty, wanted) => self.collect(ty, inner, groups),
                CanonicalSelection::On(..) => {}
            }
        }
    }

    fn is_subtype(&self, ty: &str, wanted: &str) -> bool {
        ty == wanted || self.schema.types.is_subtype(wanted, ty)
    }

    fn field(&mut self, fields: &[&'a CanonicalField]) -> Result<FieldProjection, RequestError> {
        let first = fields[0];
        let value = if first.name == "__typename" {
            None
        } else if fields.iter().any(|field| field.is_denied) {
            Some(ValueProjection {
                non_null: first.ty.is_non_null(),
                kind: ValueKind::Denied(denial_code(self.broken_rules)),
            })
        } else {
            let sets: Vec<_> = fields.iter().map(|field| &field.items[..]).collect();
            Some(self.value(&first.ty, &sets)?)
        };
        Ok(FieldProjection {
            key: first.key.as_str().into(),
            data_key: first.data_key.as_str().into(),
            name: first.name.as_str().into(),
            key_json: ["\"", &first.key, "\":"].concat().into_bytes().into(),
            value,
        })
    }

    fn value(&mut self, ty: &Type, sets: &[&'a [CanonicalSelection]]) -> Result<ValueProjection, RequestError> {
        let kind = match ty {
            Type::List(item) | Type::NonNullList(item) => ValueKind::List(Box::new(self.value(item, sets)?)),
            Type::Named(name) | Type::NonNullNamed(name) => self.named(name, sets)?,
        };
        Ok(ValueProjection {
            non_null: ty.is_non_null(),
            kind,
        })
    }

    fn named(&mut self, name: &str, sets: &[&'a [CanonicalSelection]]) -> Result<ValueKind, RequestError> {
        let schema = self.schema;
        let Some((name, definition)) = schema.types.types.get_key_value(name) else {
            return Ok(ValueKind::Leaf(Leaf::Custom));
        };
        Ok(match definition {
            ExtendedType::Object(_) => ValueKind::Object(self.object(name, sets)?),
            ExtendedType::Interface(_) | ExtendedType::Union(_) => {
                let projections = schema
                    .possible_types(name)
                    .into_iter()
                    .map(|ty| Ok((ty.into(), self.possible_object(ty, sets)?)))
                    .collect::<Result<_, RequestError>>()?;
                ValueKind::Abstract(Arc::new(projections))
            }
            ExtendedType::Enum(words) => ValueKind::Leaf(Leaf::Enum(
                words.values.keys().map(|word| word.as_str().into()).collect(),
            )),
            _ => ValueKind::Leaf(match name.as_str() {
                "Int" => Leaf::Int,
                "Float" => Leaf::Float,
                "String" => Leaf::String,
                "Boolean" => Leaf::Boolean,
                "ID" => Leaf::Id,
                _ => Leaf::Custom,
            }),
        })
    }
}
