//! Finds the entity that an error concerns.
//!
//! async-graphql 7.2.1 leaves the index out of the path of an error below `_entities`. If all candidates fail alike, the
//! index is certain without another request. Otherwise the gateway fetches each candidate again on its own.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{PathSegment, Response, ServerError, Value, Variables};
use futures_util::future::try_join_all;

use super::abort::Abort;
use super::plan::model::{EntityBatch, Fetch, Fields};
use super::plan_execution::PlanExecution;

/// The most entities that are fetched again. Beyond it, errors are attributed to the first candidates.
const REFETCHED_MAX: usize = 100;

impl PlanExecution<'_> {
    /// Adds the missing index to the errors of entities. `variables` are those of the fetch that the response belongs to.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn attribute(
        &self,
        fetch: &Fetch,
        batches: &[EntityBatch],
        variables: &Variables,
        response: &mut Response,
    ) -> Result<(), Abort> {
        for batch in batches {
            let only = batches.len() == 1;
            let mut uncertain = add_certain_indexes(batch, only, response);
            if entities_of(batch, &response.data).is_empty()
                && response.errors.iter().any(|error| inside(error, batch, only).is_some())
            {
                // The null of one entity propagated to the whole list.
                uncertain = reset_entities(batch, variables, response);
            }
            if uncertain.is_empty() || uncertain.len() > REFETCHED_MAX {
                continue;
            }
            let requested = uncertain.into_iter().filter_map(|index| {
                let variables = single_entity_variables(batches, batch, variables, index)?;
                Some(async move { Ok::<_, Abort>((index, self.send(fetch, variables).await?)) })
            });
            let refetched = try_join_all(requested).await?;
            // The new responses replace all earlier errors of these entities.
            response.errors.retain(|error| match &error.path[..] {
                [PathSegment::Field(key), PathSegment::Index(index), ..] if key == batch.key.as_str() => {
                    refetched.iter().all(|(requested, _)| requested != index)
                }
                _ => inside(error, batch, only).is_none(),
            });
            for (index, alone) in refetched {
                replace_entity(batch, index, alone, response);
            }
        }
        Ok(())
    }
}

/// Returns the path inside an entity of that group, if the error has no index.
fn inside<'e>(error: &'e ServerError, batch: &EntityBatch, only: bool) -> Option<&'e [PathSegment]> {
    match &error.path[..] {
        [PathSegment::Field(key), inside @ ..] if only || key == batch.key.as_str() => match inside.first() {
            Some(PathSegment::Field(_)) => Some(inside),
            _ => None,
        },
        _ => None,
    }
}

fn entities_of<'a>(batch: &EntityBatch, data: &'a Value) -> &'a [Value] {
    match data {
        Value::Object(data) => match data.get(&batch.key) {
            Some(Value::List(entities)) => entities,
            _ => &[],
        },
        _ => &[],
    }
}

/// Adds the index where all candidates of an error have failed alike, and returns the remaining candidates.
fn add_certain_indexes(batch: &EntityBatch, only: bool, response: &mut Response) -> BTreeSet<usize> {
    let mut uncertain = BTreeSet::new();
    let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, error) in response.errors.iter().enumerate() {
        if let Some(inside) = inside(error, batch, only) {
            alike.entry(format!("{inside:?}")).or_default().push(at);
        }
    }
    for at in alike.into_values() {
        let first = &response.errors[at[0]];
        let Some(path) = inside(first, batch, only) else {
            continue;
        };
        let entities = entities_of(batch, &response.data);
        let (absent, all) = (absent(entities, path), candidates(entities, path));
        let is_same = |at: &usize| {
            let error = &response.errors[*at];
            error.message == first.message && error.extensions == first.extensions
        };
        let certain = match at.len() {
            _ if !at.iter().all(is_same) => None,
            count if count == absent.len() => Some(absent),
            count => Some(all.clone()).filter(|all| all.len() == count),
        };
        let Some(certain) = certain else {
            uncertain.extend(all);
            continue;
        };
        for (at, index) in at.into_iter().zip(certain) {
            response.errors[at].path.insert(1, PathSegment::Index(index));
        }
    }
    uncertain
}

/// Replaces a missing list with a list of nulls, and returns the indexes of all requested entities.
fn reset_entities(batch: &EntityBatch, variables: &Variables, response: &mut Response) -> BTreeSet<usize> {
    let requested = match variables.get(&batch.variable) {
        Some(Value::List(requested)) => requested.len(),
        _ => 0,
    };
    if requested > REFETCHED_MAX {
        return BTreeSet::new();
    }
    if !matches!(response.data, Value::Object(_)) {
        response.data = Value::Object(Fields::default());
    }
    if let Value::Object(data) = &mut response.data {
        data.insert(batch.key.clone(), Value::List(vec![Value::Null; requested]));
    }
    (0..requested).collect()
}

/// Returns the variables that request one entity of a group, and none of the other groups.
fn single_entity_variables(
    batches: &[EntityBatch],
    batch: &EntityBatch,
    variables: &Variables,
    index: usize,
) -> Option<Variables> {
    let Value::List(requested) = variables.get(&batch.variable)? else {
        return None;
    };
    let representation = requested.get(index)?.clone();
    let mut alone = Variables::default();
    for (name, value) in variables.iter() {
        let is_list = batches.iter().any(|batch| batch.variable == *name);
        let value = if is_list {
            Value::List(Vec::new())
        } else {
            value.clone()
        };
        alone.insert(name.clone(), value);
    }
    alone.insert(batch.variable.clone(), Value::List(vec![representation]));
    Some(alone)
}

/// Stores an entity that was fetched on its own in the response, with its errors.
fn replace_entity(batch: &EntityBatch, index: usize, alone: Response, response: &mut Response) {
    let mut entity = match alone.data {
        Value::Object(mut data) => data.swap_remove(&batch.key).unwrap_or_default(),
        _ => Value::Null,
    };
    if let Value::List(entities) = &mut entity {
        entity = entities.pop().unwrap_or_default();
    }
    if let Value::Object(data) = &mut response.data
        && let Some(Value::List(entities)) = data.get_mut(&batch.key)
        && let Some(place) = entities.get_mut(index)
    {
        *place = entity;
    }
    for mut error in alone.errors {
        let inside = match &error.path[..] {
            [] => &[],
            [_, PathSegment::Index(_), inside @ ..] | [_, inside @ ..] => inside,
        };
        let key = PathSegment::Field(batch.key.to_string());
        let path = [key, PathSegment::Index(index)];
        error.path = path.into_iter().chain(inside.iter().cloned()).collect();
        response.errors.push(error);
    }
}

/// Returns the entities that an error at this path can concern: those where the value is absent, then those where it is
/// null.
pub fn candidates(entities: &[Value], path: &[PathSegment]) -> Vec<usize> {
    let mut found = absent(entities, path);
    found.extend(entities_ending(entities, path, PathEnd::Null));
    found
}

/// Returns the entities that have no value at this path, which an error certainly caused.
fn absent(entities: &[Value], path: &[PathSegment]) -> Vec<usize> {
    entities_ending(entities, path, PathEnd::Absent).collect()
}

fn entities_ending(entities: &[Value], path: &[PathSegment], wanted: PathEnd) -> impl Iterator<Item = usize> {
    let is_it = move |(_, entity): &(usize, &Value)| !matches!(entity, Value::Null) && path_end(entity, path) == wanted;
    entities.iter().enumerate().filter(is_it).map(|(index, _)| index)
}

/// The kind of value at the end of a path.
#[derive(Clone, Copy, PartialEq)]
enum PathEnd {
    Absent,
    Null,
    Value,
}

fn path_end(value: &Value, path: &[PathSegment]) -> PathEnd {
    let Some((step, rest)) = path.split_first() else {
        return match value {
            Value::Null => PathEnd::Null,
            _ => PathEnd::Value,
        };
    };
    let inner = match (value, step) {
        (Value::Object(object), PathSegment::Field(key)) => object.get(key.as_str()),
        (Value::List(items), PathSegment::Index(index)) => items.get(*index),
        _ => None,
    };
    inner.map_or(PathEnd::Absent, |inner| path_end(inner, rest))
}
