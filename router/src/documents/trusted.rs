//! The documents that an operator trusts.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moka::sync::Cache;

use super::hash::DocumentHash;
use super::manifest::{Manifest, TrustedDocument};

/// The documents whose report is remembered, so that it is not repeated for each request.
const REPORTED_MAX: u64 = 1_000;

/// The documents of a manifest.
#[derive(Debug)]
pub(super) struct TrustedDocuments {
    path: PathBuf,
    by_id: Manifest,
    by_hash: HashMap<DocumentHash, Arc<str>>,
    texts: HashSet<Arc<str>>,
    reported: Cache<DocumentHash, ()>,
}

impl TrustedDocuments {
    pub(super) fn new(path: &Path, by_id: Manifest) -> Self {
        let texts = || by_id.values().map(|document| Arc::clone(&document.text));
        Self {
            path: path.to_owned(),
            by_hash: texts().map(|text| (DocumentHash::of(&text), text)).collect(),
            texts: texts().collect(),
            by_id,
            reported: Cache::new(REPORTED_MAX),
        }
    }

    /// Returns the path of the manifest.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the documents with their ids.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&str, &TrustedDocument)> {
        self.by_id.iter().map(|(id, document)| (&**id, document))
    }

    /// Returns the document with that id, or with that hash, which may be written `sha256:HASH`.
    pub(super) fn get(&self, id: &str) -> Option<Arc<str>> {
        if let Some(document) = self.by_id.get(id) {
            return Some(Arc::clone(&document.text));
        }
        let hash = DocumentHash::parse(id.strip_prefix("sha256:").unwrap_or(id))?;
        self.by_hash.get(&hash).cloned()
    }

    /// Whether a document has this text.
    pub(super) fn contains_text(&self, text: &str) -> bool {
        self.texts.contains(text)
    }

    /// Logs the hash of a document that is not trusted, once.
    pub(super) fn report(&self, text: &str) {
        let hash = DocumentHash::of(text);
        if !self.reported.contains_key(&hash) {
            self.reported.insert(hash, ());
            tracing::warn!(%hash, bytes = text.len(), "a document is not among the trusted documents");
        }
    }
}
