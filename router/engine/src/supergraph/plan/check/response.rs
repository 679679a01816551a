//! The response to a fetch as a symbolic tree. On the way, the fetch's document is checked against its subgraph.

use apollo_compiler::Node;
use apollo_compiler::ast::InputValueDefinition;
use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql_value::Value;

use super::facts::{FieldFacts, SupergraphFacts, TypeFacts};
use super::fault::{PlanFault, PlanFaultKind, invalid};
use super::representation;
use super::tree::{FieldValue, NodeId, SymbolicTree, TYPENAME};
use super::type_set::TypeSet;
use super::variables::DocumentVariables;

/// The most levels of selections in a document. The operation limits allow fewer.
const LEVELS_MAX: usize = 200;

/// Walks the document of a fetch, and writes the tree of its response.
pub struct ResponseBuilder<'a, 't> {
    /// The facts of the supergraph.
    pub facts: &'a SupergraphFacts,
    /// The subgraph of the fetch.
    pub graph: usize,
    /// The document.
    pub document: &'a ExecutableDocument,
    /// The variables of the document.
    pub variables: &'t mut DocumentVariables<'a>,
    /// The number of the step.
    pub step: usize,
    /// The trees of the plan.
    pub tree: &'t mut SymbolicTree<'a>,
}

/// The objects that a selection set applies to.
#[derive(Clone)]
pub struct Parent<'a> {
    /// Their type in the subgraph, as GraphQL validates the selection set.
    ty: &'a TypeFacts,
    /// Their object types.
    types: TypeSet,
    /// Fields that the subgraph resolves only at this place: `@provides`, and the insides of keys.
    given: Vec<&'a SelectionSet>,
    /// Their representation, if they are entities at the top of the fetch.
    representation: Option<NodeId>,
    level: usize,
}

impl<'a> Parent<'a> {
    /// The objects at the root of a response.
    pub fn root(ty: &'a TypeFacts, types: TypeSet) -> Self {
        Self {
            ty,
            types,
            given: Vec::new(),
            representation: None,
            level: 0,
        }
    }
}

impl<'a> ResponseBuilder<'a, '_> {
    /// Writes the selections on the entities of a representation. `typename` is their type in the representation if it
    /// is an interface, otherwise each entity has its own type.
    pub fn entities(
        &mut self,
        set: &'a SelectionSet,
        typename: Option<&'a str>,
        types: &TypeSet,
        representation: NodeId,
        response: NodeId,
    ) -> Result<(), PlanFault> {
        let interface = typename.and_then(|ty| self.facts.ty(ty));
        let is_object = interface.is_some_and(|ty| ty.is_object_in(self.graph));
        for item in &set.items {
            let (condition, inner) = match &item.node {
                Selection::Field(field) if field.node.name.node == TYPENAME && field.node.alias.is_none() => {
                    let field = FieldValue::typename(typename.filter(|_| is_object));
                    self.tree.write(response, TYPENAME, types, &field, None, self.step)?;
                    continue;
                }
                Selection::Field(_) => return Err(invalid("a field of an unknown entity")),
                fragment => self.fragment(fragment)?,
            };
            let condition = condition.ok_or_else(|| invalid("a fragment on any entity"))?;
            let unknown = || PlanFaultKind::Unknown(condition.to_owned());
            let ty = self.facts.ty(condition).ok_or_else(unknown)?;
            let in_graph = ty.in_graph(self.graph).ok_or_else(unknown)?;
            let applies = if is_object {
                Some(condition) == typename
            } else {
                !in_graph.is_interface_object
            };
            let parent = Parent {
                representation: Some(representation),
                ..Parent::root(ty, types.intersection(&in_graph.possible))
            };
            if applies {
                self.selections(inner, &parent, response)?;
            }
        }
        Ok(())
    }

    /// Writes the selections on objects.
    pub fn selections(&mut self, set: &'a SelectionSet, parent: &Parent<'a>, node: NodeId) -> Result<(), PlanFault> {
        if parent.level > LEVELS_MAX {
            return Err(PlanFaultKind::TooLarge.into());
        }
        for item in &set.items {
            if let Selection::Field(field) = &item.node {
                let key = field.node.response_key().node.as_str();
                self.field(&field.node, parent, node)
                    .map_err(|fault| fault.below(key))?;
                continue;
            }
            let (condition, inner) = self.fragment(&item.node)?;
            let narrowed = self.narrow(parent, condition)?;
            self.selections(inner, &narrowed, node)?;
        }
        Ok(())
    }

    /// Returns the type condition and the selections of a fragment.
    fn fragment(&self, item: &'a Selection) -> Result<(Option<&'a str>, &'a SelectionSet), PlanFault> {
        let is_plain = match item {
            Selection::Field(_) => false,
            Selection::InlineFragment(inline) => inline.node.directives.is_empty(),
            Selection::FragmentSpread(spread) => spread.node.directives.is_empty(),
        };
        match item {
            Selection::InlineFragment(inline) if is_plain => {
                let condition = inline.node.type_condition.as_ref();
                Ok((
                    condition.map(|condition| condition.node.on.node.as_str()),
                    &inline.node.selection_set.node,
                ))
            }
            Selection::FragmentSpread(spread) if is_plain => {
                let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                let fragment = &fragment.ok_or_else(|| invalid("an unknown fragment"))?.node;
                Ok((
                    Some(fragment.type_condition.node.on.node.as_str()),
                    &fragment.selection_set.node,
                ))
            }
            _ => Err(invalid("a selection with a directive")),
        }
    }

    /// Returns the objects that a fragment applies to.
    fn narrow(&self, parent: &Parent<'a>, condition: Option<&str>) -> Result<Parent<'a>, PlanFault> {
        let mut narrowed = parent.clone();
        narrowed.level += 1;
        let Some(condition) = condition.filter(|condition| *condition != parent.ty.name) else {
            return Ok(narrowed);
        };
        let unknown = || PlanFaultKind::Unknown(condition.to_owned());
        narrowed.ty = self.facts.ty(condition).ok_or_else(unknown)?;
        let wanted = narrowed.ty.in_graph(self.graph).ok_or_else(unknown)?;
        let known = parent.ty.in_graph(self.graph).ok_or_else(unknown)?;
        // To the subgraph, an interface object is an object of exactly this type.
        let is_possible = !wanted.is_interface_object && !known.is_interface_object;
        if !is_possible || !known.possible.intersects(&wanted.possible) {
            let why = format!("no {} is a {condition}", parent.ty.name);
            return Err(PlanFaultKind::InvalidDocument(why).into());
        }
        narrowed.types = parent.types.intersection(&wanted.possible);
        Ok(narrowed)
    }

    fn field(&mut self, field: &'a Field, parent: &Parent<'a>, node: NodeId) -> Result<(), PlanFault> {
        let key = field.response_key().node.as_str();
        let name = field.name.node.as_str();
        if !field.directives.is_empty() {
            return Err(invalid("a selection with a directive"));
        }
        if name == TYPENAME {
            let interface = Some(parent.ty).filter(|ty| ty.is_object_in(self.graph));
            let constant = interface.map(|ty| ty.name.as_str());
            let value = FieldValue::typename(constant);
            self.tree.write(node, key, &parent.types, &value, None, self.step)?;
            return Ok(());
        }
        let unknown = || PlanFaultKind::Unknown(format!("{}.{name}", parent.ty.name));
        let definition = parent.ty.field(name).ok_or_else(unknown)?;
        let in_graph = definition.in_graph(self.graph).ok_or_else(unknown)?;
        let given_below = self.check_resolvable(parent, name)?;
        let value = FieldValue {
            name,
            arguments: self.arguments(field, definition)?,
            constant: None,
        };
        let returned = in_graph.ty.inner_named_type().as_str();
        let ty = self.facts.ty(returned);
        let set = &field.selection_set.node;
        if ty.is_some() == set.items.is_empty() {
            return Err(invalid("a leaf with selections, or an object without"));
        }
        let Some(ty) = ty else {
            self.tree.write(node, key, &parent.types, &value, None, self.step)?;
            return Ok(());
        };
        let unknown = || PlanFaultKind::Unknown(returned.to_owned());
        let returned = ty.in_graph(self.graph).ok_or_else(unknown)?;
        let child = Parent {
            ty,
            types: returned.possible.clone(),
            given: given_below,
            representation: None,
            level: parent.level + 1,
        };
        let children = self
            .tree
            .write(node, key, &parent.types, &value, Some(&child.types), self.step)?;
        for node in &children {
            self.selections(set, &child, *node)?;
        }
        if children.is_empty() {
            // The objects cannot occur here, but their selections must be valid.
            let node = self.tree.add_node(child.types.clone())?;
            self.selections(set, &child, node)?;
        }
        Ok(())
    }

    /// Checks that the subgraph may resolve a field of these objects, whichever types they have. Returns the fields that
    /// it resolves only below this one.
    fn check_resolvable(&self, parent: &Parent<'a>, name: &'a str) -> Result<Vec<&'a SelectionSet>, PlanFault> {
        let mut below = Vec::new();
        // An interface object resolves the interface's field for objects of all types.
        if parent.ty.is_object_in(self.graph) {
            self.check_resolvable_of(parent, parent.ty, &parent.types, name, &mut below)?;
        } else {
            for (ty, only) in self.facts.objects(&parent.types) {
                self.check_resolvable_of(parent, ty, &only, name, &mut below)?;
            }
        }
        Ok(below)
    }

    fn check_resolvable_of(
        &self,
        parent: &Parent<'a>,
        ty: &'a TypeFacts,
        types: &TypeSet,
        name: &'a str,
        below: &mut Vec<&'a SelectionSet>,
    ) -> Result<(), PlanFault> {
        let field = || format!("{}.{name}", ty.name);
        let in_graph = ty.field(name).and_then(|field| field.in_graph(self.graph));
        let in_graph = in_graph.ok_or_else(|| PlanFaultKind::Unknown(field()))?;
        let keys = ty.in_graph(self.graph).map_or(&[][..], |known| &known.keys);
        let given = parent.given.iter().copied().chain(keys.iter().map(|key| &key.fields));
        let mut is_given = false;
        for set in given {
            is_given |= self.find_given(set, types, name, below);
        }
        if !in_graph.is_resolvable && !is_given {
            return Err(PlanFaultKind::NotResolvable(field()).into());
        }
        below.extend(&in_graph.provides);
        let Some(requires) = &in_graph.requires else {
            return Ok(());
        };
        // Only a representation carries the required values to the subgraph.
        let Some(representation) = parent.representation else {
            return Err(PlanFaultKind::NoRequirement(field()).into());
        };
        if representation::covers(self.facts, self.tree, representation, ty, types, requires) {
            Ok(())
        } else {
            Err(PlanFaultKind::NoRequirement(field()).into())
        }
    }

    /// Whether a set of given fields has a field of these types. Adds the given fields below it.
    fn find_given(
        &self,
        set: &'a SelectionSet,
        types: &TypeSet,
        name: &str,
        below: &mut Vec<&'a SelectionSet>,
    ) -> bool {
        let mut is_given = false;
        for item in &set.items {
            match &item.node {
                Selection::Field(field) if field.node.name.node == name => {
                    is_given = true;
                    if !field.node.selection_set.node.items.is_empty() {
                        below.push(&field.node.selection_set.node);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let condition = condition.map(|condition| condition.node.on.node.as_str());
                    let applies = condition.is_none_or(|condition| {
                        self.facts.ty(condition).is_some_and(|ty| types.is_subset(&ty.possible))
                    });
                    is_given |= applies && self.find_given(&inline.node.selection_set.node, types, name, below);
                }
                _ => {}
            }
        }
        is_given
    }

    /// Returns the arguments of a field, sorted by name.
    fn arguments(
        &mut self,
        field: &'a Field,
        definition: &'a FieldFacts,
    ) -> Result<Vec<(&'a str, &'a Value)>, PlanFault> {
        let mut arguments = Vec::with_capacity(field.arguments.len());
        for (name, value) in &field.arguments {
            let (name, value) = (name.node.as_str(), &value.node);
            let argument = definition.arguments.iter().find(|argument| argument.name == name);
            let argument = argument.ok_or_else(|| invalid("an unknown argument"))?;
            self.variables.note(value, Some(&argument.ty))?;
            arguments.push((name, value));
        }
        let is_missing = |argument: &Node<InputValueDefinition>| {
            argument.is_required() && !arguments.iter().any(|(name, _)| *name == argument.name.as_str())
        };
        if definition.arguments.iter().any(is_missing) {
            return Err(invalid("a required argument is missing"));
        }
        arguments.sort_unstable_by_key(|(name, _)| *name);
        Ok(arguments)
    }
}
