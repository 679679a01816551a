//! The canonical form of an operation: fragments are inlined, arguments become variables, and the gateway chooses the keys.
//!
//! A client may choose any aliases and names of variables, fragments and operations; none of them reaches the planner or a
//! subgraph. A field with the same arguments and selections is fetched once, whatever its aliases, so operations that differ
//! only in names and values share a plan. The shape of the answer ([`super::shape`]) has both the client's key of a field and
//! the key that its value is fetched by.

use std::collections::HashMap;

use apollo_compiler::Name;
use apollo_compiler::ast::Type;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Field, OperationType, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;

use super::arguments::Arguments;
use super::decide::Decided;
use super::refusal::Refusal;
use super::schema::PublicSchema;

/// The key prefix of the results of `__schema` and `__type`. No field of a subgraph begins with two underscores.
const INTROSPECTED: &str = "__introspected_";

/// An operation in its canonical form.
#[derive(Debug)]
pub struct Canonical {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// The root type.
    pub ty: Name,
    /// The selections on the root type.
    pub items: Vec<Item>,
    /// The arguments of all its fields.
    pub arguments: Arguments,
}

/// Part of a selection.
#[derive(Debug)]
pub enum Item {
    /// A field.
    Field(FieldItem),
    /// The selections on objects of that type.
    On(Name, Vec<Item>),
}

/// A field of a selection.
#[derive(Debug)]
pub struct FieldItem {
    /// The client's key in the answer.
    pub key: Name,
    /// The key that the value is fetched by.
    pub data_key: Name,
    /// The field.
    pub name: Name,
    /// The type of its value.
    pub ty: Type,
    /// Its arguments, by their index in [`Canonical::arguments`].
    pub arguments: Vec<(Name, usize)>,
    /// The selections on its value.
    pub items: Vec<Item>,
    /// Whether another key of the same object already fetches the same value.
    pub is_repeated: bool,
}

/// Returns the data key of an introspection root field with this answer key.
pub fn introspected_key(key: &str) -> String {
    format!("{INTROSPECTED}{key}")
}

/// Converts an operation to its canonical form.
///
/// # Errors
/// When a number in it cannot be represented.
pub fn canonical(schema: &PublicSchema, decided: &Decided) -> Result<Canonical, Refusal> {
    let mut maker = Maker {
        schema,
        decided,
        arguments: Arguments::default(),
    };
    let operation = &decided.operation;
    let root = &operation.selection_set;
    // Every root field of a mutation has its own effect, even if it repeats another one.
    let naming = match operation.operation_type {
        OperationType::Mutation => Naming::Each,
        _ => Naming::Merged,
    };
    let items = maker.object(&root.ty, &[root], naming)?;
    Ok(Canonical {
        kind: operation.operation_type,
        ty: root.ty.clone(),
        items,
        arguments: maker.arguments,
    })
}

/// The rule that assigns data keys to the fields of an object.
#[derive(Clone, Copy, PartialEq)]
enum Naming {
    /// Fields that fetch the same value share a key.
    Merged,
    /// Every field has its own key; the levels below use `Merged`.
    Each,
    /// Fields keep the client's keys, because introspection executes the client's operation itself.
    Verbatim,
}

struct Maker<'a> {
    schema: &'a PublicSchema,
    decided: &'a Decided,
    arguments: Arguments,
}

/// The fields of an object, grouped by the client's keys, in their order.
type Groups<'a> = IndexMap<&'a Name, Vec<&'a Field>>;

impl<'a> Maker<'a> {
    fn items(&mut self, ty: &'a Type, sets: &[&'a SelectionSet], naming: Naming) -> Result<Vec<Item>, Refusal> {
        let name = ty.inner_named_type();
        match self.schema.types.types.get(name) {
            Some(ExtendedType::Object(_)) => self.object(name, sets, naming),
            Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => {
                let mut items = Vec::new();
                let mut names = Names::default();
                for set in sets {
                    self.any(name, set, &mut names, &mut items)?;
                }
                Ok(items)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The selections of an object whose type is known: `CollectFields` of the specification.
    fn object(&mut self, ty: &str, sets: &[&'a SelectionSet], naming: Naming) -> Result<Vec<Item>, Refusal> {
        let mut groups = Groups::default();
        let mut visited = Vec::new();
        for set in sets {
            self.collect(ty, set, &mut groups, &mut visited);
        }
        let mut items: Vec<FieldItem> = Vec::with_capacity(groups.len());
        for (key, fields) in groups {
            let mut item = self.grouped(key, &fields, naming)?;
            if naming != Naming::Verbatim && !item.name.starts_with("__") {
                let alike = || items.iter().filter(|known| known.name == item.name);
                let same = alike().find(|known| naming == Naming::Merged && same_field(known, &item));
                if let Some(same) = same {
                    item.data_key = same.data_key.clone();
                    item.is_repeated = true;
                } else {
                    let taken = |name: &str| alike().any(|known| known.data_key == name);
                    item.data_key = self.free_key(&item, alike().count(), taken);
                }
            }
            items.push(item);
        }
        Ok(items.into_iter().map(Item::Field).collect())
    }

    /// Merges the fields of an object that have the same client key: they are one field.
    fn grouped(&mut self, key: &Name, fields: &[&'a Field], naming: Naming) -> Result<FieldItem, Refusal> {
        let first = fields[0];
        let is_introspection = matches!(first.name.as_str(), "__schema" | "__type");
        let below = match naming {
            _ if is_introspection => Naming::Verbatim,
            Naming::Each => Naming::Merged,
            naming => naming,
        };
        let sets: Vec<_> = fields.iter().map(|field| &field.selection_set).collect();
        Ok(FieldItem {
            key: key.clone(),
            data_key: match is_introspection {
                true => Name::new_unchecked(&introspected_key(key)),
                false if first.name == "__typename" => first.name.clone(),
                false => key.clone(),
            },
            name: first.name.clone(),
            ty: first.ty().clone(),
            arguments: match below {
                Naming::Verbatim => Vec::new(),
                _ => self.arguments(first)?,
            },
            items: self.items(first.ty(), &sets, below)?,
            is_repeated: false,
        })
    }

    fn collect(&self, ty: &str, set: &'a SelectionSet, groups: &mut Groups<'a>, visited: &mut Vec<&'a str>) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => groups.entry(field.response_key()).or_default().push(field),
                Selection::InlineFragment(inline) => {
                    let fits = inline.type_condition.as_ref().is_none_or(|wanted| self.is(ty, wanted));
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
                    if let Some(fragment) = self.decided.document.fragments.get(name)
                        && self.is(ty, &fragment.selection_set.ty)
                    {
                        self.collect(ty, &fragment.selection_set, groups, visited);
                    }
                }
            }
        }
    }

    /// The selections of an object that has one of several types. Only the concrete type tells which of its fields meet, so
    /// no fields are merged: every client key gets its own data key.
    fn any(
        &mut self,
        ty: &str,
        set: &'a SelectionSet,
        names: &mut Names,
        items: &mut Vec<Item>,
    ) -> Result<(), Refusal> {
        for selection in &set.selections {
            let (wanted, inner) = match selection {
                Selection::Field(field) => {
                    let item = self.field_of_any(field, names)?;
                    items.push(Item::Field(item));
                    continue;
                }
                Selection::InlineFragment(inline) => (inline.type_condition.as_ref(), &inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.decided.document.fragments.get(&spread.fragment_name) else {
                        continue;
                    };
                    (Some(fragment.type_condition()), &fragment.selection_set)
                }
            };
            match wanted.filter(|wanted| !self.is(ty, wanted)) {
                None => self.any(ty, inner, names, items)?,
                Some(wanted) => {
                    let mut narrower = Vec::new();
                    self.any(wanted, inner, names, &mut narrower)?;
                    items.push(Item::On(wanted.clone(), narrower));
                }
            }
        }
        Ok(())
    }

    fn field_of_any(&mut self, field: &'a Field, names: &mut Names) -> Result<FieldItem, Refusal> {
        let mut item = FieldItem {
            key: field.response_key().clone(),
            data_key: field.name.clone(),
            name: field.name.clone(),
            ty: field.ty().clone(),
            arguments: self.arguments(field)?,
            items: Vec::new(),
            is_repeated: false,
        };
        if item.name == "__typename" {
            return Ok(item);
        }
        let unit = (
            item.key.clone(),
            item.name.clone(),
            item.arguments.clone(),
            item.ty.to_string(),
        );
        let data_key = match names.0.get(&unit) {
            Some((data_key, _)) => data_key.clone(),
            None => {
                let count = names.0.keys().filter(|(_, name, ..)| *name == item.name).count();
                self.free_key(&item, count, |key| names.0.values().any(|(taken, _)| taken == key))
            }
        };
        let (_, inner) = names
            .0
            .entry(unit)
            .or_insert_with(|| (data_key.clone(), Names::default()));
        item.data_key = data_key;
        if !field.selection_set.is_empty() {
            self.any(
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
    fn free_key(&self, item: &FieldItem, count: usize, taken: impl Fn(&str) -> bool) -> Name {
        if !taken(&item.name) {
            return item.name.clone();
        }
        let mut key = format!("_{}_{}", count + 1, item.name);
        while taken(&key) || self.schema.field_names.contains(key.as_str()) {
            key.insert(0, '_');
        }
        Name::new_unchecked(&key)
    }

    fn arguments(&mut self, field: &Field) -> Result<Vec<(Name, usize)>, Refusal> {
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

    fn is(&self, ty: &str, wanted: &str) -> bool {
        ty == wanted || self.schema.types.is_subtype(wanted, ty)
    }
}

/// A field as the client selects it: its key, name, arguments and type.
type Unit = (Name, Name, Vec<(Name, usize)>, String);

/// The keys of an object that has one of several types, and of the objects below it.
#[derive(Default)]
struct Names(HashMap<Unit, (Name, Names)>);

/// Whether two fields of one object fetch the same value.
fn same_field(one: &FieldItem, other: &FieldItem) -> bool {
    one.name == other.name && one.arguments == other.arguments && same(&one.items, &other.items)
}

fn same(some: &[Item], others: &[Item]) -> bool {
    fn fetched(items: &[Item]) -> impl Iterator<Item = &Item> {
        items
            .iter()
            .filter(|item| !matches!(item, Item::Field(field) if field.is_repeated))
    }
    fetched(some).count() == fetched(others).count()
        && std::iter::zip(fetched(some), fetched(others)).all(|pair| match pair {
            (Item::Field(one), Item::Field(other)) => one.data_key == other.data_key && same_field(one, other),
            (Item::On(one, some), Item::On(other, others)) => one == other && same(some, others),
            _ => false,
        })
}
