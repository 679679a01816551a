//! The facts of a supergraph that a plan must respect: which subgraph may resolve which field of which type.

use apollo_compiler::Node;
use apollo_compiler::ast::{
    Definition, Directive, DirectiveList, Document, FieldDefinition, InputValueDefinition, OperationType, Type, Value,
};
use apollo_compiler::collections::HashMap;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, SelectionSet};

use super::type_set::TypeSet;
use crate::supergraph::error::SupergraphError;

/// The facts of a supergraph.
pub struct SupergraphFacts {
    /// The name of the query type.
    pub query: String,
    /// The subgraphs, sorted by name: the order of [`Fetch::subgraph`](crate::supergraph::plan::model::Fetch::subgraph).
    pub graphs: Vec<String>,
    /// The object types, at the indexes that a [`TypeSet`] has, and then the interfaces and unions.
    types: Vec<TypeFacts>,
    indexes: HashMap<String, usize>,
}

/// An object type, an interface or a union.
#[derive(Default)]
pub struct TypeFacts {
    /// Its name.
    pub name: String,
    /// Whether it is an interface or a union.
    pub is_abstract: bool,
    /// Its object types in the whole supergraph.
    pub possible: TypeSet,
    fields: HashMap<String, FieldFacts>,
    /// By the index of the subgraph.
    in_graphs: Vec<Option<TypeInGraph>>,
}

/// A type in one subgraph.
#[derive(Default)]
pub struct TypeInGraph {
    /// Its keys.
    pub keys: Vec<Key>,
    /// Whether it is an interface that the subgraph knows as an object.
    pub is_interface_object: bool,
    /// The object types that the subgraph can return for it.
    pub possible: TypeSet,
}

/// A key of an entity.
pub struct Key {
    /// Its fields.
    pub fields: SelectionSet,
    /// Whether the subgraph resolves entities by it.
    pub is_resolvable: bool,
}

/// A field.
pub struct FieldFacts {
    /// Its type in the supergraph.
    pub ty: Type,
    /// Its arguments.
    pub arguments: Vec<Node<InputValueDefinition>>,
    /// By the index of the subgraph.
    in_graphs: Vec<Option<FieldInGraph>>,
}

/// A field in one subgraph.
pub struct FieldInGraph {
    /// Its type there.
    pub ty: Type,
    /// Whether the subgraph resolves it wherever it returns the type. It does not if the field is external, or if another
    /// subgraph overrides it.
    pub is_resolvable: bool,
    /// The fields below it that the subgraph resolves only here.
    pub provides: Option<SelectionSet>,
    /// The fields of other subgraphs that it is computed from.
    pub requires: Option<SelectionSet>,
}

impl TypeFacts {
    /// Returns the facts of a field.
    pub fn field(&self, name: &str) -> Option<&FieldFacts> {
        self.fields.get(name)
    }

    /// Returns the facts of the type in a subgraph.
    pub fn in_graph(&self, graph: usize) -> Option<&TypeInGraph> {
        self.in_graphs.get(graph)?.as_ref()
    }

    /// Whether a subgraph knows the interface as an object.
    pub fn is_object_in(&self, graph: usize) -> bool {
        self.in_graph(graph)
            .is_some_and(|in_graph| in_graph.is_interface_object)
    }
}

impl FieldFacts {
    /// Returns the facts of the field in a subgraph.
    pub fn in_graph(&self, graph: usize) -> Option<&FieldInGraph> {
        self.in_graphs.get(graph)?.as_ref()
    }
}

impl SupergraphFacts {
    /// Reads the facts from a supergraph.
    ///
    /// # Errors
    /// When a set of fields in it is not GraphQL.
    pub fn read(document: &Document) -> Result<Self, SupergraphError> {
        let graphs = Graphs::read(document);
        let mut facts = Self {
            query: query_type(document),
            graphs: graphs.names.clone(),
            types: Vec::new(),
            indexes: HashMap::default(),
        };
        let (objects, others): (Vec<_>, Vec<_>) = document
            .definitions
            .iter()
            .partition(|definition| matches!(definition, Definition::ObjectTypeDefinition(_)));
        for definition in objects.into_iter().chain(others) {
            if let Some(ty) = graphs.type_facts(definition)? {
                facts.indexes.insert(ty.name.clone(), facts.types.len());
                facts.types.push(ty);
            }
        }
        for definition in &document.definitions {
            facts.add_possible_types(&graphs, definition);
        }
        facts.close_interface_objects();
        Ok(facts)
    }

    /// Returns the facts of an object type, an interface or a union.
    pub fn ty(&self, name: &str) -> Option<&TypeFacts> {
        self.types.get(self.index(name)?)
    }

    /// Returns the object types of a set, each with the set of this type alone.
    pub fn objects<'f, 't>(
        &'f self,
        types: &'t TypeSet,
    ) -> impl Iterator<Item = (&'f TypeFacts, TypeSet)> + use<'f, 't> {
        let indexes = types.iter();
        indexes.filter_map(|index| Some((self.types.get(index)?, std::iter::once(index).collect())))
    }

    /// Returns the set of this object type alone.
    pub fn only(&self, object: &str) -> TypeSet {
        self.object_index(object).into_iter().collect()
    }

    /// Returns the object types with one of these names.
    pub fn named<'n>(&self, names: impl IntoIterator<Item = &'n String>) -> TypeSet {
        let indexes = names.into_iter().filter_map(|name| self.object_index(name));
        indexes.collect()
    }

    /// Returns the name of the first object type in a set.
    pub fn first_name(&self, types: &TypeSet) -> Option<&str> {
        let index = types.iter().next()?;
        self.types.get(index).map(|ty| ty.name.as_str())
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.indexes.get(name).copied()
    }

    /// Returns the index of an object type.
    pub fn object_index(&self, name: &str) -> Option<usize> {
        self.index(name).filter(|index| !self.types[*index].is_abstract)
    }

    /// Adds an object type to itself, its interfaces and its unions, in the supergraph and in each subgraph.
    fn add_possible_types(&mut self, graphs: &Graphs, definition: &Definition) {
        match definition {
            Definition::ObjectTypeDefinition(object) => {
                let Some(index) = self.object_index(&object.name) else {
                    return;
                };
                self.add_possible(&object.name, index, None);
                for interface in &object.implements_interfaces {
                    self.add_possible(interface, index, None);
                }
                for join in joins(&object.directives, "join__type") {
                    self.add_possible(&object.name, index, graphs.of(join));
                }
                for join in joins(&object.directives, "join__implements") {
                    if let Some(interface) = text(join, "interface") {
                        self.add_possible(interface, index, graphs.of(join));
                    }
                }
            }
            Definition::UnionTypeDefinition(any) => {
                for member in &any.members {
                    if let Some(index) = self.object_index(member) {
                        self.add_possible(&any.name, index, None);
                    }
                }
                for join in joins(&any.directives, "join__unionMember") {
                    let member = text(join, "member").and_then(|member| self.object_index(member));
                    if let Some(index) = member {
                        self.add_possible(&any.name, index, graphs.of(join));
                    }
                }
            }
            _ => {}
        }
    }

    /// Adds an object type to a type in one subgraph, or in the supergraph.
    fn add_possible(&mut self, ty: &str, object: usize, graph: Option<usize>) {
        let Some(index) = self.index(ty) else { return };
        let ty = &mut self.types[index];
        match graph {
            None => ty.possible.insert(object),
            Some(graph) => {
                if let Some(Some(in_graph)) = ty.in_graphs.get_mut(graph) {
                    in_graph.possible.insert(object);
                }
            }
        }
    }

    /// An object of an interface that a subgraph knows as an object can have any type of the interface.
    fn close_interface_objects(&mut self) {
        for ty in &mut self.types {
            let in_graphs = ty.in_graphs.iter_mut().flatten();
            for in_graph in in_graphs.filter(|known| known.is_interface_object) {
                in_graph.possible = ty.possible.clone();
            }
        }
    }
}

/// The subgraphs, by their names in `join__Graph`.
struct Graphs {
    names: Vec<String>,
    indexes: HashMap<String, usize>,
}

impl Graphs {
    fn read(document: &Document) -> Self {
        let mut pairs = Vec::new();
        for definition in &document.definitions {
            let Definition::EnumTypeDefinition(graphs) = definition else {
                continue;
            };
            for value in graphs.values.iter().filter(|_| graphs.name == "join__Graph") {
                let name = value.directives.get("join__graph").and_then(|join| text(join, "name"));
                pairs.extend(name.map(|name| (name.to_owned(), value.value.to_string())));
            }
        }
        pairs.sort_unstable();
        let indexes = pairs.iter().enumerate().map(|(index, (_, word))| (word.clone(), index));
        Self {
            indexes: indexes.collect(),
            names: pairs.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Returns the subgraph of a directive, if it names one.
    fn of(&self, join: &Directive) -> Option<usize> {
        self.indexes.get(text(join, "graph")?).copied()
    }

    /// Reads a type that has selections.
    fn type_facts(&self, definition: &Definition) -> Result<Option<TypeFacts>, SupergraphError> {
        let (name, directives, fields) = match definition {
            Definition::ObjectTypeDefinition(object) => (&object.name, &object.directives, &object.fields[..]),
            Definition::InterfaceTypeDefinition(any) => (&any.name, &any.directives, &any.fields[..]),
            Definition::UnionTypeDefinition(any) => (&any.name, &any.directives, &[][..]),
            _ => return Ok(None),
        };
        let mut facts = TypeFacts {
            name: name.to_string(),
            is_abstract: !matches!(definition, Definition::ObjectTypeDefinition(_)),
            in_graphs: self.names.iter().map(|_| None).collect(),
            ..TypeFacts::default()
        };
        for join in joins(directives, "join__type") {
            let Some(graph) = self.of(join) else { continue };
            let in_graph = facts.in_graphs[graph].get_or_insert_default();
            in_graph.is_interface_object |= flag(join, "isInterfaceObject") == Some(true);
            if let Some(fields) = field_set(join, "key")? {
                in_graph.keys.push(Key {
                    fields,
                    is_resolvable: flag(join, "resolvable") != Some(false),
                });
            }
        }
        for field in fields {
            let facts_of_field = self.field_facts(field, &facts.in_graphs)?;
            facts.fields.insert(field.name.to_string(), facts_of_field);
        }
        Ok(Some(facts))
    }

    /// Reads a field. Without `join__field`, all subgraphs of its type resolve it.
    fn field_facts(
        &self,
        field: &FieldDefinition,
        of_type: &[Option<TypeInGraph>],
    ) -> Result<FieldFacts, SupergraphError> {
        let mut in_graphs: Vec<_> = of_type.iter().map(|_| None).collect();
        let mut is_joined = false;
        for join in joins(&field.directives, "join__field") {
            is_joined = true;
            // Without a subgraph, only objects of the field's interface have it in a subgraph.
            let Some(graph) = self.of(join) else { continue };
            let is_overridden = flag(join, "usedOverridden") == Some(true) && text(join, "overrideLabel").is_none();
            let in_graph = FieldInGraph {
                ty: match text(join, "type") {
                    Some(ty) => Type::parse(ty, "supergraph.graphql").map_err(|error| invalid(&error.to_string()))?,
                    None => field.ty.clone(),
                },
                is_resolvable: flag(join, "external") != Some(true) && !is_overridden,
                provides: field_set(join, "provides")?,
                requires: field_set(join, "requires")?,
            };
            in_graphs[graph] = Some(in_graph);
        }
        if !is_joined {
            in_graphs = of_type
                .iter()
                .map(|known| known.as_ref().map(|_| FieldInGraph::plain(&field.ty)))
                .collect();
        }
        Ok(FieldFacts {
            ty: field.ty.clone(),
            arguments: field.arguments.clone(),
            in_graphs,
        })
    }
}

impl FieldInGraph {
    fn plain(ty: &Type) -> Self {
        Self {
            ty: ty.clone(),
            is_resolvable: true,
            provides: None,
            requires: None,
        }
    }
}

fn query_type(document: &Document) -> String {
    let declared = document.definitions.iter().find_map(|definition| match definition {
        Definition::SchemaDefinition(schema) => {
            let mut roots = schema.root_operations.iter();
            roots
                .find(|root| root.0 == OperationType::Query)
                .map(|root| root.1.to_string())
        }
        _ => None,
    });
    declared.unwrap_or_else(|| "Query".to_owned())
}

fn joins<'d>(directives: &'d DirectiveList, name: &'d str) -> impl Iterator<Item = &'d Directive> {
    let named = directives.iter().filter(move |directive| directive.name == name);
    named.map(|directive| &**directive)
}

fn text<'d>(directive: &'d Directive, argument: &str) -> Option<&'d str> {
    match &**directive.specified_argument_by_name(argument)? {
        Value::Enum(name) => Some(name.as_str()),
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn flag(directive: &Directive, argument: &str) -> Option<bool> {
    directive.specified_argument_by_name(argument)?.to_bool()
}

fn field_set(directive: &Directive, argument: &str) -> Result<Option<SelectionSet>, SupergraphError> {
    text(directive, argument).map(parse_field_set).transpose()
}

fn parse_field_set(text: &str) -> Result<SelectionSet, SupergraphError> {
    let document = parse_query(format!("{{ {text} }}")).map_err(|error| invalid(&format!("\"{text}\": {error}")))?;
    match document.operations {
        DocumentOperations::Single(operation) => Ok(operation.node.selection_set.node),
        DocumentOperations::Multiple(_) => Err(invalid(&format!("\"{text}\" is not a set of fields"))),
    }
}

fn invalid(reason: &str) -> SupergraphError {
    SupergraphError::Schema(reason.to_owned())
}
