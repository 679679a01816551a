//! The errors of an execution, and the places of the answer that they explain.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::{ErrorExtensionValues, PathSegment, ServerError};

use super::shape::{Kind, ObjectShape, ValueShape};
use super::tree::At;

/// The reason that a fetch returned no data. Every field of the answer that stays empty because of it gets an error.
#[derive(Debug)]
pub struct Cause {
    /// The message for the client.
    pub message: String,
    /// `code`, and the extensions that a subgraph added.
    pub extensions: Option<ErrorExtensionValues>,
    /// Whether a place of the answer has reported it.
    told: AtomicBool,
}

impl Cause {
    /// A cause that the gateway itself reports.
    pub fn new(message: impl Into<String>, code: &str) -> Arc<Self> {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", code);
        Arc::new(Self {
            message: message.into(),
            extensions: Some(extensions),
            told: AtomicBool::new(true),
        })
    }

    /// A cause that a subgraph reported.
    pub fn given(error: ServerError) -> Arc<Self> {
        Arc::new(Self {
            message: error.message,
            extensions: error.extensions,
            told: AtomicBool::new(false),
        })
    }

    /// A cause copied from an error at another place.
    fn copied(error: &ServerError) -> Arc<Self> {
        Arc::new(Self {
            message: error.message.clone(),
            extensions: error.extensions.clone(),
            told: AtomicBool::new(false),
        })
    }

    /// Returns an error with this cause, and marks the cause as reported.
    pub fn error(&self) -> ServerError {
        self.told.store(true, Ordering::Relaxed);
        let mut error = ServerError::new(self.message.clone(), None);
        error.extensions.clone_from(&self.extensions);
        error
    }
}

/// The errors of an execution.
#[derive(Debug, Default)]
pub struct Faults {
    /// The shape of the answer. An error outside of it is about a field that the planner added.
    shape: Option<Arc<ObjectShape>>,
    /// The errors to list, at most `errors_max`.
    pub listed: Vec<ServerError>,
    /// The number of errors beyond `errors_max`.
    pub omitted: usize,
    /// The places that the errors explain; `None` before the first error.
    pub marks: Option<Marks>,
    /// Causes from subgraphs that no place of the answer had reported when they were recorded.
    given: Vec<Arc<Cause>>,
    errors_max: usize,
}

impl Faults {
    /// No errors yet, with room for `errors_max`, for an answer of that shape.
    pub fn new(errors_max: usize, shape: Arc<ObjectShape>) -> Self {
        Self {
            errors_max,
            shape: Some(shape),
            ..Self::default()
        }
    }

    /// Records an error at exactly this place of the fetched data. It is listed if the operation asked for the place.
    /// Otherwise the planner added the place: the fields that depend on it fail with this error ([`Marks::error_below`]),
    /// it is not listed, and this returns the cause.
    pub fn list(&mut self, error: ServerError) -> Option<Arc<Cause>> {
        let shown = self.shape.as_ref().is_none_or(|shape| is_shown(shape, &error.path));
        let mut mark = self.marks.get_or_insert_default();
        for segment in &error.path {
            mark.listed |= shown;
            mark = mark.child_mut(segment);
        }
        mark.listed |= shown;
        let cause = mark.error.get_or_insert_with(|| Cause::copied(&error)).clone();
        if !shown {
            return Some(cause);
        }
        self.push(error);
        None
    }

    /// Lists an error without a mark: the projection is writing its place right now.
    pub fn push(&mut self, error: ServerError) {
        match self.listed.len() < self.errors_max {
            true => self.listed.push(error),
            false => self.omitted += 1,
        }
    }

    /// Records the cause for every empty value at or below this place. The first cause counts.
    pub fn fail(&mut self, path: &[PathSegment], cause: &Arc<Cause>) {
        let mark = path.iter().fold(self.marks.get_or_insert_default(), |mark, segment| {
            mark.child_mut(segment)
        });
        mark.cause.get_or_insert_with(|| cause.clone());
        let is_new = self.given.last().is_none_or(|last| !Arc::ptr_eq(last, cause));
        if is_new && !cause.told.load(Ordering::Relaxed) {
            self.given.push(cause.clone());
        }
    }

    /// Lists the causes that no place of the answer has reported, so that no subgraph error is lost.
    pub fn tell_the_rest(&mut self) {
        for cause in std::mem::take(&mut self.given) {
            if !cause.told.load(Ordering::Relaxed) {
                self.push(cause.error());
            }
        }
    }
}

/// Whether the operation selects a place of the fetched data.
fn is_shown(shape: &ObjectShape, path: &[PathSegment]) -> bool {
    let mut objects = vec![shape];
    for segment in path {
        let PathSegment::Field(key) = segment else { continue };
        let fields = objects.iter().flat_map(|object| &object.fields);
        let found: Vec<_> = fields.filter(|field| *field.data_key == **key).collect();
        if found.is_empty() {
            return false;
        }
        let values = found.iter().filter_map(|field| field.value.as_ref());
        objects = values.flat_map(ValueShape::objects).collect();
    }
    true
}

impl ValueShape {
    /// The object types that a value can have; lists are followed to their items.
    fn objects(&self) -> Vec<&ObjectShape> {
        match &self.kind {
            Kind::List(item) => item.objects(),
            Kind::Object(object) => vec![object],
            Kind::Abstract(objects) => objects.values().map(Arc::as_ref).collect(),
            Kind::Leaf(_) => Vec::new(),
        }
    }
}

/// The places of the fetched data that errors explain, as a tree like the data itself.
#[derive(Debug, Default)]
pub struct Marks {
    /// An error is listed for this place or one below it.
    pub listed: bool,
    /// The reason that this place, and those below it, may be empty.
    pub cause: Option<Arc<Cause>>,
    /// The error that happened at exactly this place.
    error: Option<Arc<Cause>>,
    fields: HashMap<String, Marks>,
    items: HashMap<usize, Marks>,
}

impl Marks {
    /// The mark of a key.
    pub fn field(&self, key: &str) -> Option<&Self> {
        self.fields.get(key)
    }

    /// The mark of an index.
    pub fn item(&self, index: usize) -> Option<&Self> {
        self.items.get(&index)
    }

    /// Returns an error that happened at this place or below it.
    pub fn error_below(&self) -> Option<&Arc<Cause>> {
        let below = || {
            let mut inner = self.fields.values().chain(self.items.values());
            inner.find_map(Self::error_below)
        };
        self.error.as_ref().or_else(below)
    }

    /// Returns the mark at the end of a path.
    pub fn at<'a>(&self, way: impl IntoIterator<Item = &'a At<'a>>) -> Option<&Self> {
        way.into_iter().try_fold(self, |mark, step| match step {
            At::Key(key) => mark.field(key),
            At::Index(index) => mark.item(*index),
        })
    }

    /// Whether a key below this place is known to have failed, which implies that the object existed.
    pub fn has_failed_fields(&self) -> bool {
        self.fields.values().any(|mark| mark.listed)
    }

    fn child_mut(&mut self, segment: &PathSegment) -> &mut Self {
        match segment {
            PathSegment::Field(key) => self.fields.entry(key.clone()).or_default(),
            PathSegment::Index(index) => self.items.entry(*index).or_default(),
        }
    }
}
