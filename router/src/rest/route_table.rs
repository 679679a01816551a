//! The lookup of a route by its path.

use std::borrow::Cow;
use std::sync::Arc;

use super::bound_route::BoundRoute;
use super::error::RestError;
use super::percent_encoding::{NOT_ENCODED, percent_decode};
use super::route::Verb;

/// The paths of the services at one address.
pub(super) struct RouteTable(Vec<PathPattern>);

/// A path pattern and the routes of its methods.
struct PathPattern {
    segments: Vec<Segment>,
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq)]
enum Segment {
    Fixed(Box<str>),
    Parameter,
}

struct Entry {
    verb: Verb,
    /// The names of the path's parameters, in order.
    names: Vec<&'static str>,
    /// The prefix of the service in this path.
    prefix: Arc<str>,
    route_index: usize,
}

/// The route of a request, with its path parameters.
pub(super) struct RouteMatch {
    /// The index of the bound route.
    pub route_index: usize,
    /// The path's parameters, decoded.
    pub params: Vec<(&'static str, String)>,
    /// The prefix of the service in the request's path.
    pub prefix: Arc<str>,
    /// The member of the body that came under its other name, and that name.
    pub alias_used: Option<(&'static str, &'static str)>,
}

impl RouteTable {
    /// Builds the lookup for these routes. A service that is `alone` is at `/`, otherwise at its prefixes.
    pub fn new(routes: &[BoundRoute], alone: bool) -> Self {
        let mut route_table = Self(Vec::new());
        for (index, bound_route) in routes.iter().enumerate() {
            for prefix in bound_route.service.prefixes(alone) {
                for path in std::iter::once(&bound_route.route.path).chain(bound_route.route.aliases) {
                    route_table.add(prefix, path, bound_route.route.verb, index);
                }
            }
        }
        route_table
    }

    fn add(&mut self, prefix: &str, path: &'static str, verb: Verb, route_index: usize) {
        let mut names = Vec::new();
        let mut segments = Vec::new();
        segments.extend(prefix.split('/').skip(1).map(|part| Segment::Fixed(part.into())));
        for part in path.split('/').skip(1) {
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => {
                    names.push(name);
                    segments.push(Segment::Parameter);
                }
                None => segments.push(Segment::Fixed(part.into())),
            }
        }
        let entry = Entry {
            verb,
            names,
            prefix: prefix.into(),
            route_index,
        };
        match self.0.iter_mut().find(|known| known.segments == segments) {
            Some(known) => known.entries.push(entry),
            None => self.0.push(PathPattern {
                segments,
                entries: vec![entry],
            }),
        }
    }

    /// Whether there is a route on `path`, with any method.
    pub fn has_path(&self, path: &str) -> bool {
        let sent = decode_segments(path);
        self.0.iter().any(|known| known.matches(&sent))
    }

    /// Returns the route of `method` on `path`: encoded, without the mount's prefix. A slash at its end has no meaning.
    ///
    /// # Errors
    /// 404 when there is no such path, 405 when it has other methods, 400 when a parameter is not well encoded.
    pub fn find(&self, method: &str, path: &str) -> Result<RouteMatch, RestError> {
        let sent = decode_segments(path);
        let matching = self.0.iter().filter(|known| known.matches(&sent));
        let known = matching
            .min_by_key(|known| known.parameter_count())
            .ok_or_else(RestError::no_route)?;
        let entry = known
            .entries
            .iter()
            .find(|entry| entry.verb.as_str() == method)
            .ok_or_else(|| RestError::wrong_method(known.allowed_methods()))?;
        let values = known
            .segments
            .iter()
            .zip(sent)
            .filter_map(|(segment, value)| match segment {
                Segment::Parameter => Some(value.map(Cow::into_owned)),
                Segment::Fixed(_) => None,
            });
        let read = |(name, value): (&&'static str, Option<String>)| match value {
            Some(value) => Ok((*name, value)),
            None => Err(RestError::invalid(vec![((*name).to_owned(), NOT_ENCODED.to_owned())])),
        };
        Ok(RouteMatch {
            route_index: entry.route_index,
            params: entry.names.iter().zip(values).map(read).collect::<Result<_, _>>()?,
            prefix: Arc::clone(&entry.prefix),
            alias_used: None,
        })
    }
}

impl PathPattern {
    fn matches(&self, sent: &[Option<Cow<'_, str>>]) -> bool {
        self.segments.len() == sent.len()
            && self.segments.iter().zip(sent).all(|(segment, part)| match segment {
                Segment::Fixed(fixed) => part.as_deref() == Some(&**fixed),
                Segment::Parameter => true,
            })
    }

    fn parameter_count(&self) -> usize {
        self.segments
            .iter()
            .filter(|segment| **segment == Segment::Parameter)
            .count()
    }

    fn allowed_methods(&self) -> String {
        let mut verbs: Vec<Verb> = self.entries.iter().map(|entry| entry.verb).collect();
        verbs.sort_unstable();
        verbs.dedup();
        let names = verbs.iter().flat_map(|verb| match verb {
            Verb::Get => vec!["GET", "HEAD"],
            other => vec![other.as_str()],
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

fn decode_segments(path: &str) -> Vec<Option<Cow<'_, str>>> {
    split_segments(path).map(|part| percent_decode(part, false)).collect()
}

fn split_segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).split('/')
}
