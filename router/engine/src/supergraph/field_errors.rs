//! The errors of an execution, and the places of the answer that they explain.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::{ErrorExtensionValues, Name, PathSegment, ServerError};
use foundation::ErrorCode;

use super::plan::model::{ObjectProjection, ValueKind, ValueProjection};
use super::tree::PathSegmentRef;

/// The reason that a fetch returned no data. Every field of the answer that stays empty because of it gets an error.
#[derive(Debug)]
pub struct FetchError {
    /// The message for the client.
    pub message: String,
    /// `code`, and the extensions that a subgraph added.
    pub extensions: Option<ErrorExtensionValues>,
    /// Whether a place of the answer has reported it.
    is_reported: AtomicBool,
}

impl FetchError {
    /// An error that the gateway itself reports.
    pub fn new(message: impl Into<String>, code: ErrorCode) -> Arc<Self> {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", code.as_str());
        Arc::new(Self {
            message: message.into(),
            extensions: Some(extensions),
            is_reported: AtomicBool::new(true),
        })
    }

    /// An error that a subgraph reported.
    pub fn from_subgraph(error: ServerError) -> Arc<Self> {
        Arc::new(Self {
            message: error.message,
            extensions: error.extensions,
            is_reported: AtomicBool::new(false),
        })
    }

    /// A copy of an error at another place.
    fn copy_of(error: &ServerError) -> Arc<Self> {
        Arc::new(Self {
            message: error.message.clone(),
            extensions: error.extensions.clone(),
            is_reported: AtomicBool::new(false),
        })
    }

    /// Returns the error at one place of the answer, and marks this one as reported.
    pub fn error(&self) -> ServerError {
        self.is_reported.store(true, Ordering::Relaxed);
        let mut error = ServerError::new(self.message.clone(), None);
        error.extensions.clone_from(&self.extensions);
        error
    }
}

/// The errors of an execution.
#[derive(Debug, Default)]
pub struct FieldErrors {
    /// The shape of the answer. An error outside of it is about a field that the planner added.
    projection: Option<Arc<ObjectProjection>>,
    /// The errors to list, at most `errors_max`.
    pub listed: Vec<ServerError>,
    /// The number of errors beyond `errors_max`.
    pub omitted: usize,
    /// The places that the errors explain; `None` before the first error.
    pub error_paths: Option<ErrorPaths>,
    /// Causes from subgraphs that no place of the answer had reported when they were recorded.
    unreported: Vec<Arc<FetchError>>,
    errors_max: usize,
}

impl FieldErrors {
    /// Whether no error was recorded.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.omitted == 0 && self.error_paths.is_none() && self.unreported.is_empty()
    }

    /// No errors yet, with room for `errors_max`, for an answer of that shape.
    pub fn new(errors_max: usize, projection: Arc<ObjectProjection>) -> Self {
        Self {
            errors_max,
            projection: Some(projection),
            ..Self::default()
        }
    }

    /// Records an error at exactly this place of the fetched data. It is listed if the operation asked for the place.
    /// Otherwise the planner added the place: the fields that depend on it fail with this error ([`ErrorPaths::error_below`]),
    /// it is not listed, and this returns the cause.
    pub fn list(&mut self, error: ServerError) -> Option<Arc<FetchError>> {
        let shown = self
            .projection
            .as_ref()
            .is_none_or(|projection| is_shown(projection, &error.path));
        let mut paths = self.error_paths.get_or_insert_default();
        for segment in &error.path {
            paths.is_listed |= shown;
            paths = paths.child_mut(segment);
        }
        paths.is_listed |= shown;
        let cause = paths.error.get_or_insert_with(|| FetchError::copy_of(&error)).clone();
        if !shown {
            return Some(cause);
        }
        self.push(error);
        None
    }

    /// Lists an error without recording its path: the projection is writing its place right now.
    pub fn push(&mut self, error: ServerError) {
        if self.listed.len() < self.errors_max {
            self.listed.push(error)
        } else {
            self.omitted += 1
        }
    }

    /// Records the cause for every empty value at or below this place. The first cause counts.
    pub fn fail(&mut self, path: &[PathSegment], cause: &Arc<FetchError>) {
        self.paths_mut(path).cause.get_or_insert_with(|| cause.clone());
        self.note_unreported(cause);
    }

    /// Records the cause for every empty value at or below these keys of the object at this place. The first cause of a key
    /// counts.
    pub fn fail_keys(&mut self, path: &[PathSegment], keys: &Arc<[Name]>, cause: &Arc<FetchError>) {
        self.paths_mut(path).causes_by_keys.push((keys.clone(), cause.clone()));
        self.note_unreported(cause);
    }

    fn paths_mut(&mut self, path: &[PathSegment]) -> &mut ErrorPaths {
        let root = self.error_paths.get_or_insert_default();
        path.iter().fold(root, |paths, segment| paths.child_mut(segment))
    }

    fn note_unreported(&mut self, cause: &Arc<FetchError>) {
        let is_new = self.unreported.last().is_none_or(|last| !Arc::ptr_eq(last, cause));
        if is_new && !cause.is_reported.load(Ordering::Relaxed) {
            self.unreported.push(cause.clone());
        }
    }

    /// Lists the causes that no place of the answer has reported, so that no subgraph error is lost.
    pub fn list_unreported(&mut self) {
        for cause in std::mem::take(&mut self.unreported) {
            if !cause.is_reported.load(Ordering::Relaxed) {
                self.push(cause.error());
            }
        }
    }
}

/// Whether the operation selects a place of the fetched data.
fn is_shown(projection: &ObjectProjection, path: &[PathSegment]) -> bool {
    let mut objects = vec![projection];
    for segment in path {
        let PathSegment::Field(key) = segment else { continue };
        let fields = objects.iter().flat_map(|object| &object.fields);
        let found: Vec<_> = fields.filter(|field| *field.data_key == **key).collect();
        if found.is_empty() {
            return false;
        }
        let values = found.iter().filter_map(|field| field.value.as_ref());
        objects = values.flat_map(ValueProjection::objects).collect();
    }
    true
}

impl ValueProjection {
    /// The object types that a value can have; lists are followed to their items.
    fn objects(&self) -> Vec<&ObjectProjection> {
        match &self.kind {
            ValueKind::List(item) => item.objects(),
            ValueKind::Object(object) => vec![object],
            ValueKind::Abstract(objects) => objects.values().map(Arc::as_ref).collect(),
            ValueKind::Leaf(_) | ValueKind::Denied(_) => Vec::new(),
        }
    }
}

/// The places of the fetched data that errors explain, as a tree like the data itself.
#[derive(Debug, Default)]
pub struct ErrorPaths {
    /// An error is listed for this place or one below it.
    pub is_listed: bool,
    /// The reason that this place, and those below it, may be empty.
    pub cause: Option<Arc<FetchError>>,
    /// The reasons that some keys of the object at this place may be empty.
    causes_by_keys: Vec<(Arc<[Name]>, Arc<FetchError>)>,
    /// The error that happened at exactly this place.
    error: Option<Arc<FetchError>>,
    fields: HashMap<String, ErrorPaths>,
    items: HashMap<usize, ErrorPaths>,
}

impl ErrorPaths {
    /// The errors at a key.
    pub fn field(&self, key: &str) -> Option<&Self> {
        self.fields.get(key)
    }

    /// Returns the reason that a key of the object at this place, and all below it, may be empty.
    pub fn cause_of_key(&self, key: &str) -> Option<&Arc<FetchError>> {
        let mut causes = self.causes_by_keys.iter();
        let (_, cause) = causes.find(|(keys, _)| keys.iter().any(|known| known.as_str() == key))?;
        Some(cause)
    }

    /// The errors at an index.
    pub fn item(&self, index: usize) -> Option<&Self> {
        self.items.get(&index)
    }

    /// Returns an error that happened at this place or below it.
    pub fn error_below(&self) -> Option<&Arc<FetchError>> {
        let below = || {
            let mut inner = self.fields.values().chain(self.items.values());
            inner.find_map(Self::error_below)
        };
        self.error.as_ref().or_else(below)
    }

    /// Returns the errors at the end of a path.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a PathSegmentRef<'a>>) -> Option<&Self> {
        path.into_iter().try_fold(self, |paths, step| match step {
            PathSegmentRef::Key(key) => paths.field(key),
            PathSegmentRef::Index(index) => paths.item(*index),
        })
    }

    /// Whether a key below this place is known to have failed, which implies that the object existed.
    pub fn has_failed_fields(&self) -> bool {
        self.fields.values().any(|paths| paths.is_listed)
    }

    fn child_mut(&mut self, segment: &PathSegment) -> &mut Self {
        match segment {
            PathSegment::Field(key) => self.fields.entry(key.clone()).or_default(),
            PathSegment::Index(index) => self.items.entry(*index).or_default(),
        }
    }
}
