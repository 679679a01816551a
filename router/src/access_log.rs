//! The access log: one line for each request, and for each operation of a WebSocket.
//!
//! The middleware writes the line. The handlers behind it add what only they know, through the [`AccessNote`] of the request; without
//! the log there is no note. Text that a client chose is bounded and escaped, so that it neither breaks a line nor fills the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::Request;
use axum::http::Extensions;
use axum::response::Response;
use contract::{ErrorCodeSet, Viewer};

use crate::request_meters::{Transport, kind_label};
use crate::subgraph::OperationKind;

/// The most characters of a client's text in a line, before they are escaped.
const TEXT_CHARS_MAX: usize = 64;
/// The most characters of a path.
const PATH_CHARS_MAX: usize = 256;

/// Whether the log is enabled.
pub(crate) fn is_enabled() -> bool {
    tracing::enabled!(target: "agora::access", tracing::Level::INFO)
}

/// The facts about a request that its handlers know. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccessNote(Arc<Mutex<AccessFacts>>);

#[derive(Debug, Default)]
struct AccessFacts {
    viewer: Option<LoggedViewer>,
    operation: Option<String>,
    kind: Option<OperationKind>,
    route: Option<&'static str>,
    codes: ErrorCodeSet,
}

/// A viewer as the log names it.
#[derive(Debug)]
struct LoggedViewer {
    kind: &'static str,
    /// The id of a user.
    id: Option<i64>,
    /// The name of a service or of an open mount.
    name: Option<String>,
}

impl From<&Viewer> for LoggedViewer {
    fn from(viewer: &Viewer) -> Self {
        let (kind, id, name) = match viewer {
            Viewer::Anonymous => ("anonymous", None, None),
            Viewer::User { id, .. } => ("user", Some(*id), None),
            Viewer::Service { name } => ("service", None, Some(loggable(name, TEXT_CHARS_MAX))),
            Viewer::OpenMount { name } => ("open_mount", None, Some(loggable(name, TEXT_CHARS_MAX))),
        };
        Self { kind, id, name }
    }
}

impl AccessNote {
    /// Returns the note of a request; `None` if its line is not written.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        if is_enabled() { extensions.get().cloned() } else { None }
    }

    /// Notes the caller.
    pub fn viewer(&self, viewer: &Viewer) {
        self.lock().viewer = Some(viewer.into());
    }

    /// Notes the name that the client gives its operation, and its kind if it is known.
    pub fn operation(&self, name: Option<&str>, kind: Option<OperationKind>) {
        let mut facts = self.lock();
        facts.operation = name.map(|name| loggable(name, TEXT_CHARS_MAX));
        facts.kind = kind;
    }

    /// Notes the route of a REST mount.
    pub fn route(&self, name: &'static str, kind: OperationKind) {
        let mut facts = self.lock();
        facts.route = Some(name);
        facts.kind = Some(kind);
    }

    /// Notes the codes of the errors of the answer.
    pub fn codes(&self, codes: ErrorCodeSet) {
        let mut facts = self.lock();
        facts.codes = codes;
    }

    fn lock(&self) -> MutexGuard<'_, AccessFacts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line that is being recorded.
pub(crate) struct AccessLogEntry {
    method: axum::http::Method,
    /// The path without the query, which may contain private data.
    path: String,
    note: AccessNote,
    began: Instant,
}

impl AccessLogEntry {
    /// Begins the line of a request, and gives the request its note; `None` if the log is disabled.
    pub fn begin(request: &mut Request) -> Option<Self> {
        if !is_enabled() {
            return None;
        }
        let note = AccessNote::default();
        request.extensions_mut().insert(note.clone());
        Some(Self {
            method: request.method().clone(),
            path: loggable(request.uri().path(), PATH_CHARS_MAX),
            note,
            began: Instant::now(),
        })
    }

    /// Returns the note of the request.
    pub fn note(&self) -> &AccessNote {
        &self.note
    }

    /// Writes the line.
    pub fn end(self, id: &str, response: &Response) {
        let Self {
            method,
            path,
            note,
            began,
        } = self;
        let facts = note.lock();
        let viewer = facts.viewer.as_ref();
        let codes = (!facts.codes.is_empty()).then(|| facts.codes.to_string());
        tracing::info!(
            target: "agora::access",
            id,
            method = method.as_str(),
            path,
            status = response.status().as_u16(),
            took_ms = milliseconds(began),
            viewer = viewer.map(|viewer| viewer.kind),
            viewer_id = viewer.and_then(|viewer| viewer.id),
            viewer_name = viewer.and_then(|viewer| viewer.name.as_deref()),
            operation = facts.operation.as_deref(),
            kind = facts.kind.map(kind_label),
            route = facts.route,
            codes,
            "answered"
        );
    }
}

/// An operation of a transport that has no response of its own for it: a WebSocket. Its line is written when it ends, however that is.
pub(crate) struct OperationLogEntry {
    id: Arc<str>,
    transport: Transport,
    note: AccessNote,
    answers: u64,
    began: Instant,
}

impl OperationLogEntry {
    /// Begins the line of an operation of this viewer; `None` if the log is disabled.
    pub fn begin(id: &Arc<str>, transport: Transport, viewer: &Viewer) -> Option<Self> {
        if !is_enabled() {
            return None;
        }
        let note = AccessNote::default();
        note.viewer(viewer);
        Some(Self {
            id: Arc::clone(id),
            transport,
            note,
            answers: 0,
            began: Instant::now(),
        })
    }

    /// Returns the note of the operation.
    pub fn note(&self) -> &AccessNote {
        &self.note
    }

    /// Notes an answer.
    pub fn answered(&mut self, codes: ErrorCodeSet) {
        self.answers += 1;
        let mut facts = self.note.lock();
        facts.codes = facts.codes.union(codes);
    }
}

impl Drop for OperationLogEntry {
    fn drop(&mut self) {
        let facts = self.note.lock();
        let viewer = facts.viewer.as_ref();
        let codes = (!facts.codes.is_empty()).then(|| facts.codes.to_string());
        tracing::info!(
            target: "agora::access",
            id = &*self.id,
            transport = self.transport.label(),
            answers = self.answers,
            took_ms = milliseconds(self.began),
            viewer = viewer.map(|viewer| viewer.kind),
            viewer_id = viewer.and_then(|viewer| viewer.id),
            viewer_name = viewer.and_then(|viewer| viewer.name.as_deref()),
            operation = facts.operation.as_deref(),
            kind = facts.kind.map(kind_label),
            codes,
            "operation ended"
        );
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a float has enough digits for a year of microseconds"
)]
fn milliseconds(began: Instant) -> f64 {
    began.elapsed().as_micros() as f64 / 1_000.0
}

/// Returns the beginning of a text with everything escaped that is no printable ASCII character.
fn loggable(text: &str, chars_max: usize) -> String {
    let plain = |character: char| character == ' ' || character.is_ascii_graphic();
    let mut shown = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(chars_max) {
        if plain(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_text_is_one_short_line() {
        assert_eq!(loggable("Look_up", 64), "Look_up");
        assert_eq!(
            loggable("a\nb\r\u{1b}[31m\u{202e}é", 64),
            "a\\nb\\r\\u{1b}[31m\\u{202e}\\u{e9}"
        );
        assert_eq!(loggable(&"x".repeat(65), 64), format!("{}…", "x".repeat(64)));
    }
}
