//! Entities of several subgraphs: building their representations, and merging the responses.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use async_graphql::{PathSegment, Response, ServerError, Value};
use contract::AnswerBudget;

use super::abort::Abort;
use super::attribution::candidates;
use super::execute::Gathered;
use super::faults::{Cause, Faults, Marks};
use super::plan::{Group, Need};
use super::tree::{At, Fields, merge_into, rewrite, rewrite_path, size_of, typename, visit};
use crate::cache::hash_value;

/// The representations that a fetch sends, per group; each entity appears once.
pub struct Asked(Vec<Representations>);

/// Per group and place in the tree, in the tree's order: the index of the requested entity at that place, if any.
pub type Targets = Vec<Vec<Option<usize>>>;

#[derive(Default)]
struct Representations {
    values: Vec<Value>,
    by_hash: HashMap<u64, Vec<usize>>,
    targets: Vec<Option<usize>>,
}

impl Asked {
    /// Whether there are no entities to fetch.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|group| group.values.is_empty())
    }

    /// Returns the representations per group, and the places of the entities.
    pub fn into_parts(self) -> (Vec<Vec<Value>>, Targets) {
        let parts = self.0.into_iter();
        parts.map(|group| (group.values, group.targets)).unzip()
    }
}

impl Representations {
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
                self.by_hash.entry(hash_of(known)).or_default().push(index);
            }
        }
        let same = self.by_hash.entry(hash_of(&value)).or_default();
        if let Some(index) = same.iter().find(|index| self.values[**index] == value) {
            return *index;
        }
        same.push(self.values.len());
        self.values.push(value);
        self.values.len() - 1
    }
}

fn hash_of(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_value(value, &mut hasher);
    hasher.finish()
}

/// Collects the entities of a fetch from the gathered data.
pub fn collect(gathered: &mut Gathered, groups: &[Group], entities_max: usize) -> Asked {
    let Gathered { data, faults } = gathered;
    let mut asked = 0;
    let collected = groups.iter().map(|group| {
        let mut found = Representations::default();
        for place in &group.places {
            visit(data, place, &mut Vec::new(), &mut |object, at| {
                let marks = faults.marks.as_ref().and_then(|marks| marks.at(at));
                let target = match represent(group, object, marks) {
                    Represented::Value(_) if asked >= entities_max => {
                        let why = format!("the answer needs more than the {entities_max} entities allowed");
                        faults.fail(&path(at), &Cause::new(why, "QUERY_TOO_COMPLEX"));
                        None
                    }
                    Represented::Value(value) => Some(found.add(value)),
                    Represented::Incomplete(cause) => {
                        let why = "what this depends on could not be fetched";
                        let cause = cause.unwrap_or_else(|| Cause::new(why, "UNAVAILABLE"));
                        faults.fail(&path(at), &cause);
                        None
                    }
                    Represented::OtherType => None,
                };
                asked += usize::from(target.is_some());
                found.targets.push(target);
            });
        }
        found
    });
    Asked(collected.collect())
}

enum Represented {
    Value(Value),
    /// A required value is missing, because of that error if it is known.
    Incomplete(Option<Arc<Cause>>),
    /// The fetch does not concern objects of this type.
    OtherType,
}

fn represent(group: &Group, object: &Fields, marks: Option<&Marks>) -> Represented {
    let mut fields = Fields::with_capacity(2);
    match gather(&group.needs, object, marks, &mut fields) {
        Err(Missing(cause)) => return Represented::Incomplete(cause),
        Ok(()) if fields.is_empty() => return Represented::OtherType,
        Ok(()) => {}
    }
    let mut value = Value::Object(fields);
    group
        .input_rewrites
        .iter()
        .for_each(|change| rewrite(&mut value, change));
    Represented::Value(value)
}

/// A required value is missing, because of that error if it is known.
struct Missing(Option<Arc<Cause>>);

fn gather(needs: &[Need], object: &Fields, marks: Option<&Marks>, into: &mut Fields) -> Result<(), Missing> {
    for need in needs {
        match need {
            Need::On(types, needs) => {
                if typename(object).is_some_and(|typename| types.contains(typename)) {
                    gather(needs, object, marks, into)?;
                }
            }
            Need::Field { key, name, inner } => {
                let (name, value) = match (object.get(name), object.get(key)) {
                    (Some(value), _) => (name, Some(value)),
                    (None, Some(value)) => (key, Some(value)),
                    (None, None) => (name, None),
                };
                let marks = marks.and_then(|marks| marks.field(name));
                let value = value.ok_or_else(|| missing(marks))?;
                into.insert(key.clone(), part(value, marks, inner)?);
            }
        }
    }
    Ok(())
}

fn missing(marks: Option<&Marks>) -> Missing {
    Missing(marks.and_then(Marks::error_below).cloned())
}

/// Returns the required part of a value. A null with an error counts as missing; a null without an error is a value.
fn part(value: &Value, marks: Option<&Marks>, needs: &[Need]) -> Result<Value, Missing> {
    Ok(match value {
        Value::Null if marks.is_some_and(|marks| marks.error_below().is_some()) => return Err(missing(marks)),
        Value::List(items) if !needs.is_empty() => {
            let items = items.iter().enumerate().map(|(index, item)| {
                let marks = marks.and_then(|marks| marks.item(index));
                part(item, marks, needs)
            });
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Value::Object(object) if !needs.is_empty() => {
            let mut fields = Fields::with_capacity(needs.len());
            gather(needs, object, marks, &mut fields)?;
            Value::Object(fields)
        }
        value => value.clone(),
    })
}

/// Merges the entities of a response into their places, and records its errors at the places where they happened.
///
/// # Errors
/// When an entity appears in so many places that the answer is too large.
pub fn place(
    gathered: &mut Gathered,
    groups: &[Group],
    targets: &Targets,
    answer: Response,
    budget: &AnswerBudget,
) -> Result<(), Abort> {
    let mut answered = match answer.data {
        Value::Object(answered) => answered,
        _ => Fields::default(),
    };
    let mut errors = answer.errors;
    for (group, targets) in groups.iter().zip(targets) {
        let mut entities = match answered.swap_remove(&group.key) {
            Some(Value::List(entities)) => entities,
            _ => Vec::new(),
        };
        let problems = Problems::take(&mut errors, group, &entities, groups.len() == 1);
        for entity in &mut entities {
            group.output_rewrites.iter().for_each(|change| rewrite(entity, change));
        }
        let uses = uses(&entities, targets);
        // The first place takes the entity itself; the copies for the other places count against the budget before
        // they are made.
        let copied = std::iter::zip(&entities, &uses).filter(|(_, uses)| **uses > 1);
        budget.gather(
            copied
                .map(|(entity, uses)| size_of(entity).saturating_mul(uses - 1))
                .sum(),
        )?;
        place_group(gathered, group, targets, entities, uses, &problems);
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

fn place_group(
    gathered: &mut Gathered,
    group: &Group,
    targets: &[Option<usize>],
    mut entities: Vec<Value>,
    mut uses: Vec<usize>,
    problems: &Problems,
) {
    let Gathered { data, faults } = gathered;
    let mut targets = targets.iter();
    for place in &group.places {
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
            problems.place(faults, *target, at, object, matches!(entity, Value::Null));
            if let Value::Object(fields) = entity {
                merge_into(object, fields);
            }
        });
    }
}

/// The errors of a group's entities.
#[derive(Default)]
struct Problems {
    /// The reason that all of them are missing.
    all: Option<Arc<Cause>>,
    /// The reasons that single entities are missing.
    causes: HashMap<usize, Arc<Cause>>,
    /// The errors inside an entity, with their paths relative to it.
    inside: HashMap<usize, Vec<(Vec<PathSegment>, ServerError)>>,
    /// By the path inside an entity: the entities that an error without an index may concern.
    candidates: HashMap<String, VecDeque<usize>>,
}

impl Problems {
    /// Moves a group's errors out of a response.
    fn take(errors: &mut Vec<ServerError>, group: &Group, entities: &[Value], only: bool) -> Self {
        let mut problems = Self::default();
        errors.retain(|error| {
            match &error.path[..] {
                // The error concerns no key of the response, so it concerns the whole response.
                [] => {
                    problems.all.get_or_insert_with(|| Cause::given(error.clone()));
                    return true;
                }
                [PathSegment::Field(key), ..] if key != group.key.as_str() && !only => return true,
                [_] => {
                    problems.all.get_or_insert_with(|| Cause::given(error.clone()));
                }
                [_, PathSegment::Index(index)] => {
                    problems
                        .causes
                        .entry(*index)
                        .or_insert_with(|| Cause::given(error.clone()));
                }
                [_, PathSegment::Index(index), inside @ ..] => problems.inside(group, *index, inside, error),
                [_, ..] if entities.is_empty() => {
                    problems.all.get_or_insert_with(|| Cause::given(error.clone()));
                }
                // There are too many to fetch again; a missing value tells which entity the error may concern.
                [_, inside @ ..] => {
                    let index = problems.find(entities, inside);
                    problems.inside(group, index, inside, error);
                }
            }
            false
        });
        problems
    }

    fn inside(&mut self, group: &Group, index: usize, inside: &[PathSegment], error: &ServerError) {
        let mut inside = inside.to_vec();
        let rewrites = group.output_rewrites.iter();
        rewrites.for_each(|change| rewrite_path(&mut inside, change));
        let mut placed = ServerError::new(error.message.clone(), None);
        placed.extensions.clone_from(&error.extensions);
        self.inside.entry(index).or_default().push((inside, placed));
    }

    /// Returns the entity that an error without an index concerns, one that exists. An absent key has certainly
    /// failed; a null may be a value. If no entity fits, the first one reports the error.
    fn find(&mut self, entities: &[Value], inside: &[PathSegment]) -> usize {
        let key = format!("{inside:?}");
        let found = || candidates(entities, inside).into();
        let candidates = self.candidates.entry(key).or_insert_with(found);
        candidates.pop_front().unwrap_or_default()
    }

    /// Records the errors of the entity at this place.
    fn place(&self, faults: &mut Faults, target: usize, at: &[At<'_>], object: &Fields, missing: bool) {
        for (inside, error) in self.inside.get(&target).into_iter().flatten() {
            let mut error = error.clone();
            error.path = path(at);
            error.path.extend(inside.iter().cloned());
            if let Some(hidden) = faults.list(error).filter(|_| missing) {
                // The whole entity is missing because a field that the planner added failed.
                faults.fail(&path(at), &hidden);
            }
        }
        if !missing || self.inside.contains_key(&target) {
            return;
        }
        match self.causes.get(&target).or(self.all.as_ref()) {
            Some(cause) => faults.fail(&path(at), cause),
            None => {
                let what = typename(object).unwrap_or("object");
                faults.fail(&path(at), &Cause::new(format!("{what} not found"), "NOT_FOUND"));
            }
        }
    }
}

fn path(at: &[At<'_>]) -> Vec<PathSegment> {
    at.iter().map(PathSegment::from).collect()
}
