//! Maps the path of an error in the fetched data to the paths in the answer, which use the client's keys.

use async_graphql::{PathSegment, Value};

use super::plan::model::{ObjectProjection, ValueKind, ValueProjection};

/// Returns the places of the answer that show the value at a path of the fetched data: one for each client key that shares
/// the fetch. If the planner added the last part of the path, the place ends where the client's selections end.
pub fn response_paths(projection: &ObjectProjection, data: &Value, path: &[PathSegment]) -> Vec<Vec<PathSegment>> {
    let mut found = Vec::new();
    object(projection, Some(data), path, Vec::new(), &mut found);
    found
}

fn object(
    projection: &ObjectProjection,
    data: Option<&Value>,
    path: &[PathSegment],
    place: Vec<PathSegment>,
    found: &mut Vec<Vec<PathSegment>>,
) {
    let Some((PathSegment::Field(key), rest)) = path.split_first() else {
        return found.push(place);
    };
    let data = match data {
        Some(Value::Object(fields)) => fields.get(key.as_str()),
        _ => None,
    };
    let mut is_shown = false;
    for field in projection.fields.iter().filter(|field| *field.data_key == **key) {
        let Some(projection) = &field.value else { continue };
        is_shown = true;
        let mut place = place.clone();
        place.push(PathSegment::Field(field.key.to_string()));
        value(projection, data, rest, place, found);
    }
    if !is_shown {
        found.push(place);
    }
}

fn value(
    projection: &ValueProjection,
    data: Option<&Value>,
    path: &[PathSegment],
    mut place: Vec<PathSegment>,
    found: &mut Vec<Vec<PathSegment>>,
) {
    match &projection.kind {
        _ if path.is_empty() => found.push(place),
        ValueKind::List(item) => match path.split_first() {
            Some((PathSegment::Index(index), rest)) => {
                place.push(PathSegment::Index(*index));
                let data = match data {
                    Some(Value::List(items)) => items.get(*index),
                    _ => None,
                };
                value(item, data, rest, place, found);
            }
            // The subgraph left the index out of the path.
            _ => value(item, None, path, place, found),
        },
        ValueKind::Object(projection) => object(projection, data, path, place, found),
        ValueKind::Abstract(projections) => {
            let typename = match data {
                Some(Value::Object(fields)) => fields.get("__typename"),
                _ => None,
            };
            let known = match typename {
                Some(Value::String(typename)) => projections.get(typename.as_str()),
                _ => projections.values().find(|projection| has_key(projection, path)),
            };
            match known {
                Some(projection) => object(projection, data, path, place, found),
                None => found.push(place),
            }
        }
        ValueKind::Leaf(_) | ValueKind::Denied(_) => found.push(place),
    }
}

fn has_key(projection: &ObjectProjection, path: &[PathSegment]) -> bool {
    let Some(PathSegment::Field(key)) = path.first() else {
        return false;
    };
    projection.fields.iter().any(|field| *field.data_key == **key)
}
