//! Entities of several subgraphs: building their representations, and merging the responses.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use async_graphql::{PathSegment, Response, ServerError, Value};
use foundation::{AnswerBudget, ErrorCode};

use super::abort::Abort;
use super::attribution::candidates;
use super::execution_state::ExecutionState;
use super::field_errors::{ErrorPaths, FetchError, FieldErrors};
use super::plan::model::{EntityBatch, Fields, RequiredSelection};
use super::tree::{PathSegmentRef, get, merge_into, rewrite, rewrite_path, size_of, typename, visit};
use crate::cache::hash_value;

/// The representations that a fetch sends, per group; each entity appears once.
pub struct RepresentationSets(Vec<RepresentationSet>);

/// Per group and place in the tree, in the tree's order: the index of the requested entity at that place, if any.
pub type Targets = Vec<Vec<Option<usize>>>;

#[derive(Default)]
struct RepresentationSet {
    values: Vec<Value>,
    /// The index of a value by its hash, or by the next number that no other value has.
    by_hash: HashMap<u64, usize>,
    targets: Vec<Option<usize>>,
}

impl RepresentationSets {
    /// Whether there are no entities to fetch.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|batch| batch.values.is_empty())
    }

    /// Returns the representations per group, and the places of the entities.
    pub fn into_parts(self) -> (Vec<Vec<Value>>, Targets) {
        let parts = self.0.into_iter();
        parts.map(|batch| (batch.values, batch.targets)).unzip()
    }
}

/// The entities that are gathered and merged in the time of one unit of a task's budget, about 8 microseconds.
pub const ENTITIES_PER_UNIT: usize = 4;

/// The most representations that are compared with an object before one is built of it: to build one costs as much as
/// some ten comparisons.
const COMPARED_MAX: usize = 8;

impl RepresentationSet {
    /// Returns the index of the representation that would be built of this object, if it is among the first ones.
    fn index_of_entity(&self, batch: &EntityBatch, object: &Fields) -> Option<usize> {
        if !batch.input_rewrites.is_empty() {
            return None;
        }
        let compared = self.values.iter().take(COMPARED_MAX);
        compared.into_iter().position(|known| {
            let Value::Object(known) = known else { return false };
            equal_fields(known, &batch.required, object).is_some_and(|equal| equal == known.len())
        })
    }

    fn add(&mut self, value: Value) -> usize {
        // Comparing one or two entities is faster than hashing them.
        if self.values.len() < 2 {
            if let Some(index) = self.values.iter().position(|known| *known == value) {
                return index;
            }
            if self.values.is_empty() {
                self.values.push(value);
                return 0;
            }
        }
        if self.by_hash.is_empty() {
            for (index, known) in self.values.iter().enumerate() {
                find_or_note(&mut self.by_hash, &self.values, known, index);
            }
        }
        let next = self.values.len();
        let index = find_or_note(&mut self.by_hash, &self.values, &value, next);
        if index == next {
            self.values.push(value);
        }
        index
    }
}

/// Counts the required fields of an object, if a representation has the same ones. It does not compare objects inside.
fn equal_fields(known: &Fields, required: &[RequiredSelection], object: &Fields) -> Option<usize> {
    let mut equal = 0;
    for selection in required {
        equal += match selection {
            RequiredSelection::On(types, required) => match typename(object) {
                Some(typename) if types.contains(typename) => equal_fields(known, required, object)?,
                _ => 0,
            },
            RequiredSelection::Field { key, name, inner } if inner.is_empty() => {
                let value = get(object, name)?;
                (get(known, key)? == value).then_some(1)?
            }
            RequiredSelection::Field { .. } => return None,
        };
    }
    Some(equal)
}

/// Returns the index of an equal value, or notes `next` as the index of this one.
fn find_or_note(by_hash: &mut HashMap<u64, usize>, values: &[Value], value: &Value, next: usize) -> usize {
    let mut hash = hash_of(value);
    loop {
        match by_hash.entry(hash) {
            Entry::Vacant(vacant) => return *vacant.insert(next),
            Entry::Occupied(known) if values[*known.get()] == *value => return *known.get(),
            Entry::Occupied(_) => hash = hash.wrapping_add(1),
        }
    }
}

fn hash_of(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_value(value, &mut hasher);
    hasher.finish()
}

/// Collects the entities of a fetch from the gathered data.
pub fn collect_representations(
    state: &mut ExecutionState,
    batches: &[EntityBatch],
    entities_max: usize,
) -> RepresentationSets {
    let ExecutionState { data, field_errors, .. } = state;
    let mut requested_count = 0;
    let collected = batches.iter().map(|batch| {
        let mut found = RepresentationSet::default();
        for place in &batch.paths {
            visit(data, place, &mut Vec::new(), &mut |object, at| {
                let error_paths = field_errors
                    .error_paths
                    .as_ref()
                    .and_then(|error_paths| error_paths.at(at));
                // In most lists, few entities are at many places.
                if error_paths.is_none() && requested_count < entities_max {
                    let known = found.index_of_entity(batch, object);
                    if known.is_some() {
                        requested_count += 1;
                        found.targets.push(known);
                        return;
                    }
                }
                let target = match build_representation(batch, object, error_paths) {
                    Representation::Value(_) if requested_count >= entities_max => {
                        let why = format!("the answer needs more than the {entities_max} entities allowed");
                        let cause = FetchError::new(why, ErrorCode::QueryTooComplex);
                        field_errors.fail_keys(&path(at), &batch.selected, &cause);
                        None
                    }
                    Representation::Value(value) => Some(found.add(value)),
                    Representation::Incomplete(cause) => {
                        let why = "what this depends on could not be fetched";
                        let cause = cause.unwrap_or_else(|| FetchError::new(why, ErrorCode::Unavailable));
                        field_errors.fail_keys(&path(at), &batch.selected, &cause);
                        None
                    }
                    Representation::OtherType => None,
                };
                requested_count += usize::from(target.is_some());
                found.targets.push(target);
            });
        }
        found
    });
    RepresentationSets(collected.collect())
}

enum Representation {
    Value(Value),
    /// A required value is missing, because of that error if it is known.
    Incomplete(Option<Arc<FetchError>>),
    /// The fetch does not concern objects of this type.
    OtherType,
}

fn build_representation(batch: &EntityBatch, object: &Fields, error_paths: Option<&ErrorPaths>) -> Representation {
    let mut fields = Fields::with_capacity(2);
    match select_fields(&batch.required, object, error_paths, &mut fields) {
        Err(MissingValue(cause)) => return Representation::Incomplete(cause),
        Ok(()) if fields.is_empty() => return Representation::OtherType,
        Ok(()) => {}
    }
    let mut value = Value::Object(fields);
    batch
        .input_rewrites
        .iter()
        .for_each(|change| rewrite(&mut value, change));
    Representation::Value(value)
}

/// A required value is missing, because of that error if it is known.
struct MissingValue(Option<Arc<FetchError>>);

fn select_fields(
    required: &[RequiredSelection],
    object: &Fields,
    error_paths: Option<&ErrorPaths>,
    into: &mut Fields,
) -> Result<(), MissingValue> {
    for selection in required {
        match selection {
            RequiredSelection::On(types, required) => {
                if typename(object).is_some_and(|typename| types.contains(typename)) {
                    select_fields(required, object, error_paths, into)?;
                }
            }
            RequiredSelection::Field { key, name, inner } => {
                let value = get(object, name).ok_or_else(|| missing_key(error_paths, name))?;
                let error_paths = error_paths.and_then(|error_paths| error_paths.field(name));
                into.insert(key.clone(), select_value(value, error_paths, inner)?);
            }
        }
    }
    Ok(())
}

/// An object has no such key: it failed, or the fetch that selects it did.
fn missing_key(error_paths: Option<&ErrorPaths>, key: &str) -> MissingValue {
    let error = missing_value(error_paths.and_then(|error_paths| error_paths.field(key))).0;
    MissingValue(error.or_else(|| error_paths?.cause_of_key(key).cloned()))
}

fn missing_value(error_paths: Option<&ErrorPaths>) -> MissingValue {
    MissingValue(error_paths.and_then(ErrorPaths::error_below).cloned())
}

/// Returns the required part of a value. A null with an error counts as missing; a null without an error is a value.
fn select_value(
    value: &Value,
    error_paths: Option<&ErrorPaths>,
    required: &[RequiredSelection],
) -> Result<Value, MissingValue> {
    Ok(match value {
        Value::Null if error_paths.is_some_and(|error_paths| error_paths.error_below().is_some()) => {
            return Err(missing_value(error_paths));
        }
        Value::List(items) if !required.is_empty() => {
            let items = items.iter().enumerate().map(|(index, item)| {
                let error_paths = error_paths.and_then(|error_paths| error_paths.item(index));
                select_value(item, error_paths, required)
            });
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Value::Object(object) if !required.is_empty() => {
            let mut fields = Fields::with_capacity(required.len());
            select_fields(required, object, error_paths, &mut fields)?;
            Value::Object(fields)
        }
        value => value.clone(),
    })
}

/// Merges the entities of a response into their places, and records its errors at the places where they happened.
///
/// # Errors
/// When an entity appears in so many places that the answer is too large.
pub fn merge_response(
    state: &mut ExecutionState,
    batches: &[EntityBatch],
    targets: &Targets,
    response: Response,
    budget: &AnswerBudget,
) -> Result<(), Abort> {
    let mut answered = match response.data {
        Value::Object(answered) => answered,
        _ => Fields::default(),
    };
    let mut errors = response.errors;
    for (batch, targets) in batches.iter().zip(targets) {
        let mut entities = match answered.swap_remove(&batch.key) {
            Some(Value::List(entities)) => entities,
            _ => Vec::new(),
        };
        let entity_errors = EntityErrors::take(&mut errors, batch, &entities, batches.len() == 1);
        for entity in &mut entities {
            batch.output_rewrites.iter().for_each(|change| rewrite(entity, change));
        }
        let uses = uses(&entities, targets);
        // The first place takes the entity itself; the copies for the other places count against the budget before
        // they are made.
        let copied = std::iter::zip(&entities, &uses).filter(|(_, uses)| **uses > 1);
        budget.charge_response(
            copied
                .map(|(entity, uses)| size_of(entity).saturating_mul(uses - 1))
                .sum(),
        )?;
        merge_batch(state, batch, targets, entities, uses, &entity_errors);
    }
    Ok(())
}

/// Counts the places of each entity.
fn uses(entities: &[Value], targets: &[Option<usize>]) -> Vec<usize> {
    let mut uses = vec![0_usize; entities.len()];
    for target in targets.iter().flatten() {
        if let Some(uses) = uses.get_mut(*target) {
            *uses += 1;
        }
    }
    uses
}

fn merge_batch(
    state: &mut ExecutionState,
    batch: &EntityBatch,
    targets: &[Option<usize>],
    mut entities: Vec<Value>,
    mut uses: Vec<usize>,
    entity_errors: &EntityErrors,
) {
    let ExecutionState { data, field_errors, .. } = state;
    let mut targets = targets.iter();
    for place in &batch.paths {
        visit(data, place, &mut Vec::new(), &mut |object, at| {
            // The tree has kept its structure: no other fetch writes to the places of these objects.
            let Some(Some(target)) = targets.next() else { return };
            let entity = match (entities.get_mut(*target), uses.get_mut(*target)) {
                (Some(entity), Some(1)) => std::mem::take(entity),
                (Some(entity), Some(uses)) => {
                    *uses -= 1;
                    entity.clone()
                }
                _ => Value::Null,
            };
            let is_missing = !matches!(entity, Value::Object(_));
            entity_errors.record(field_errors, batch, *target, at, object, is_missing);
            if let Value::Object(fields) = entity {
                merge_into(object, fields);
            }
        });
    }
}

/// The errors of a group's entities.
#[derive(Default)]
struct EntityErrors {
    /// The reason that all of them are missing.
    all: Option<Arc<FetchError>>,
    /// The reasons that single entities are missing.
    causes: HashMap<usize, Arc<FetchError>>,
    /// The errors inside an entity, with their paths relative to it.
    inside: HashMap<usize, Vec<(Vec<PathSegment>, ServerError)>>,
    /// By the path inside an entity: the entities that an error without an index may concern.
    candidates: HashMap<String, VecDeque<usize>>,
}

impl EntityErrors {
    /// Moves a group's errors out of a response.
    fn take(errors: &mut Vec<ServerError>, batch: &EntityBatch, entities: &[Value], only: bool) -> Self {
        let mut entity_errors = Self::default();
        errors.retain(|error| {
            match &error.path[..] {
                // The error concerns no key of the response, so it concerns the whole response.
                [] => {
                    entity_errors
                        .all
                        .get_or_insert_with(|| FetchError::from_subgraph(error.clone()));
                    return true;
                }
                [PathSegment::Field(key), ..] if key != batch.key.as_str() && !only => return true,
                [_] => {
                    entity_errors
                        .all
                        .get_or_insert_with(|| FetchError::from_subgraph(error.clone()));
                }
                [_, PathSegment::Index(index)] => {
                    entity_errors
                        .causes
                        .entry(*index)
                        .or_insert_with(|| FetchError::from_subgraph(error.clone()));
                }
                [_, PathSegment::Index(index), inside @ ..] => entity_errors.inside(batch, *index, inside, error),
                [_, ..] if entities.is_empty() => {
                    entity_errors
                        .all
                        .get_or_insert_with(|| FetchError::from_subgraph(error.clone()));
                }
                // There are too many to fetch again; a missing value tells which entity the error may concern.
                [_, inside @ ..] => {
                    let index = entity_errors.next_candidate(entities, inside);
                    entity_errors.inside(batch, index, inside, error);
                }
            }
            false
        });
        entity_errors
    }

    fn inside(&mut self, batch: &EntityBatch, index: usize, inside: &[PathSegment], error: &ServerError) {
        let mut inside = inside.to_vec();
        let rewrites = batch.output_rewrites.iter();
        rewrites.for_each(|change| rewrite_path(&mut inside, change));
        let mut placed = ServerError::new(error.message.clone(), None);
        placed.extensions.clone_from(&error.extensions);
        self.inside.entry(index).or_default().push((inside, placed));
    }

    /// Returns the entity that an error without an index concerns, one that exists. An absent key has certainly
    /// failed; a null may be a value. If no entity fits, the first one reports the error.
    fn next_candidate(&mut self, entities: &[Value], inside: &[PathSegment]) -> usize {
        let key = format!("{inside:?}");
        let found = || candidates(entities, inside).into();
        let candidates = self.candidates.entry(key).or_insert_with(found);
        candidates.pop_front().unwrap_or_default()
    }

    /// Records the errors of the entity at this place.
    fn record(
        &self,
        field_errors: &mut FieldErrors,
        batch: &EntityBatch,
        target: usize,
        at: &[PathSegmentRef<'_>],
        object: &Fields,
        missing: bool,
    ) {
        for (inside, error) in self.inside.get(&target).into_iter().flatten() {
            let mut error = error.clone();
            error.path = path(at);
            error.path.extend(inside.iter().cloned());
            if let Some(hidden) = field_errors.list(error).filter(|_| missing) {
                // The whole entity is missing because a field that the planner added failed.
                field_errors.fail_keys(&path(at), &batch.selected, &hidden);
            }
        }
        if !missing || self.inside.contains_key(&target) {
            return;
        }
        let known = self.causes.get(&target).or(self.all.as_ref());
        let cause = known.cloned().unwrap_or_else(|| {
            let what = typename(object).unwrap_or("object");
            FetchError::new(format!("{what} not found"), ErrorCode::NotFound)
        });
        field_errors.fail_keys(&path(at), &batch.selected, &cause);
    }
}

fn path(at: &[PathSegmentRef<'_>]) -> Vec<PathSegment> {
    at.iter().map(PathSegment::from).collect()
}
