//! Which fetches are cacheable: the schema decides it, once per plan.
//!
//! A field that is tagged (`@tag(name: "cacheable")`, in async-graphql `#[graphql(tag = "cacheable")]`) promises two things.
//! Its value is the same for every caller, including anonymous ones. When it changes, its domain publishes `Invalidated` for
//! the entity that it belongs to, after the commit and before it answers the writer. A fetch is cacheable if it is a query
//! of tagged fields only, and each of its root fields returns an entity. A list of entities belongs to no entity, so no
//! invalidation would report a new item.

use std::sync::Arc;

use apollo_compiler::ast::{self, Definition, DirectiveList, FieldDefinition, OperationType, Type};
use apollo_compiler::collections::{HashMap, HashSet};
use apollo_compiler::name;
use async_graphql::Name;

use super::document::{FieldSelection, SelectionSet, TYPENAME};
use super::model::{TrackedField, TrackedObject};

/// The name of the tag.
const TAG: &str = "cacheable";
/// The key field that identifies an entity in invalidations.
const ID: apollo_compiler::Name = name!("id");
/// The alias of the id if the operation does not select it. It collides with no key of the operation, because the gateway
/// chooses those keys (`canonical.rs`).
const ID_ALIAS: apollo_compiler::Name = name!("_cache_id");

/// The facts about caching in a supergraph.
#[derive(Debug, Default)]
pub struct Cacheable {
    query: String,
    /// The types of tagged fields, by parent type and field name.
    tagged: HashMap<String, HashMap<String, Type>>,
    /// The subgraphs that resolve an object type by its `id`.
    entities: HashMap<String, HashSet<String>>,
    /// Object types, whether entities or not.
    objects: HashSet<String>,
}

impl Cacheable {
    /// Reads the facts from a supergraph.
    pub fn of(supergraph: &ast::Document) -> Self {
        let graphs = graph_names(supergraph);
        let mut read = Self {
            query: "Query".to_owned(),
            ..Self::default()
        };
        for definition in &supergraph.definitions {
            match definition {
                Definition::SchemaDefinition(schema) => {
                    let root = schema
                        .root_operations
                        .iter()
                        .find(|root| root.0 == OperationType::Query);
                    if let Some(root) = root {
                        read.query = root.1.to_string();
                    }
                }
                Definition::ObjectTypeDefinition(object) => {
                    let name = object.name.to_string();
                    for graph in known_by_id(&object.directives) {
                        if let Some(subgraph) = graphs.get(graph) {
                            let known = read.entities.entry(name.clone()).or_default();
                            known.insert(subgraph.clone());
                        }
                    }
                    for field in object.fields.iter().filter(|field| is_tagged(field)) {
                        let tagged = read.tagged.entry(name.clone()).or_default();
                        tagged.insert(field.name.to_string(), field.ty.clone());
                    }
                    read.objects.insert(name);
                }
                _ => {}
            }
        }
        read
    }

    /// Returns the entities that the response to a query of these root fields depends on, or `None` if it is not cacheable.
    /// Adds their ids to the selections where they are missing; the selections are of no use if it is not cacheable.
    pub fn roots(&self, subgraph: &str, selections: &mut SelectionSet) -> Option<Vec<TrackedField>> {
        let mut dependencies = Vec::new();
        for field in plain_fields(selections)? {
            let (Type::Named(ty) | Type::NonNullNamed(ty)) = self.tagged(&self.query, &field.name)? else {
                return None;
            };
            let object = self.object(subgraph, ty, &mut field.inner)?;
            object.entity.as_ref()?;
            let key = Name::new(&field.key);
            dependencies.push(TrackedField { key, object });
        }
        (!dependencies.is_empty()).then_some(dependencies)
    }

    /// As [`roots`](Self::roots), for the entities of one type in a fetch of entities.
    pub fn entities(&self, subgraph: &str, ty: &str, selections: &mut SelectionSet) -> Option<TrackedObject> {
        let object = self.object(subgraph, ty, selections)?;
        object.entity.is_some().then_some(object)
    }

    /// Whether the response to a query of these root fields can be cacheable, as far as the root fields tell.
    pub fn has_tagged_roots(&self, selections: &SelectionSet) -> bool {
        let mut fields = selections.fields.iter();
        fields.all(|field| self.tagged(&self.query, &field.name).is_some())
    }

    /// Whether a subgraph resolves an object type by its `id`.
    pub fn is_entity(&self, subgraph: &str, ty: &str) -> bool {
        self.entities
            .get(ty)
            .is_some_and(|subgraphs| subgraphs.contains(subgraph))
    }

    fn tagged(&self, ty: &str, field: &str) -> Option<&Type> {
        self.tagged.get(ty)?.get(field)
    }

    fn object(&self, subgraph: &str, ty: &str, set: &mut SelectionSet) -> Option<TrackedObject> {
        let mut inner = Vec::new();
        let mut id = None;
        for field in plain_fields(set)? {
            if field.name == TYPENAME {
                continue;
            }
            let key = Name::new(&field.key);
            if field.name == ID {
                id = Some(key.clone());
            }
            let field_type = self.tagged(ty, &field.name)?.inner_named_type();
            if field.inner.is_empty() {
                continue;
            }
            // Objects of an interface or a union are not cached.
            self.objects.get(field_type.as_str())?;
            let object = self.object(subgraph, field_type, &mut field.inner)?;
            inner.push(TrackedField { key, object });
        }
        let is_entity = self.is_entity(subgraph, ty);
        let entity = is_entity.then(|| {
            let id = id.unwrap_or_else(|| {
                set.fields.push(FieldSelection {
                    key: ID_ALIAS,
                    name: ID,
                    arguments: Vec::new(),
                    ty: None,
                    inner: SelectionSet::default(),
                });
                Name::new(ID_ALIAS)
            });
            (Arc::from(ty), id)
        });
        Some(TrackedObject { entity, inner })
    }
}

/// Returns the fields of a selection set without fragments. The selections on an object that has one of several types make
/// the fetch not cacheable.
fn plain_fields(set: &mut SelectionSet) -> Option<&mut Vec<FieldSelection>> {
    set.fragments.is_empty().then_some(&mut set.fields)
}

fn is_tagged(field: &FieldDefinition) -> bool {
    let mut tags = field.directives.iter().filter(|directive| directive.name == "tag");
    tags.any(|tag| text(tag, "name") == Some(TAG))
}

/// Returns the subgraphs, by their names in `join__Graph`, that have the key `id` for a type.
fn known_by_id(directives: &DirectiveList) -> impl Iterator<Item = &str> {
    let joins = directives.iter().filter(|directive| directive.name == "join__type");
    joins
        .filter(|join| text(join, "key").map(str::trim) == Some(ID.as_str()))
        .filter_map(|join| join.specified_argument_by_name("graph")?.as_enum())
        .map(|graph| graph.as_str())
}

/// Returns the subgraphs' own names, by their names in `join__Graph`.
fn graph_names(document: &ast::Document) -> HashMap<String, String> {
    let mut names = HashMap::default();
    for definition in &document.definitions {
        let Definition::EnumTypeDefinition(graphs) = definition else {
            continue;
        };
        for value in graphs.values.iter().filter(|_| graphs.name == "join__Graph") {
            let name = value.directives.get("join__graph").and_then(|join| text(join, "name"));
            if let Some(name) = name {
                names.insert(value.value.to_string(), name.to_owned());
            }
        }
    }
    names
}

fn text<'d>(directive: &'d ast::Directive, argument: &str) -> Option<&'d str> {
    directive.specified_argument_by_name(argument)?.as_str()
}
