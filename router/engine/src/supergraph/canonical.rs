//! The canonical form of an operation: fragments are inlined, arguments become variables, and the gateway chooses the keys.
//!
//! A client may choose any aliases and names of variables, fragments and operations; none of them reaches the planner or a
//! subgraph. A field with the same arguments and selections is fetched once, whatever its aliases, so operations that differ
//! only in names and values share a plan. The shape of the answer (`plan/projection_plan.rs`) has both the client's key of a field and
//! the key that its value is fetched by.

use apollo_compiler::ast::Type;
use apollo_compiler::collections::{HashMap, IndexMap};
use apollo_compiler::executable::{Field, OperationType, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Name, name};
use smallvec::SmallVec;

use super::access::BrokenRules;
use super::arguments::Arguments;
use super::conditions::ResolvedOperation;
use super::request_error::RequestError;
use super::schema::PublicSchema;

/// The key prefix of the results of `__schema` and `__type`. No field of a subgraph begins with two underscores.
const INTROSPECTION_PREFIX: &str = "__introspected_";
/// The data key of every field that the caller may not see: no data has it.
const DENIED: Name = name!("__denied");

/// An operation in its canonical form.
#[derive(Debug)]
pub struct CanonicalOperation {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// The root type.
    pub ty: Name,
    /// The selections on the root type.
    pub items: Vec<CanonicalSelection>,
    /// The arguments of all its fields.
    pub arguments: Arguments,
    /// The access rules that the caller breaks.
    pub broken_rules: BrokenRules,
}

/// Part of a selection.
#[derive(Debug)]
pub enum CanonicalSelection {
    /// A field.
    Field(CanonicalField),
    /// The selections on objects of that type.
    On(Name, Vec<CanonicalSelection>),
}

/// A field of a selection.
#[derive(Debug)]
pub struct CanonicalField {
    /// The client's key in the answer.
    pub key: Name,
    /// The key that the value is fetched by.
    pub data_key: Name,
    /// The field.
    pub name: Name,
    /// The type of its value.
    pub ty: Type,
    /// Its arguments, by their index in [`CanonicalOperation::arguments`].
    pub arguments: Vec<(Name, usize)>,
    /// The selections on its value.
    pub items: Vec<CanonicalSelection>,
    /// Whether another key of the same object already fetches the same value.
    pub is_repeated: bool,
    /// Whether the caller may not see it.
    pub is_denied: bool,
}

impl CanonicalField {
    /// Whether the gateway knows its value without a subgraph: introspection, and null where the caller may not see it.
    pub fn is_local(&self) -> bool {
        self.is_denied || self.name.starts_with("__")
    }
}

/// Returns the data key of an introspection root field with this answer key.
pub fn introspection_key(key: &str) -> String {
    format!("{INTROSPECTION_PREFIX}{key}")
}

/// Converts an operation to its canonical form.
///
/// # Errors
/// When a number in it cannot be represented.
pub fn canonicalize(schema: &PublicSchema, resolved: &ResolvedOperation) -> Result<CanonicalOperation, RequestError> {
    let mut canonicalizer = Canonicalizer {
        schema,
        resolved,
        arguments: Arguments::default(),
    };
    let operation = &resolved.operation;
    let root = &operation.selection_set;
    // Every root field of a mutation has its own effect, even if it repeats another one.
    let key_rule = match operation.operation_type {
        OperationType::Mutation => KeyRule::Each,
        _ => KeyRule::Merged,
    };
    let mut items = canonicalizer.object(&root.ty, &[root], key_rule)?;
    if let Some(index) = items.iter().position(is_denied_non_null) {
        // The answer is null in any case: the client could not see the effects and the data of the other fields.
        items = vec![items.swap_remove(index)];
    }
    Ok(CanonicalOperation {
        kind: operation.operation_type,
        ty: root.ty.clone(),
        items,
        arguments: canonicalizer.arguments,
        broken_rules: resolved.broken_rules.clone(),
    })
}

/// The rule that assigns data keys to the fields of an object.
#[derive(Clone, Copy, PartialEq)]
enum KeyRule {
    /// Fields that fetch the same value share a key.
    Merged,
    /// Every field has its own key; the levels below use `Merged`.
    Each,
    /// Fields keep the client's keys, because introspection executes the client's operation itself.
    Verbatim,
}

struct Canonicalizer<'a> {
    schema: &'a PublicSchema,
    resolved: &'a ResolvedOperation,
    arguments: Arguments,
}

/// The fields of an object, grouped by the client's keys, in their order.
type Groups<'a> = IndexMap<&'a Name, SmallVec<[SelectedField<'a>; 1]>>;

/// A field of a selection set, and the type of that set.
#[derive(Clone, Copy)]
struct SelectedField<'a> {
    parent: &'a Name,
    field: &'a Field,
}

impl<'a> Canonicalizer<'a> {
    fn items(
        &mut self,
        ty: &'a Type,
        sets: &[&'a SelectionSet],
        key_rule: KeyRule,
    ) -> Result<Vec<CanonicalSelection>, RequestError> {
        let name = ty.inner_named_type();
        match self.schema.types.types.get(name) {
            Some(ExtendedType::Object(_)) => self.object(name, sets, key_rule),
            Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => {
                let mut items = Vec::new();
                let mut data_keys = DataKeys::default();
                for set in sets {
                    self.abstract_selections(name, set, &mut data_keys, &mut items)?;
                }
                Ok(items)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The selections of an object whose type is known: `CollectFields` of the specification.
    fn object(
        &mut self,
        ty: &str,
        sets: &[&'a SelectionSet],
        key_rule: KeyRule,
    ) -> Result<Vec<CanonicalSelection>, RequestError> {
        let mut groups = Groups::default();
        let mut visited = Vec::new();
        for set in sets {
            self.collect(ty, set, &mut groups, &mut visited);
        }
        let mut items: Vec<CanonicalField> = Vec::with_capacity(groups.len());
        let mut by_name: HashMap<&str, SmallVec<[usize; 1]>> = HashMap::default();
        for (key, fields) in groups {
            if fields.iter().any(|selected| self.is_denied(ty, *selected)) {
                items.push(denied_field(fields[0].field));
                continue;
            }
            let mut item = self.merged_field(key, &fields, key_rule)?;
            if key_rule != KeyRule::Verbatim && !item.is_local() {
                let same_name = by_name.entry(fields[0].field.name.as_str()).or_default();
                let alike = || same_name.iter().map(|index| &items[*index]);
                let same = alike().find(|known| key_rule == KeyRule::Merged && is_same_field(known, &item));
                if let Some(same) = same {
                    item.data_key = same.data_key.clone();
                    item.is_repeated = true;
                } else {
                    let taken = |name: &str| alike().any(|known| known.data_key == name);
                    item.data_key = self.free_key(&item, alike().count(), taken);
                }
                same_name.push(items.len());
            }
            items.push(item);
        }
        Ok(items.into_iter().map(CanonicalSelection::Field).collect())
    }

    /// Merges the fields of an object that have the same client key: they are one field.
    fn merged_field(
        &mut self,
        key: &Name,
        fields: &[SelectedField<'a>],
        key_rule: KeyRule,
    ) -> Result<CanonicalField, RequestError> {
        let first = fields[0].field;
        let is_introspection = matches!(first.name.as_str(), "__schema" | "__type");
        let below = match key_rule {
            _ if is_introspection => KeyRule::Verbatim,
            KeyRule::Each => KeyRule::Merged,
            key_rule => key_rule,
        };
        let sets: Vec<_> = fields.iter().map(|selected| &selected.field.selection_set).collect();
        Ok(CanonicalField {
            key: key.clone(),
            data_key: if is_introspection {
                Name::new_unchecked(&introspection_key(key))
            } else if first.name == "__typename" {
                first.name.clone()
            } else {
                key.clone()
            },
            name: first.name.clone(),
            ty: first.ty().clone(),
            arguments: match below {
                KeyRule::Verbatim => Vec::new(),
                _ => self.arguments(first)?,
            },
            items: self.items(first.ty(), &sets, below)?,
            is_repeated: false,
            is_denied: false,
        })
    }

    fn collect(&self, ty: &str, set: &'a SelectionSet, groups: &mut Groups<'a>, visited: &mut Vec<&'a str>) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    let parent = &set.ty;
                    let group = groups.entry(field.response_key()).or_default();
                    group.push(SelectedField { parent, field });
                }
                Selection::InlineFragment(inline) => {
                    let fits = inline
                        .type_condition
                        .as_ref()
                        .is_none_or(|wanted| self.is_subtype(ty, wanted));
                    if fits {
                        self.collect(ty, &inline.selection_set, groups, visited);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if visited.contains(&name) {
                        continue;
                    }
                    visited.push(name);
                    if let Some(fragment) = self.resolved.document.fragments.get(name)
                        && self.is_subtype(ty, &fragment.selection_set.ty)
                    {
                        self.collect(ty, &fragment.selection_set, groups, visited);
                    }
                }
            }
        }
    }

    /// The selections of an object that has one of several types. Only the concrete type tells which of its fields meet, so
    /// no fields are merged: every client key gets its own data key.
    fn abstract_selections(
        &mut self,
        ty: &str,
        set: &'a SelectionSet,
        data_keys: &mut DataKeys,
        items: &mut Vec<CanonicalSelection>,
    ) -> Result<(), RequestError> {
        for selection in &set.selections {
            let (wanted, inner) = match selection {
                Selection::Field(field) => {
                    let selected = SelectedField { parent: &set.ty, field };
                    self.abstract_fields(ty, selected, data_keys, items)?;
                    continue;
                }
                Selection::InlineFragment(inline) => (inline.type_condition.as_ref(), &inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.resolved.document.fragments.get(&spread.fragment_name) else {
                        continue;
                    };
                    (Some(fragment.type_condition()), &fragment.selection_set)
                }
            };
            match wanted.filter(|wanted| !self.is_subtype(ty, wanted)) {
                None => self.abstract_selections(ty, inner, data_keys, items)?,
                Some(wanted) => {
                    let mut narrower = Vec::new();
                    self.abstract_selections(wanted, inner, data_keys, &mut narrower)?;
                    items.push(CanonicalSelection::On(wanted.clone(), narrower));
                }
            }
        }
        Ok(())
    }

    /// Adds a field of an object that has one of several types. If the caller may see it on some of the types only, each type gets
    /// a selection of its own.
    fn abstract_fields(
        &mut self,
        ty: &str,
        selected: SelectedField<'a>,
        data_keys: &mut DataKeys,
        items: &mut Vec<CanonicalSelection>,
    ) -> Result<(), RequestError> {
        let (schema, field) = (self.schema, selected.field);
        if self.resolved.broken_rules.is_empty() {
            items.push(CanonicalSelection::Field(self.abstract_field(field, data_keys)?));
            return Ok(());
        }
        let possible = schema.possible_types(ty);
        let denied = possible.iter().filter(|ty| self.is_denied(ty, selected)).count();
        if self.is_denied(ty, selected) || (denied > 0 && denied == possible.len()) {
            items.push(CanonicalSelection::Field(denied_field(field)));
        } else if denied == 0 {
            items.push(CanonicalSelection::Field(self.abstract_field(field, data_keys)?));
        } else {
            for ty in possible {
                let item = if self.is_denied(ty, selected) {
                    denied_field(field)
                } else {
                    self.abstract_field(field, data_keys)?
                };
                items.push(CanonicalSelection::On(
                    Name::new_unchecked(ty),
                    vec![CanonicalSelection::Field(item)],
                ));
            }
        }
        Ok(())
    }

    /// Whether the caller may not see a field of objects of this type.
    fn is_denied(&self, ty: &str, selected: SelectedField<'a>) -> bool {
        let (access, broken) = (&self.schema.access, &self.resolved.broken_rules);
        let denies = |ty: &str| access.denies_field(ty, &selected.field.name, broken);
        !broken.is_empty() && (denies(ty) || denies(selected.parent))
    }

    fn abstract_field(&mut self, field: &'a Field, data_keys: &mut DataKeys) -> Result<CanonicalField, RequestError> {
        let mut item = CanonicalField {
            key: field.response_key().clone(),
            data_key: field.name.clone(),
            name: field.name.clone(),
            ty: field.ty().clone(),
            arguments: self.arguments(field)?,
            items: Vec::new(),
            is_repeated: false,
            is_denied: false,
        };
        if item.name == "__typename" {
            return Ok(item);
        }
        let identity = (
            item.key.clone(),
            item.name.clone(),
            item.arguments.clone(),
            item.ty.to_string(),
        );
        let data_key = match data_keys.0.get(&identity) {
            Some((data_key, _)) => data_key.clone(),
            None => {
                let count = data_keys.0.keys().filter(|(_, name, ..)| *name == item.name).count();
                self.free_key(&item, count, |key| data_keys.0.values().any(|(taken, _)| taken == key))
            }
        };
        let (_, inner) = data_keys
            .0
            .entry(identity)
            .or_insert_with(|| (data_key.clone(), DataKeys::default()));
        item.data_key = data_key;
        if !field.selection_set.is_empty() {
            self.abstract_selections(
                field.ty().inner_named_type(),
                &field.selection_set,
                inner,
                &mut item.items,
            )?;
        }
        Ok(item)
    }

    /// Returns the field's own name if it is free, else a name that no field has. The client's key does not influence the
    /// choice: otherwise every choice of aliases would need a plan of its own.
    fn free_key(&self, item: &CanonicalField, count: usize, taken: impl Fn(&str) -> bool) -> Name {
        if !taken(&item.name) {
            return item.name.clone();
        }
        let mut key = format!("_{}_{}", count + 1, item.name);
        while taken(&key) || self.schema.field_names.contains(key.as_str()) {
            key.insert(0, '_');
        }
        Name::new_unchecked(&key)
    }

    fn arguments(&mut self, field: &Field) -> Result<Vec<(Name, usize)>, RequestError> {
        let mut arguments = Vec::with_capacity(field.arguments.len());
        for argument in &field.arguments {
            let Some(definition) = field.definition.argument_by_name(&argument.name) else {
                continue;
            };
            let place = self
                .arguments
                .add(&self.schema.types, &definition.ty, &argument.value)?;
            arguments.push((argument.name.clone(), place));
        }
        arguments.sort_unstable();
        Ok(arguments)
    }

    fn is_subtype(&self, ty: &str, wanted: &str) -> bool {
        ty == wanted || self.schema.types.is_subtype(wanted, ty)
    }
}

fn is_denied_non_null(item: &CanonicalSelection) -> bool {
    matches!(item, CanonicalSelection::Field(field) if field.is_denied && field.ty.is_non_null())
}

/// A field that the caller may not see: nothing of it is fetched.
fn denied_field(field: &Field) -> CanonicalField {
    CanonicalField {
        key: field.response_key().clone(),
        data_key: DENIED,
        name: field.name.clone(),
        ty: field.ty().clone(),
        arguments: Vec::new(),
        items: Vec::new(),
        is_repeated: false,
        is_denied: true,
    }
}

/// A field as the client selects it: its key, name, arguments and type.
type FieldIdentity = (Name, Name, Vec<(Name, usize)>, String);

/// The keys of an object that has one of several types, and of the objects below it.
#[derive(Default)]
struct DataKeys(HashMap<FieldIdentity, (Name, DataKeys)>);

/// Whether two fields of one object fetch the same value.
fn is_same_field(one: &CanonicalField, other: &CanonicalField) -> bool {
    one.name == other.name && one.arguments == other.arguments && are_same_selections(&one.items, &other.items)
}

fn are_same_selections(some: &[CanonicalSelection], others: &[CanonicalSelection]) -> bool {
    fn fetched(items: &[CanonicalSelection]) -> impl Iterator<Item = &CanonicalSelection> {
        items
            .iter()
            .filter(|item| !matches!(item, CanonicalSelection::Field(field) if field.is_repeated))
    }
    fetched(some).count() == fetched(others).count()
        && std::iter::zip(fetched(some), fetched(others)).all(|pair| match pair {
            (CanonicalSelection::Field(one), CanonicalSelection::Field(other)) => {
                one.data_key == other.data_key && is_same_field(one, other)
            }
            (CanonicalSelection::On(one, some), CanonicalSelection::On(other, others)) => {
                one == other && are_same_selections(some, others)
            }
            _ => false,
        })
}
