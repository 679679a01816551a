//! Turns fetch groups into the steps of a plan: one request per stage and subgraph.

mod batches;

use std::sync::Arc;

use apollo_compiler::ast::OperationType;
use async_graphql::Name;

use self::batches::BatchDraft;
use super::cacheable::Cacheable;
use super::document::{FieldSelection, SelectionSet, TYPENAME};
use super::executable::{DocumentParts, executable};
use super::fetch_graph::{FetchEntry, FetchGraph, FetchGroup, PathStep, SelectedSet, SetId};
use super::join_graph::{JoinGraph, SubgraphIndex};
use super::model::{CachePolicy, Fetch, Fetches, FlattenPathSegment, PlanStep};
use super::response_shapes::separate_shapes;
use super::text::{spaced, write_path};
use crate::cache::FetchKey;
use crate::subgraph::RequestDocument;
use crate::supergraph::arguments::Arguments;
use crate::supergraph::request_error::RequestError;

/// The facts that the steps of an operation depend on.
pub struct StepBuilder<'a> {
    /// The supergraph.
    pub graph: &'a JoinGraph,
    /// The cacheable fields and entities.
    pub cacheable: &'a Cacheable,
    /// The operation's arguments.
    pub arguments: &'a Arguments,
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// A key for the type of an interface object, which no field has.
    pub typename_alias: &'a apollo_compiler::Name,
}

impl StepBuilder<'_> {
    /// Builds the steps of the fetch groups.
    ///
    /// # Errors
    /// When a constant of the supergraph cannot be represented.
    pub fn fetches(&self, fetch_graph: FetchGraph<'_>) -> Result<Fetches, RequestError> {
        let FetchGraph { groups, sets, .. } = fetch_graph;
        let stages = groups.iter().map(|group| group.stage).max().unwrap_or_default();
        let mut by_stage: Vec<Vec<FetchGroup>> = Vec::new();
        by_stage.resize_with(stages, Vec::new);
        for group in groups {
            let stage = group.stage - 1;
            by_stage[stage].push(group);
        }
        let mut by_stage = by_stage.into_iter();
        let source = match self.kind {
            OperationType::Subscription => by_stage.next().and_then(|mut groups| groups.pop()),
            _ => None,
        };
        let source = source
            .map(|group| self.fetch_of_roots(&group, &sets, self.kind))
            .transpose()?;
        let steps = by_stage
            .map(|groups| self.stage(groups, &sets))
            .collect::<Result<_, _>>()?;
        Ok(Fetches {
            source,
            steps: one_or(steps, PlanStep::Sequence),
        })
    }

    /// Builds the step of the fetches that run at once.
    fn stage(&self, groups: Vec<FetchGroup>, sets: &[SelectedSet]) -> Result<PlanStep, RequestError> {
        let mut steps = Vec::new();
        let mut by_subgraph: Vec<(SubgraphIndex, Vec<BatchDraft>)> = Vec::new();
        for group in groups {
            match group.entry {
                FetchEntry::Root => steps.push(PlanStep::Fetch(self.fetch_of_roots(&group, sets, self.kind)?)),
                FetchEntry::Query => {
                    let mut fetch = self.fetch_of_roots(&group, sets, OperationType::Query)?;
                    fetch.text.push_str("   at ");
                    write_path(&mut fetch.text, &group.path, self.graph);
                    steps.push(PlanStep::Nested(self.flatten_path(&group.path), fetch));
                }
                FetchEntry::Entity(entry) => {
                    let set = self.selection_set(sets, group.set);
                    let draft = BatchDraft::new(entry, group.path, set, self.arguments);
                    match by_subgraph.iter_mut().find(|(subgraph, _)| *subgraph == group.subgraph) {
                        Some((_, drafts)) => draft.merge_into(drafts),
                        None => by_subgraph.push((group.subgraph, vec![draft])),
                    }
                }
            }
        }
        for (subgraph, drafts) in by_subgraph {
            steps.push(self.fetch_of_entities(subgraph, drafts)?);
        }
        Ok(one_or(steps, PlanStep::Parallel))
    }

    fn fetch_of_roots(
        &self,
        group: &FetchGroup,
        sets: &[SelectedSet],
        kind: OperationType,
    ) -> Result<Fetch, RequestError> {
        let mut set = self.selection_set(sets, group.set);
        let rewrites = separate_shapes(&mut set);
        let text = spaced(&self.document_text(kind, &set, &self.variables(&set, &[])));
        let mut dependencies = None;
        if kind == OperationType::Query && self.cacheable.has_tagged_roots(&set) {
            let mut tracked = set.clone();
            dependencies = self
                .cacheable
                .roots(&self.graph.subgraphs()[group.subgraph], &mut tracked);
            if dependencies.is_some() {
                set = tracked;
            }
        }
        let mut fetch = self.request(group.subgraph, kind, &set, &[])?;
        fetch.keys = set.fields.iter().map(|field| field.key.to_string()).collect();
        fetch.rewrites = rewrites;
        fetch.is_anonymous = dependencies.is_some();
        fetch.cache_policy = dependencies.map(|dependencies| CachePolicy {
            fetch_key: Arc::new(fetch_key(&fetch, None)),
            dependencies,
        });
        fetch.text = text;
        Ok(fetch)
    }

    /// Builds the request of a fetch. `representations` are the variables that hold representations.
    fn request(
        &self,
        subgraph: SubgraphIndex,
        kind: OperationType,
        set: &SelectionSet,
        representations: &[Name],
    ) -> Result<Fetch, RequestError> {
        let variables = self.variables(set, representations);
        let text = self.document_text(kind, set, &variables);
        let parts = DocumentParts {
            kind,
            variables: &variables,
            set,
        };
        let Some(tree) = executable(&parts, self.arguments) else {
            tracing::error!(document = text, "the planner wrote an invalid document");
            return Err(RequestError::OperationNotSupported);
        };
        let own = variables
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| !representations.contains(name));
        Ok(Fetch {
            subgraph,
            name: self.graph.subgraphs()[subgraph].clone(),
            document: RequestDocument::Parsed {
                text: text.into(),
                tree: Arc::new(tree),
            },
            variables: own.collect(),
            keys: Vec::new(),
            rewrites: Vec::new(),
            is_anonymous: false,
            cache_policy: None,
            text: String::new(),
        })
    }

    /// Returns the variables of a document with their types.
    fn variables(&self, set: &SelectionSet, representations: &[Name]) -> Vec<(Name, String)> {
        let list = self.arguments.list();
        let mut used = vec![false; list.len()];
        set.mark_variables(&mut used);
        let own = list.iter().zip(used).filter(|(_, used)| *used);
        let own = own.map(|(argument, _)| (argument.name.clone(), argument.ty.to_string()));
        let representations = representations.iter().map(|name| (name.clone(), "[_Any!]!".to_owned()));
        own.chain(representations).collect()
    }

    fn document_text(&self, kind: OperationType, set: &SelectionSet, variables: &[(Name, String)]) -> String {
        let mut text = String::new();
        if kind != OperationType::Query || !variables.is_empty() {
            text.push_str(kind.name());
        }
        if !variables.is_empty() {
            let variables: Vec<_> = variables.iter().map(|(name, ty)| format!("${name}:{ty}")).collect();
            text.push('(');
            text.push_str(&variables.join(", "));
            text.push(')');
        }
        set.write(&mut text, self.arguments);
        text
    }

    /// Returns a selection set of a fetch group. A selection set has to select something.
    fn selection_set(&self, sets: &[SelectedSet], id: SetId) -> SelectionSet {
        let set = &sets[id];
        let mut fields = Vec::with_capacity(set.fields.len() + 1);
        let fragments = set.fragments.iter();
        let fragments: Vec<_> = fragments
            .filter(|(_, inner)| !sets[*inner].fields.is_empty() || !sets[*inner].fragments.is_empty())
            .map(|(ty, inner)| (self.graph.name(*ty).clone(), self.selection_set(sets, *inner)))
            .collect();
        if set.typename || (set.fields.is_empty() && fragments.is_empty()) {
            fields.push(FieldSelection::typename(TYPENAME));
        }
        fields.extend(set.fields.iter().map(|(key, field)| {
            FieldSelection {
                key: key.clone(),
                name: field.name.clone(),
                arguments: field.arguments.clone(),
                ty: Some(field.ty.clone()),
                inner: field
                    .inner
                    .map(|inner| self.selection_set(sets, inner))
                    .unwrap_or_default(),
            }
        }));
        SelectionSet { fields, fragments }
    }

    fn flatten_path(&self, path: &[PathStep]) -> Vec<FlattenPathSegment> {
        let segments = path.iter().map(|step| match step {
            PathStep::Key(key) => FlattenPathSegment::Key(Name::new(key)),
            PathStep::Items => FlattenPathSegment::Items,
            PathStep::Type(ty) => FlattenPathSegment::Types(self.graph.object_names(*ty)),
        });
        segments.collect()
    }
}

fn fetch_key(fetch: &Fetch, key: Option<Name>) -> FetchKey {
    FetchKey::new(
        fetch.subgraph,
        fetch.document.text().clone(),
        key,
        fetch.variables.clone(),
    )
}

fn one_or(mut steps: Vec<PlanStep>, several: impl FnOnce(Vec<PlanStep>) -> PlanStep) -> PlanStep {
    match steps.len() {
        1 => steps.remove(0),
        _ => several(steps),
    }
}
