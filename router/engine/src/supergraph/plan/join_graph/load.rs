//! Reads the join graph from the directives of a supergraph.

use std::sync::OnceLock;

use apollo_compiler::Name;
use apollo_compiler::ast::{Definition, DirectiveList, Document, FieldDefinition, OperationType};

use super::directives::{Graphs, flag, is_chosen, is_resolvable, joins, text};
use super::unsupported::require_supported;
use super::{
    EntityKey, FieldSet, FieldSetItem, JoinGraph, JoinType, Site, SubgraphField, SubgraphIndex, SubgraphType, TypeId,
};
use crate::supergraph::error::SupergraphError;
use crate::supergraph::schema::root_type;

/// A definition of an object type, an interface or a union.
struct Composite<'d> {
    name: &'d Name,
    directives: &'d DirectiveList,
    interfaces: &'d [Name],
    fields: &'d [apollo_compiler::Node<FieldDefinition>],
    members: &'d [Name],
    is_object: bool,
}

impl JoinGraph {
    /// Reads a supergraph.
    ///
    /// # Errors
    /// When it is not a composed supergraph, or uses a feature that is not supported.
    pub fn load(supergraph: &Document) -> Result<Self, SupergraphError> {
        require_supported(supergraph)?;
        let graphs = Graphs::of(supergraph);
        if graphs.names.is_empty() {
            return Err(SupergraphError::Schema("it names no subgraphs".into()));
        }
        let composites: Vec<_> = supergraph.definitions.iter().filter_map(composite).collect();
        let mut graph = Self {
            subgraphs: graphs.names.iter().map(|name| name.as_str().into()).collect(),
            by_name: composites
                .iter()
                .enumerate()
                .map(|(index, composite)| (composite.name.clone(), TypeId(index)))
                .collect(),
            ..Self::default()
        };
        for composite in &composites {
            let read = graph.read_type(&graphs, composite)?;
            graph.types.push(read);
        }
        let root = |kind| graph.type_id(&root_type(supergraph, kind));
        let roots = [
            OperationType::Query,
            OperationType::Mutation,
            OperationType::Subscription,
        ]
        .map(root);
        graph.query = roots[0];
        graph.add_members(&graphs, &composites)?;
        graph.mark_keys();
        graph.add_roots(roots.into_iter().flatten());
        Ok(graph)
    }

    fn read_type(&self, graphs: &Graphs, composite: &Composite<'_>) -> Result<JoinType, SupergraphError> {
        let mut in_subgraphs: Vec<Option<SubgraphType>> = Vec::new();
        in_subgraphs.resize_with(graphs.names.len(), || None);
        for join in joins(composite.directives, "join__type") {
            let known = in_subgraphs[graphs.required(join)?].get_or_insert_default();
            known.is_interface_object |= flag(join, "isInterfaceObject");
            if let Some(key) = text(join, "key") {
                known.keys.push(EntityKey {
                    fields: FieldSet::parse(key)?,
                    is_resolvable: join.specified_argument_by_name("resolvable").is_none() || flag(join, "resolvable"),
                });
            }
        }
        for field in composite.fields {
            for (subgraph, read) in self.read_field(graphs, field, &in_subgraphs)? {
                if let Some(ty) = &mut in_subgraphs[subgraph] {
                    ty.fields.insert(field.name.clone(), read);
                }
            }
        }
        for join in joins(composite.directives, "join__unionMember") {
            let member = text(join, "member").and_then(|member| self.type_id(member));
            if let (Some(member), Some(ty)) = (member, &mut in_subgraphs[graphs.required(join)?]) {
                ty.members.push(member);
            }
        }
        let ids = |names: &[Name]| names.iter().filter_map(|name| self.type_id(name)).collect();
        Ok(JoinType {
            name: composite.name.clone(),
            is_object: composite.is_object,
            members: ids(composite.members),
            interfaces: ids(composite.interfaces),
            routes: in_subgraphs.iter().map(|_| OnceLock::new()).collect(),
            in_subgraphs,
        })
    }

    /// Reads a field for each subgraph that defines it.
    fn read_field(
        &self,
        graphs: &Graphs,
        field: &FieldDefinition,
        in_subgraphs: &[Option<SubgraphType>],
    ) -> Result<Vec<(SubgraphIndex, SubgraphField)>, SupergraphError> {
        let joins: Vec<_> = joins(&field.directives, "join__field").collect();
        if joins.is_empty() {
            let known = in_subgraphs.iter().enumerate().filter(|(_, ty)| ty.is_some());
            return Ok(known.map(|(subgraph, _)| (subgraph, self.plain_field(field))).collect());
        }
        let overridden: Vec<_> = joins
            .iter()
            .filter(|join| is_chosen(join))
            .filter_map(|join| text(join, "override"))
            .filter_map(|name| graphs.named(name))
            .collect();
        let mut read = Vec::with_capacity(joins.len());
        for join in joins {
            // The composition writes a `@join__field` without a graph for a field that only interface objects resolve.
            let Some(subgraph) = graphs.of_join(join) else { continue };
            let field_set = |argument| text(join, argument).map(FieldSet::parse).transpose();
            let mut field = self.plain_field(field);
            if let Some(ty) = text(join, "type") {
                field.ty = apollo_compiler::ast::Type::parse(ty, "type.graphql")
                    .map_err(|_| SupergraphError::Schema(format!("\"{ty}\" is not a type")))?;
                field.object_type = self.type_id(field.ty.inner_named_type());
            }
            field.requires = field_set("requires")?;
            field.provides = field_set("provides")?;
            field.is_resolvable = is_resolvable(join) && !overridden.contains(&subgraph);
            field.is_external = flag(join, "external");
            read.push((subgraph, field));
        }
        Ok(read)
    }

    fn plain_field(&self, field: &FieldDefinition) -> SubgraphField {
        SubgraphField {
            ty: field.ty.clone(),
            object_type: self.type_id(field.ty.inner_named_type()),
            requires: None,
            provides: None,
            is_resolvable: true,
            is_external: false,
            is_key: false,
        }
    }

    /// Adds the object types of each interface, in all subgraphs and in each one.
    fn add_members(&mut self, graphs: &Graphs, composites: &[Composite<'_>]) -> Result<(), SupergraphError> {
        for (index, composite) in composites
            .iter()
            .enumerate()
            .filter(|(_, composite)| composite.is_object)
        {
            for interface in self.types[index].interfaces.clone() {
                self.types[interface.0].members.push(TypeId(index));
            }
            for join in joins(composite.directives, "join__implements") {
                let interface = text(join, "interface").and_then(|name| self.type_id(name));
                let subgraph = graphs.required(join)?;
                if let Some(interface) = interface
                    && let Some(ty) = &mut self.types[interface.0].in_subgraphs[subgraph]
                {
                    ty.members.push(TypeId(index));
                }
            }
        }
        Ok(())
    }

    /// Marks the fields of keys: their subgraph knows them, even if they are external.
    fn mark_keys(&mut self) {
        for index in 0..self.types.len() {
            for subgraph in 0..self.subgraphs.len() {
                let Some(ty) = &self.types[index].in_subgraphs[subgraph] else {
                    continue;
                };
                let keys: Vec<_> = ty.keys.iter().flat_map(|key| key.fields.items.clone()).collect();
                self.mark_key(
                    Site {
                        subgraph,
                        ty: TypeId(index),
                    },
                    &keys,
                );
            }
        }
    }

    fn mark_key(&mut self, site: Site, items: &[FieldSetItem]) {
        for item in items {
            match item {
                FieldSetItem::On(ty, inner) => {
                    if let Some(ty) = self.type_id(ty) {
                        self.mark_key(Site { ty, ..site }, &inner.items);
                    }
                }
                FieldSetItem::Field { name, inner, .. } => {
                    let ty = self.types[site.ty.0].in_subgraphs[site.subgraph].as_mut();
                    let Some(field) = ty.and_then(|ty| ty.fields.get_mut(name)) else {
                        continue;
                    };
                    field.is_key = true;
                    field.is_resolvable |= field.is_external;
                    if let Some(ty) = field.object_type {
                        self.mark_key(Site { ty, ..site }, &inner.items);
                    }
                }
            }
        }
    }
}

fn composite(definition: &Definition) -> Option<Composite<'_>> {
    Some(match definition {
        Definition::ObjectTypeDefinition(object) => Composite {
            name: &object.name,
            directives: &object.directives,
            interfaces: &object.implements_interfaces,
            fields: &object.fields,
            members: &[],
            is_object: true,
        },
        Definition::InterfaceTypeDefinition(interface) => Composite {
            name: &interface.name,
            directives: &interface.directives,
            interfaces: &interface.implements_interfaces,
            fields: &interface.fields,
            members: &[],
            is_object: false,
        },
        Definition::UnionTypeDefinition(union) => Composite {
            name: &union.name,
            directives: &union.directives,
            interfaces: &[],
            fields: &[],
            members: &union.members,
            is_object: false,
        },
        _ => return None,
    })
}
