//! The settings of documents.

use std::path::PathBuf;

use contract::settings;
use serde::{Deserialize, Serialize};

settings! {
    /// Documents that clients name instead of sending them, and batches.
    DocumentSettings with flags DocumentFlags under "Documents" {
        /// Whether clients may register documents by their hash (automatic persisted queries, Apollo's protocol).
        persisted_queries: bool = true,
        /// Bytes of the registered documents. Those that are asked for least give way.
        persisted_query_bytes_max: u64 = 8 * 1024 * 1024,
        /// A file with the trusted documents of the clients: Apollo's manifest, or a JSON object with a document for each id. Empty by
        /// default: there are none.
        trusted_documents: PathBuf = PathBuf::new(),
        /// Bytes of that file.
        trusted_document_bytes_max: u64 = 16 * 1024 * 1024,
        /// The treatment of a document that is not trusted: `serve`, `report` (serve it, count it and log its hash), or `refuse`.
        untrusted_documents: UntrustedDocuments = UntrustedDocuments::Serve,
        /// Operations that one POST may hold as a JSON array (batching); 0 for none.
        batch_operations_max: usize = 0,
    }
}

/// The treatment of a document that is not among the trusted documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum UntrustedDocuments {
    /// It is served.
    #[default]
    Serve,
    /// It is served, counted, and its hash is logged.
    Report,
    /// It is refused.
    Refuse,
}

impl DocumentSettings {
    /// Returns what does not fit together: the name of a setting, and the reason.
    pub fn violation(&self) -> Option<(&'static str, &'static str)> {
        let needs_manifest = self.untrusted_documents != UntrustedDocuments::Serve;
        (needs_manifest && self.trusted_documents.as_os_str().is_empty()).then_some((
            "documents.untrusted_documents",
            "needs a manifest: set documents.trusted_documents",
        ))
    }
}
