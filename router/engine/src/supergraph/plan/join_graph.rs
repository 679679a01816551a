//! The join graph: the fields that each subgraph resolves, and the routes from one subgraph to another.
//!
//! Apollo's planner calls it the federated query graph, Hive's planner the graph. Theirs has a node for each pair of a type
//! and a subgraph and an edge for each field and key. The same facts are kept here in tables by type and subgraph, because
//! every question of the planner names both. `join` is the name of the specification whose directives it is read from.

mod directives;
mod field_set;
mod load;
mod routes;
mod unsupported;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use apollo_compiler::Name;
use apollo_compiler::ast::Type;
use apollo_compiler::collections::HashMap;

pub use self::field_set::{FieldSet, FieldSetItem};
pub use self::routes::Route;

/// The index of a subgraph in the supergraph's list, which is in the order of their names.
pub type SubgraphIndex = usize;

/// The index of an object type, an interface or a union of the supergraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(usize);

/// The facts about a supergraph that its plans depend on.
#[derive(Debug, Default)]
pub struct JoinGraph {
    subgraphs: Vec<Arc<str>>,
    by_name: HashMap<Name, TypeId>,
    types: Vec<JoinType>,
    query: Option<TypeId>,
    /// The routes for the fields of each root type.
    roots: HashMap<TypeId, Vec<Route>>,
}

/// A type of the supergraph.
#[derive(Debug)]
struct JoinType {
    name: Name,
    is_object: bool,
    /// The object types of an interface or a union, in any subgraph.
    members: Vec<TypeId>,
    interfaces: Vec<TypeId>,
    /// The type in each subgraph that defines it.
    in_subgraphs: Vec<Option<SubgraphType>>,
    /// The routes for its objects, by the subgraph that they came from. They are found when the first operation needs them.
    routes: Vec<OnceLock<Vec<Route>>>,
}

/// A type as one subgraph defines it.
#[derive(Debug, Default)]
struct SubgraphType {
    keys: Vec<EntityKey>,
    is_interface_object: bool,
    fields: HashMap<Name, SubgraphField>,
    /// The object types of an interface or a union in this subgraph.
    members: Vec<TypeId>,
}

/// A `@key`.
#[derive(Debug)]
struct EntityKey {
    fields: FieldSet,
    is_resolvable: bool,
}

/// A field as one subgraph defines it.
#[derive(Debug)]
pub struct SubgraphField {
    /// Its type in the subgraph.
    pub ty: Type,
    /// The type of its objects, if it returns objects.
    pub object_type: Option<TypeId>,
    /// `@requires`.
    pub requires: Option<FieldSet>,
    /// `@provides`.
    pub provides: Option<FieldSet>,
    is_resolvable: bool,
    is_external: bool,
    /// Whether it is part of a key, which its subgraph knows of each of its entities.
    is_key: bool,
}

impl SubgraphField {
    /// Whether the subgraph resolves it for every object of its type that it has returned.
    pub fn is_resolved_in_place(&self) -> bool {
        self.is_resolvable && self.requires.is_none()
    }

    /// Whether the subgraph resolves it, perhaps with `@requires`.
    pub fn is_resolvable(&self) -> bool {
        self.is_resolvable
    }
}

/// The place that resolves fields of an object: a subgraph, and the type that represents the object there. An interface
/// object represents the objects of all types of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// The subgraph.
    pub subgraph: SubgraphIndex,
    /// The type.
    pub ty: TypeId,
}

impl JoinGraph {
    /// Returns the names of the subgraphs.
    pub fn subgraphs(&self) -> &[Arc<str>] {
        &self.subgraphs
    }

    /// Returns the type of this name.
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    /// Returns the name of a type.
    pub fn name(&self, ty: TypeId) -> &Name {
        &self.types[ty.0].name
    }

    /// Whether it is an object type.
    pub fn is_object(&self, ty: TypeId) -> bool {
        self.types[ty.0].is_object
    }

    /// Whether it is the query type.
    pub fn is_query(&self, ty: TypeId) -> bool {
        self.query == Some(ty)
    }

    /// Returns the names of the object types of a type, and its own.
    pub fn object_names(&self, ty: TypeId) -> HashSet<String> {
        let members = self.types[ty.0].members.iter();
        members.chain([&ty]).map(|ty| self.name(*ty).to_string()).collect()
    }

    /// Whether an object of type `ty` is always one of `wanted`.
    pub fn is_subtype(&self, ty: TypeId, wanted: TypeId) -> bool {
        ty == wanted || self.types[wanted.0].members.contains(&ty) || self.types[ty.0].interfaces.contains(&wanted)
    }

    /// Whether the subgraph defines this interface as an object type.
    pub fn is_interface_object(&self, site: Site) -> bool {
        self.subgraph_type(site).is_some_and(|ty| ty.is_interface_object)
    }

    /// Whether an object at this site can have one of several types, and the subgraph knows which.
    pub fn is_abstract(&self, site: Site) -> bool {
        !self.is_object(site.ty) && !self.is_interface_object(site)
    }

    /// Returns the object types of an interface or a union in a subgraph.
    pub fn members(&self, site: Site) -> &[TypeId] {
        self.subgraph_type(site).map_or(&[], |ty| &ty.members)
    }

    /// Returns a field at a site.
    pub fn field(&self, site: Site, name: &str) -> Option<&SubgraphField> {
        self.subgraph_type(site)?.fields.get(name)
    }

    /// Returns the routes for the fields of a root type, before anything is fetched.
    pub fn root_routes(&self, ty: TypeId) -> &[Route] {
        self.roots.get(&ty).map_or(&[], |routes| routes)
    }

    /// Returns the sites of a type.
    fn sites(&self, ty: TypeId) -> impl Iterator<Item = Site> {
        let subgraphs = self.types[ty.0].in_subgraphs.iter().enumerate();
        subgraphs.filter_map(move |(subgraph, known)| known.is_some().then_some(Site { subgraph, ty }))
    }

    /// Returns the routes for an object of this type that came from this subgraph, nearest first.
    pub fn routes(&self, ty: TypeId, from: SubgraphIndex) -> &[Route] {
        let known = self.types[ty.0].routes.get(from);
        known.map_or(&[], |routes| routes.get_or_init(|| self.find_routes(ty, from)))
    }

    /// Returns the route to a site.
    pub fn route_to(&self, ty: TypeId, from: SubgraphIndex, to: Site) -> Option<&Route> {
        self.routes(ty, from).iter().find(|route| route.to == to)
    }

    fn subgraph_type(&self, site: Site) -> Option<&SubgraphType> {
        self.types[site.ty.0].in_subgraphs.get(site.subgraph)?.as_ref()
    }
}
