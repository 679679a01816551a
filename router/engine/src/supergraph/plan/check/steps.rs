//! The symbolic execution of a plan: each fetch is checked, and its response is merged into the tree of the data.

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
};
use async_graphql_value::Value;

use super::facts::{SupergraphFacts, TypeFacts};
use super::fault::{PlanFault, PlanFaultKind, invalid};
use super::representation;
use super::response::{Parent, ResponseBuilder};
use super::rewrite::rewrite;
use super::tree::{NodeId, SymbolicTree, TYPENAME};
use super::type_set::TypeSet;
use super::variables::DocumentVariables;
use crate::subgraph::RequestDocument;
use crate::supergraph::arguments::Arguments;
use crate::supergraph::plan::model::{EntityBatch, Fetch, FlattenPathSegment, PlanStep, TrackedField, TrackedObject};

/// A symbolic execution.
pub struct SymbolicExecution<'a> {
    facts: &'a SupergraphFacts,
    /// The root type of the operation, and the operation type of its documents.
    root_type: &'a str,
    kind: OperationType,
    arguments: &'a Arguments,
    /// The trees.
    pub tree: SymbolicTree<'a>,
    /// The root of the data.
    pub root: NodeId,
    /// The number of the last fetch.
    steps: usize,
}

impl<'a> SymbolicExecution<'a> {
    /// An execution that has not begun.
    pub fn new(
        facts: &'a SupergraphFacts,
        root_type: &'a str,
        kind: OperationType,
        arguments: &'a Arguments,
    ) -> Result<Self, PlanFault> {
        let mut tree = SymbolicTree::default();
        Ok(Self {
            facts,
            root_type,
            kind,
            arguments,
            root: tree.add_node(facts.only(root_type))?,
            tree,
            steps: 0,
        })
    }

    /// Executes a step.
    pub fn run(&mut self, step: &'a PlanStep) -> Result<(), PlanFault> {
        match step {
            PlanStep::Sequence(steps) => steps.iter().try_for_each(|step| self.run(step)),
            PlanStep::Serial(roots) => roots.iter().try_for_each(|root| self.run(&root.step)),
            PlanStep::Parallel(steps) => self.run_parallel(steps),
            PlanStep::Fetch(fetch) => self.fetch_root(fetch).map_err(|fault| of_fetch(fault, fetch)),
            PlanStep::Nested(place, fetch) => {
                let fetched = self.fetch_nested(place, fetch);
                fetched.map_err(|fault| of_fetch(fault, fetch))
            }
            PlanStep::Entities(fetch, batches) => {
                let fetched = self.fetch_entities(fetch, batches);
                fetched.map_err(|fault| of_fetch(fault, fetch))
            }
        }
    }

    /// Executes steps that do not see each other's writes.
    fn run_parallel(&mut self, steps: &'a [PlanStep]) -> Result<(), PlanFault> {
        let first = self.steps + 1;
        for step in steps {
            self.tree.concurrent.push(first..self.steps + 1);
            self.run(step)?;
            self.tree.concurrent.pop();
        }
        Ok(())
    }

    /// Executes a fetch of root fields.
    pub fn fetch_root(&mut self, fetch: &'a Fetch) -> Result<(), PlanFault> {
        let root_type = (self.root_type, self.kind);
        let response = self.root_response(fetch, root_type)?;
        let types = self.tree.types(self.root).clone();
        self.tree.merge(response, self.root, &types)
    }

    fn fetch_nested(&mut self, place: &'a [FlattenPathSegment], fetch: &'a Fetch) -> Result<(), PlanFault> {
        let response = self.root_response(fetch, (&self.facts.query, OperationType::Query))?;
        let query = self.facts.only(&self.facts.query);
        for (node, types) in self.places(place)? {
            if !types.is_subset(&query) {
                return Err(invalid("root fields for an object of another type"));
            }
            let response = self.tree.copy(response)?;
            self.tree.merge(response, node, &types)?;
        }
        Ok(())
    }

    /// Returns the response to a fetch of root fields.
    fn root_response(
        &mut self,
        fetch: &'a Fetch,
        (root_type, kind): (&'a str, OperationType),
    ) -> Result<NodeId, PlanFault> {
        let (document, operation) = self.begin(fetch, kind)?;
        let mut variables = DocumentVariables::declared(operation);
        let ty = self
            .facts
            .ty(root_type)
            .ok_or_else(|| PlanFaultKind::Unknown(root_type.to_owned()))?;
        let types = self.facts.only(root_type);
        let response = self.tree.add_node(types.clone())?;
        let mut builder = self.response_builder(fetch, document, &mut variables);
        builder.selections(&operation.selection_set.node, &Parent::root(ty, types), response)?;
        variables.check(self.arguments, &fetch.variables, &[])?;
        for dependency in fetch.cache_policy.iter().flat_map(|policy| &policy.dependencies) {
            self.mark_tracked_field(response, dependency);
        }
        rewrite(self.facts, &mut self.tree, response, &fetch.rewrites)?;
        Ok(response)
    }

    fn response_builder<'t>(
        &'t mut self,
        fetch: &Fetch,
        document: &'a ExecutableDocument,
        variables: &'t mut DocumentVariables<'a>,
    ) -> ResponseBuilder<'a, 't> {
        ResponseBuilder {
            facts: self.facts,
            graph: fetch.subgraph,
            document,
            variables,
            step: self.steps,
            tree: &mut self.tree,
        }
    }

    /// Begins the step of a fetch. Returns its document and the only operation in it.
    fn begin(
        &mut self,
        fetch: &'a Fetch,
        kind: OperationType,
    ) -> Result<(&'a ExecutableDocument, &'a OperationDefinition), PlanFault> {
        self.steps += 1;
        if self.facts.graphs.get(fetch.subgraph).map(String::as_str) != Some(&*fetch.name) {
            return Err(PlanFaultKind::WrongSubgraph(fetch.name.to_string()).into());
        }
        let RequestDocument::Parsed { tree, .. } = &fetch.document else {
            return Err(invalid("it is not parsed"));
        };
        let DocumentOperations::Single(operation) = &tree.operations else {
            return Err(invalid("it does not have exactly one operation"));
        };
        let operation = &operation.node;
        if operation.ty != kind || !operation.directives.is_empty() {
            return Err(invalid("it has another kind of operation, or directives"));
        }
        Ok((tree, operation))
    }

    fn fetch_entities(&mut self, fetch: &'a Fetch, batches: &'a [EntityBatch]) -> Result<(), PlanFault> {
        let (document, operation) = self.begin(fetch, OperationType::Query)?;
        let mut variables = DocumentVariables::declared(operation);
        let items = &operation.selection_set.node.items;
        if items.len() != batches.len() {
            return Err(invalid("it does not have one field for each batch"));
        }
        let step = (fetch, document);
        for batch in batches {
            let shared = batches.iter().find(|other| other.variable == batch.variable);
            if shared.is_some_and(|other| !has_same_representations(other, batch)) {
                return Err(PlanFaultKind::SharedVariable(batch.variable.to_string()).into());
            }
            let field = items.iter().find_map(|item| match &item.node {
                Selection::Field(field) if field.node.response_key().node == batch.key => Some(&field.node),
                _ => None,
            });
            let field = field.ok_or_else(|| invalid("a batch has no field"))?;
            check_entities_field(field, batch)?;
            variables.note(&field.arguments[0].1.node, None)?;
            let merged = self.fetch_batch(step, &mut variables, field, batch);
            merged.map_err(|fault| fault.below(&batch.key))?;
        }
        variables.check(self.arguments, &fetch.variables, batches)
    }

    fn fetch_batch(
        &mut self,
        (fetch, document): (&'a Fetch, &'a ExecutableDocument),
        variables: &mut DocumentVariables<'a>,
        field: &'a Field,
        batch: &'a EntityBatch,
    ) -> Result<(), PlanFault> {
        let mut places = Vec::new();
        for path in &batch.paths {
            places.extend(self.places(path)?);
        }
        for (node, types) in places {
            let Some(representation) = self.representation(fetch, batch, (node, &types))? else {
                continue;
            };
            let types = self.tree.types(representation).clone();
            let response = self.tree.add_node(types.clone())?;
            for (typename, types) in self.typenames(representation) {
                let mut builder = self.response_builder(fetch, document, variables);
                let set = &field.selection_set.node;
                builder.entities(set, typename, &types, representation, response)?;
            }
            if let Some(policy) = &batch.cache_policy {
                self.mark_tracked_object(response, &policy.dependencies);
            }
            rewrite(self.facts, &mut self.tree, response, &batch.output_rewrites)?;
            self.tree.merge(response, node, &types)?;
        }
        Ok(())
    }

    /// Builds the representation of the objects at a place, and checks that the subgraph can resolve them by it. Its types
    /// are those of the objects that it is sent for. Returns `None` if there are none.
    fn representation(
        &mut self,
        fetch: &Fetch,
        batch: &'a EntityBatch,
        (node, types): (NodeId, &TypeSet),
    ) -> Result<Option<NodeId>, PlanFault> {
        let (facts, tree) = (self.facts, &mut self.tree);
        let selected = tree.add_node(types.clone())?;
        representation::select(facts, tree, &batch.required, (node, types), selected)?;
        let mut sent = TypeSet::default();
        tree.all_entries(selected)
            .for_each(|(_, entry)| sent.extend(&entry.types));
        if sent.is_empty() {
            return Ok(None);
        }
        let representation = tree.add_node(sent.clone())?;
        tree.merge(selected, representation, &sent)?;
        rewrite(facts, tree, representation, &batch.input_rewrites)?;
        representation::check_names(tree, representation)?;
        for entry in tree.entries(representation, TYPENAME) {
            sent.remove(&entry.types);
        }
        if let Some(ty) = facts.first_name(&sent) {
            return Err(PlanFaultKind::NotFetchedBefore(format!("{ty}.{TYPENAME}")).into());
        }
        for (typename, types) in self.typenames(representation) {
            match typename {
                Some(typename) => {
                    let ty = self.facts.ty(typename);
                    let ty = ty.ok_or_else(|| PlanFaultKind::Unknown(typename.to_owned()))?;
                    self.check_key(fetch.subgraph, ty, &types, representation)?;
                }
                None => {
                    for (ty, only) in self.facts.objects(&types) {
                        self.check_key(fetch.subgraph, ty, &only, representation)?;
                    }
                }
            }
        }
        Ok(Some(representation))
    }

    /// Returns the types in a representation: an interface with its objects, or `None` with objects that name their own.
    fn typenames(&self, representation: NodeId) -> Vec<(Option<&'a str>, TypeSet)> {
        let entries = self.tree.entries(representation, TYPENAME).iter();
        entries
            .map(|entry| (entry.field.constant, entry.types.clone()))
            .collect()
    }

    /// Checks that a representation has a key by which the subgraph resolves entities of this type.
    fn check_key(
        &self,
        graph: usize,
        ty: &TypeFacts,
        types: &TypeSet,
        representation: NodeId,
    ) -> Result<(), PlanFault> {
        let known = ty
            .in_graph(graph)
            .ok_or_else(|| PlanFaultKind::Unknown(ty.name.clone()))?;
        let mut keys = known.keys.iter().filter(|key| key.is_resolvable);
        let is_covered = types.is_subset(&known.possible)
            && keys.any(|key| representation::covers(self.facts, &self.tree, representation, ty, types, &key.fields));
        if is_covered {
            Ok(())
        } else {
            Err(PlanFaultKind::NoKey(ty.name.clone()).into())
        }
    }

    /// Returns the objects at a place, with the types that the place selects.
    fn places(&mut self, path: &'a [FlattenPathSegment]) -> Result<Vec<(NodeId, TypeSet)>, PlanFault> {
        let mut found = Vec::new();
        let types = self.tree.types(self.root).clone();
        self.visit(self.root, types, path, &mut found)?;
        if found.is_empty() {
            return Err(PlanFaultKind::NoPlace.into());
        }
        Ok(found)
    }

    fn visit(
        &mut self,
        node: NodeId,
        types: TypeSet,
        path: &'a [FlattenPathSegment],
        found: &mut Vec<(NodeId, TypeSet)>,
    ) -> Result<(), PlanFault> {
        match path.split_first() {
            None => found.push((node, types)),
            Some((FlattenPathSegment::Items, rest)) => self.visit(node, types, rest, found)?,
            Some((FlattenPathSegment::Types(names), rest)) => {
                let narrowed = self.tree.with_typename(self.facts, node, &types, names);
                if !narrowed.is_empty() {
                    self.tree.mark_needed(node, TYPENAME, &narrowed);
                    self.visit(node, narrowed, rest, found)?;
                }
            }
            Some((FlattenPathSegment::Key(key), rest)) => {
                for index in self.tree.select(node, key, &types)? {
                    let entry = &self.tree.entries(node, key)[index];
                    if let Some(child) = entry.child.filter(|_| self.tree.is_visible(entry)) {
                        let types = self.tree.types(child).clone();
                        self.visit(child, types, rest, found)
                            .map_err(|fault| fault.below(key))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Marks the ids of the entities that a cached response depends on as needed.
    fn mark_tracked_field(&mut self, node: NodeId, tracked: &TrackedField) {
        let children: Vec<_> = self
            .tree
            .entries(node, &tracked.key)
            .iter()
            .filter_map(|entry| entry.child)
            .collect();
        children
            .into_iter()
            .for_each(|child| self.mark_tracked_object(child, &tracked.object));
    }

    fn mark_tracked_object(&mut self, node: NodeId, tracked: &TrackedObject) {
        if let Some((_, id)) = &tracked.entity {
            let types = self.tree.types(node).clone();
            self.tree.mark_needed(node, id, &types);
        }
        tracked
            .inner
            .iter()
            .for_each(|inner| self.mark_tracked_field(node, inner));
    }
}

fn of_fetch(fault: PlanFault, fetch: &Fetch) -> PlanFault {
    fault.of_fetch(&fetch.name, fetch.document.text())
}

/// Whether the batches send the same representations.
fn has_same_representations(one: &EntityBatch, other: &EntityBatch) -> bool {
    one.paths == other.paths && one.required == other.required && one.input_rewrites == other.input_rewrites
}

fn check_entities_field(field: &Field, batch: &EntityBatch) -> Result<(), PlanFault> {
    let passes_representations = matches!(&field.arguments[..], [(name, value)]
        if name.node == "representations" && matches!(&value.node, Value::Variable(variable) if *variable == batch.variable));
    if field.name.node != "_entities" || !passes_representations || !field.directives.is_empty() {
        return Err(invalid(
            "a batch has a field that is not _entities with its representations",
        ));
    }
    Ok(())
}
