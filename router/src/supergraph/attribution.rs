//! Finds the entity that an error concerns.
//!
//! async-graphql 7.2.1 leaves the index out of the path of an error below `_entities`. If all candidates fail alike, the
//! index is certain without another request. Otherwise the gateway fetches each candidate again on its own.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{PathSegment, Response, ServerError, Value, Variables};
use futures_util::future::try_join_all;

use super::abort::Abort;
use super::execute::Run;
use super::plan::{Fetch, Group};
use super::tree::Fields;

/// The most entities that are fetched again. Beyond it, errors are attributed to the first candidates.
const ASKED_AGAIN_MAX: usize = 100;

impl Run<'_> {
    /// Adds the missing index to the errors of entities. `variables` are those of the fetch that the response belongs to.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn attribute(
        &self,
        fetch: &Fetch,
        groups: &[Group],
        variables: &Variables,
        answer: &mut Response,
    ) -> Result<(), Abort> {
        for group in groups {
            let only = groups.len() == 1;
            let mut unsure = add_certain_indexes(group, only, answer);
            if entities_of(group, &answer.data).is_empty()
                && answer.errors.iter().any(|error| inside(error, group, only).is_some())
            {
                // The null of one entity propagated to the whole list.
                unsure = none_of(group, variables, answer);
            }
            if unsure.is_empty() || unsure.len() > ASKED_AGAIN_MAX {
                continue;
            }
            let asked = unsure.into_iter().filter_map(|index| {
                let variables = of_one(groups, group, variables, index)?;
                Some(async move { Ok::<_, Abort>((index, self.ask(fetch, variables).await?)) })
            });
            let again = try_join_all(asked).await?;
            // The new responses replace all earlier errors of these entities.
            answer.errors.retain(|error| match &error.path[..] {
                [PathSegment::Field(key), PathSegment::Index(index), ..] if key == group.key.as_str() => {
                    again.iter().all(|(asked, _)| asked != index)
                }
                _ => inside(error, group, only).is_none(),
            });
            for (index, alone) in again {
                replace(group, index, alone, answer);
            }
        }
        Ok(())
    }
}

/// Returns the path inside an entity of that group, if the error has no index.
fn inside<'e>(error: &'e ServerError, group: &Group, only: bool) -> Option<&'e [PathSegment]> {
    match &error.path[..] {
        [PathSegment::Field(key), inside @ ..] if only || key == group.key.as_str() => match inside.first() {
            Some(PathSegment::Field(_)) => Some(inside),
            _ => None,
        },
        _ => None,
    }
}

fn entities_of<'a>(group: &Group, data: &'a Value) -> &'a [Value] {
    match data {
        Value::Object(data) => match data.get(&group.key) {
            Some(Value::List(entities)) => entities,
            _ => &[],
        },
        _ => &[],
    }
}

/// Adds the index where all candidates of an error have failed alike, and returns the remaining candidates.
fn add_certain_indexes(group: &Group, only: bool, answer: &mut Response) -> BTreeSet<usize> {
    let mut unsure = BTreeSet::new();
    let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, error) in answer.errors.iter().enumerate() {
        if let Some(inside) = inside(error, group, only) {
            alike.entry(format!("{inside:?}")).or_default().push(at);
        }
    }
    for at in alike.into_values() {
        let first = &answer.errors[at[0]];
        let Some(way) = inside(first, group, only) else {
            continue;
        };
        let entities = entities_of(group, &answer.data);
        let (absent, all) = (absent(entities, way), candidates(entities, way));
        let is_same = |at: &usize| {
            let error = &answer.errors[*at];
            error.message == first.message && error.extensions == first.extensions
        };
        let certain = match at.len() {
            _ if !at.iter().all(is_same) => None,
            count if count == absent.len() => Some(absent),
            count => Some(all.clone()).filter(|all| all.len() == count),
        };
        let Some(certain) = certain else {
            unsure.extend(all);
            continue;
        };
        for (at, index) in at.into_iter().zip(certain) {
            answer.errors[at].path.insert(1, PathSegment::Index(index));
        }
    }
    unsure
}

/// Replaces a missing list with a list of nulls, and returns the indexes of all requested entities.
fn none_of(group: &Group, variables: &Variables, answer: &mut Response) -> BTreeSet<usize> {
    let asked = match variables.get(&group.variable) {
        Some(Value::List(asked)) => asked.len(),
        _ => 0,
    };
    if asked > ASKED_AGAIN_MAX {
        return BTreeSet::new();
    }
    if !matches!(answer.data, Value::Object(_)) {
        answer.data = Value::Object(Fields::default());
    }
    if let Value::Object(data) = &mut answer.data {
        data.insert(group.key.clone(), Value::List(vec![Value::Null; asked]));
    }
    (0..asked).collect()
}

/// Returns the variables that request one entity of a group, and none of the other groups.
fn of_one(groups: &[Group], group: &Group, variables: &Variables, index: usize) -> Option<Variables> {
    let Value::List(asked) = variables.get(&group.variable)? else {
        return None;
    };
    let wanted = asked.get(index)?.clone();
    let mut alone = Variables::default();
    for (name, value) in variables.iter() {
        let is_list = groups.iter().any(|group| group.variable == *name);
        let value = match is_list {
            true => Value::List(Vec::new()),
            false => value.clone(),
        };
        alone.insert(name.clone(), value);
    }
    alone.insert(group.variable.clone(), Value::List(vec![wanted]));
    Some(alone)
}

/// Stores an entity that was fetched on its own in the response, with its errors.
fn replace(group: &Group, index: usize, alone: Response, answer: &mut Response) {
    let mut entity = match alone.data {
        Value::Object(mut data) => data.swap_remove(&group.key).unwrap_or_default(),
        _ => Value::Null,
    };
    if let Value::List(entities) = &mut entity {
        entity = entities.pop().unwrap_or_default();
    }
    if let Value::Object(data) = &mut answer.data
        && let Some(Value::List(entities)) = data.get_mut(&group.key)
        && let Some(place) = entities.get_mut(index)
    {
        *place = entity;
    }
    for mut error in alone.errors {
        let inside = match &error.path[..] {
            [] => &[],
            [_, PathSegment::Index(_), inside @ ..] | [_, inside @ ..] => inside,
        };
        let key = PathSegment::Field(group.key.to_string());
        let path = [key, PathSegment::Index(index)];
        error.path = path.into_iter().chain(inside.iter().cloned()).collect();
        answer.errors.push(error);
    }
}

/// Returns the entities that an error at this path can concern: those where the value is absent, then those where it is
/// null.
pub fn candidates(entities: &[Value], way: &[PathSegment]) -> Vec<usize> {
    let mut found = absent(entities, way);
    found.extend(ending(entities, way, Ending::Null));
    found
}

/// Returns the entities that have no value at this path, which an error certainly caused.
fn absent(entities: &[Value], way: &[PathSegment]) -> Vec<usize> {
    ending(entities, way, Ending::Absent).collect()
}

fn ending(entities: &[Value], way: &[PathSegment], wanted: Ending) -> impl Iterator<Item = usize> {
    let is_it = move |(_, entity): &(usize, &Value)| !matches!(entity, Value::Null) && ending_of(entity, way) == wanted;
    entities.iter().enumerate().filter(is_it).map(|(index, _)| index)
}

/// The kind of value at the end of a path.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Absent,
    Null,
    Value,
}

fn ending_of(value: &Value, way: &[PathSegment]) -> Ending {
    let Some((step, rest)) = way.split_first() else {
        return match value {
            Value::Null => Ending::Null,
            _ => Ending::Value,
        };
    };
    let inner = match (value, step) {
        (Value::Object(object), PathSegment::Field(key)) => object.get(key.as_str()),
        (Value::List(items), PathSegment::Index(index)) => items.get(*index),
        _ => None,
    };
    inner.map_or(Ending::Absent, |inner| ending_of(inner, rest))
}
