//! Fetches of entities: all entities that one subgraph looks up at one stage are requested at once.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use apollo_compiler::ast::OperationType;
use async_graphql::Name;

use super::super::document::{FieldSelection, SelectionSet, TYPENAME};
use super::super::fetch_graph::{EntityEntry, PathStep};
use super::super::join_graph::{Site, SubgraphIndex, TypeId};
use super::super::model::{
    CachePolicy, EntityBatch, PlanStep, RequiredSelection, Rewrite, RewriteAction, RewritePathSegment, TrackedObject,
};
use super::super::response_shapes::separate_shapes;
use super::super::selections::ArgumentValue;
use super::super::text::{spaced, write_path, write_required};
use super::{StepBuilder, fetch_key};
use crate::supergraph::arguments::Arguments;
use crate::supergraph::request_error::RequestError;

/// The entities of one type in a request, at all places that need the same fields of them.
pub struct BatchDraft {
    ty: TypeId,
    /// The types of the objects in the answer; empty if they are not known yet.
    object_types: BTreeSet<TypeId>,
    required: Vec<RequiredSelection>,
    set: SelectionSet,
    paths: Vec<Vec<PathStep>>,
    /// The text that drafts have in common if one batch serves both.
    identity: String,
}

impl BatchDraft {
    /// A batch for one place.
    pub fn new(entry: EntityEntry, path: Vec<PathStep>, set: SelectionSet, arguments: &Arguments) -> Self {
        let mut identity = format!("{:?} {} ", entry.ty, entry.object_type.is_some());
        write_required(&mut identity, &entry.required);
        set.write(&mut identity, arguments);
        Self {
            ty: entry.ty,
            object_types: entry.object_type.into_iter().collect(),
            required: entry.required,
            set,
            paths: vec![path],
            identity,
        }
    }

    /// Adds it to the batches of a request.
    pub fn merge_into(self, drafts: &mut Vec<Self>) {
        match drafts.iter_mut().find(|draft| draft.identity == self.identity) {
            None => drafts.push(self),
            Some(known) => {
                known.object_types.extend(self.object_types);
                known.paths.extend(self.paths);
            }
        }
    }
}

/// A batch of a request: its draft, its keys and its caching.
struct RequestBatch {
    draft: BatchDraft,
    key: Name,
    variable: Name,
    output_rewrites: Vec<Rewrite>,
    /// The keys of the draft before its shapes were separated.
    selected: Arc<[Name]>,
    dependencies: Option<TrackedObject>,
    text: String,
}

impl StepBuilder<'_> {
    /// Builds the request for entities of one subgraph.
    pub(super) fn fetch_of_entities(
        &self,
        subgraph: SubgraphIndex,
        drafts: Vec<BatchDraft>,
    ) -> Result<PlanStep, RequestError> {
        let is_only = drafts.len() == 1;
        let numbered = drafts.into_iter().enumerate();
        let mut batches: Vec<_> = numbered
            .map(|(index, draft)| {
                let number = if is_only { String::new() } else { index.to_string() };
                self.request_batch(subgraph, draft, &number)
            })
            .collect();
        self.track_entities(subgraph, &mut batches);
        let set = SelectionSet {
            fields: batches.iter().map(|batch| self.entities_field(batch)).collect(),
            fragments: Vec::new(),
        };
        let variables: Vec<_> = batches.iter().map(|batch| batch.variable.clone()).collect();
        let mut fetch = self.request(subgraph, OperationType::Query, &set, &variables)?;
        fetch.is_anonymous = batches.iter().all(|batch| batch.dependencies.is_some());
        let texts: Vec<_> = batches.iter().map(|batch| batch.text.as_str()).collect();
        fetch.text = texts.join("\n");
        let batches = batches.into_iter().map(|batch| {
            let key = fetch_key(&fetch, Some(batch.key.clone()));
            let cache_policy = batch.dependencies.map(|dependencies| CachePolicy {
                fetch_key: Arc::new(key),
                dependencies,
            });
            EntityBatch {
                key: batch.key,
                variable: batch.variable,
                paths: batch.draft.paths.iter().map(|path| self.flatten_path(path)).collect(),
                input_rewrites: self.input_rewrites(&batch.draft),
                output_rewrites: batch.output_rewrites,
                required: self.representation(batch.draft),
                selected: batch.selected,
                cache_policy,
            }
        });
        let batches = batches.collect();
        Ok(PlanStep::Entities(fetch, batches))
    }

    fn request_batch(&self, subgraph: SubgraphIndex, mut draft: BatchDraft, number: &str) -> RequestBatch {
        let selected = draft
            .set
            .keys()
            .into_iter()
            .map(|key| Name::new(key.as_str()))
            .collect();
        let output_rewrites = separate_shapes(&mut draft.set);
        let text = self.batch_text(&draft);
        self.add_typename(subgraph, &mut draft);
        RequestBatch {
            draft,
            key: match number {
                "" => Name::new("_entities"),
                _ => Name::new(format!("_e{number}")),
            },
            variable: Name::new(format!("representations{number}")),
            output_rewrites,
            selected,
            dependencies: None,
            text,
        }
    }

    /// Finds the entities that the batches depend on, if all of them are cacheable: one that depends on the caller makes the
    /// whole fetch depend on the caller.
    fn track_entities(&self, subgraph: SubgraphIndex, batches: &mut [RequestBatch]) {
        let name = &self.graph.subgraphs()[subgraph];
        let is_entity = |batch: &RequestBatch| self.cacheable.is_entity(name, self.graph.name(batch.draft.ty));
        if !batches.iter().all(is_entity) {
            return;
        }
        let tracked = batches.iter().map(|batch| {
            let mut set = batch.draft.set.clone();
            let entities = self
                .cacheable
                .entities(name, self.graph.name(batch.draft.ty), &mut set)?;
            Some((set, entities))
        });
        let Some(tracked) = tracked.collect::<Option<Vec<_>>>() else {
            return;
        };
        for (batch, (set, entities)) in batches.iter_mut().zip(tracked) {
            batch.draft.set = set;
            batch.dependencies = Some(entities);
        }
    }

    /// Selects the type of each entity: async-graphql answers null for an object all of whose fields failed, and that must
    /// not look like an entity that does not exist. An interface object reports its interface, which answers do not show.
    fn add_typename(&self, subgraph: SubgraphIndex, draft: &mut BatchDraft) {
        let site = Site { subgraph, ty: draft.ty };
        let key = if self.graph.is_interface_object(site) {
            self.typename_alias.clone()
        } else {
            TYPENAME
        };
        if draft.set.fields.iter().all(|field| field.key != key) {
            draft.set.fields.insert(0, FieldSelection::typename(key));
        }
    }

    fn entities_field(&self, batch: &RequestBatch) -> FieldSelection {
        let variable = ArgumentValue::Representations(apollo_name(&batch.variable));
        FieldSelection {
            key: apollo_name(&batch.key),
            name: apollo_compiler::name!("_entities"),
            arguments: vec![(apollo_compiler::name!("representations"), variable)],
            ty: None,
            inner: SelectionSet {
                fields: Vec::new(),
                fragments: vec![(self.graph.name(batch.draft.ty).clone(), batch.draft.set.clone())],
            },
        }
    }

    /// An interface object is looked up by the name of its interface.
    fn input_rewrites(&self, draft: &BatchDraft) -> Vec<Rewrite> {
        if draft.object_types.contains(&draft.ty) {
            return Vec::new();
        }
        vec![Rewrite {
            at: vec![RewritePathSegment::Key(Name::new(TYPENAME))],
            action: RewriteAction::Set(self.graph.name(draft.ty).to_string()),
        }]
    }

    fn representation(&self, draft: BatchDraft) -> Vec<RequiredSelection> {
        if draft.object_types.is_empty() {
            return draft.required;
        }
        let typename = RequiredSelection::Field {
            key: Name::new(TYPENAME),
            name: Name::new(TYPENAME),
            inner: Vec::new(),
        };
        let types = draft.object_types.iter();
        let types: HashSet<_> = types.map(|ty| self.graph.name(*ty).to_string()).collect();
        let fields = std::iter::once(typename).chain(draft.required).collect();
        vec![RequiredSelection::On(types, fields)]
    }

    fn batch_text(&self, draft: &BatchDraft) -> String {
        let types = draft.object_types.iter().map(|ty| self.graph.name(*ty).as_str());
        let mut types: Vec<_> = types.collect();
        if types.is_empty() {
            types.push(self.graph.name(draft.ty));
        }
        let mut text = types.join("|");
        text.push('(');
        write_required(&mut text, &draft.required);
        text.push_str(") => ");
        let mut selected = String::new();
        draft.set.write(&mut selected, self.arguments);
        text.push_str(&spaced(&selected));
        for (index, path) in draft.paths.iter().enumerate() {
            text.push_str(if index == 0 { "   at " } else { ", " });
            write_path(&mut text, path, self.graph);
        }
        text
    }
}

fn apollo_name(name: &Name) -> apollo_compiler::Name {
    apollo_compiler::Name::new_unchecked(name)
}
