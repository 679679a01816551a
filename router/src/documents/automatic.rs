//! The documents that clients register by their hash.

use std::sync::Arc;

use moka::sync::Cache;

use super::hash::DocumentHash;

/// The approximate memory of an entry beside its text, in bytes.
const ENTRY_BYTES: usize = 256;

/// A bounded store of documents. Those that are asked for least give way, so clients have to register a document again when the
/// server says that it does not know it.
#[derive(Debug)]
pub(super) struct AutomaticDocuments(Cache<DocumentHash, Arc<str>>);

impl AutomaticDocuments {
    pub(super) fn new(bytes_max: u64) -> Self {
        let weight = |_: &DocumentHash, text: &Arc<str>| u32::try_from(text.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(bytes_max).weigher(weight).build())
    }

    pub(super) fn get(&self, hash: &DocumentHash) -> Option<Arc<str>> {
        self.0.get(hash)
    }

    /// Keeps a text under its hash, which the caller has computed. Returns whether it is new.
    pub(super) fn register(&self, hash: DocumentHash, text: &Arc<str>) -> bool {
        let is_new = !self.0.contains_key(&hash);
        if is_new {
            self.0.insert(hash, Arc::clone(text));
            // Otherwise moka removes what exceeds the bound some time later. Documents are registered rarely.
            self.0.run_pending_tasks();
        }
        is_new
    }
}
