//! Documents that a request names instead of sending them: trusted documents, and automatic persisted queries.
//!
//! - A manifest has the trusted documents of an application's build. A request names one by `documentId` (the appendix "Persisted
//!   Documents" of the GraphQL-over-HTTP specification), or by the hash of Apollo's protocol. The setting `untrusted_documents` tells
//!   what happens to all other documents.
//! - Automatic persisted queries (Apollo's protocol) are registered by clients: a request with a text and its SHA-256 hash registers
//!   the text, and later requests send the hash alone.
//!
//! A document is the same if its text is the same, byte for byte.

mod automatic;
mod error;
mod hash;
mod manifest;
mod settings;
mod trusted;

use std::sync::Arc;

use meters::Counter;

use automatic::AutomaticDocuments;
pub use error::{DocumentError, ManifestError};
use hash::DocumentHash;
pub use settings::{DocumentFlags, DocumentSettings, UntrustedDocuments};
use trusted::TrustedDocuments;

use crate::subgraph::{Caller, RequestDocument, Subgraph, SubgraphRequest};

/// How a request gives its document.
#[derive(Clone, Debug, Default)]
pub struct DocumentReference {
    /// The text.
    pub text: Option<String>,
    /// The `documentId`.
    pub id: Option<String>,
    /// The value of `extensions.persistedQuery`.
    pub persisted_query: Option<serde_json::Value>,
}

/// How often documents were found, registered and refused.
#[derive(Debug, Default)]
pub struct DocumentMeters {
    /// Requests whose named document was known.
    pub hits: Counter,
    /// Requests whose named document was not known.
    pub misses: Counter,
    /// Documents that clients registered.
    pub registered: Counter,
    /// Requests with documents that are not trusted, if that is reported or refused.
    pub untrusted: Counter,
}

/// The documents that requests may name.
#[derive(Debug, Default)]
pub struct Documents {
    automatic: Option<AutomaticDocuments>,
    trusted: Option<TrustedDocuments>,
    untrusted: UntrustedDocuments,
    /// The counts.
    pub meters: DocumentMeters,
}

impl Documents {
    /// Reads the manifest of the settings, if they name one.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn open(settings: &DocumentSettings) -> Result<Self, ManifestError> {
        let path = &settings.trusted_documents;
        let trusted = if path.as_os_str().is_empty() {
            None
        } else {
            let most = settings.trusted_document_bytes_max;
            let read = manifest::read(path, most).map_err(|why| ManifestError::new(path, why))?;
            Some(TrustedDocuments::new(path, read))
        };
        // A registered document would be one that is not trusted.
        let is_open = settings.untrusted_documents != UntrustedDocuments::Refuse;
        let automatic = settings.persisted_queries && is_open;
        Ok(Self {
            automatic: automatic.then(|| AutomaticDocuments::new(settings.persisted_query_bytes_max)),
            trusted,
            untrusted: settings.untrusted_documents,
            meters: DocumentMeters::default(),
        })
    }

    /// Checks every trusted document against the schema of a graph.
    ///
    /// # Errors
    /// The first document that the graph refuses, with its reason.
    pub async fn require_valid(&self, graph: &dyn Subgraph) -> Result<(), ManifestError> {
        let Some(trusted) = &self.trusted else { return Ok(()) };
        for (id, document) in trusted.documents() {
            let request = SubgraphRequest {
                document: RequestDocument::Text(Arc::clone(&document.text)),
                operation_name: document.operation_name.clone(),
                variables: Default::default(),
                caller: Caller::anonymous(),
                request_id: "trusted-documents".into(),
                budget: None,
            };
            if let Err(refusal) = graph.prepare(request).await.request {
                let reason = String::from_utf8_lossy(&refusal.body).into_owned();
                return Err(ManifestError::new(
                    trusted.path(),
                    format!("the document `{id}` is not valid: {reason}"),
                ));
            }
        }
        Ok(())
    }

    /// Returns the text of a request's document.
    ///
    /// # Errors
    /// When it is not known, not permitted, or not the document of its hash.
    pub fn text(&self, reference: DocumentReference, cacheable_bytes_max: usize) -> Result<Arc<str>, DocumentError> {
        match reference {
            DocumentReference {
                text: Some(_),
                id: Some(_),
                ..
            } => Err(DocumentError::TextAndId),
            DocumentReference { id: Some(id), .. } => self.by_id(&id),
            DocumentReference {
                text: Some(text),
                persisted_query,
                ..
            } => self.sent(text, persisted_query.as_ref(), cacheable_bytes_max),
            DocumentReference {
                persisted_query: Some(named),
                ..
            } => self.by_hash(&named),
            DocumentReference { .. } => Err(DocumentError::Missing),
        }
    }

    fn by_id(&self, id: &str) -> Result<Arc<str>, DocumentError> {
        let trusted = self.trusted.as_ref().ok_or(DocumentError::NoManifest)?;
        self.counted(trusted.get(id)).ok_or(DocumentError::UnknownId)
    }

    fn by_hash(&self, named: &serde_json::Value) -> Result<Arc<str>, DocumentError> {
        if self.automatic.is_none() && self.trusted.is_none() {
            return Err(DocumentError::NotSupported);
        }
        let named = hash::sent_hash(named)?;
        let trusted = self.trusted.as_ref().and_then(|trusted| trusted.get(named));
        let known = || self.automatic.as_ref()?.get(&DocumentHash::parse(named)?);
        let found = self.counted(trusted.or_else(known));
        found.ok_or(match &self.automatic {
            Some(_) => DocumentError::UnknownHash,
            // A client that is told that the hash is unknown would send the text, which is refused or not remembered.
            None if self.untrusted == UntrustedDocuments::Refuse => DocumentError::NotTrusted,
            None => DocumentError::NotSupported,
        })
    }

    fn counted(&self, found: Option<Arc<str>>) -> Option<Arc<str>> {
        let meter = if found.is_some() {
            &self.meters.hits
        } else {
            &self.meters.misses
        };
        meter.increment();
        found
    }

    /// Checks a text, and registers it if its hash is given.
    fn sent(
        &self,
        text: String,
        persisted_query: Option<&serde_json::Value>,
        cacheable_bytes_max: usize,
    ) -> Result<Arc<str>, DocumentError> {
        let text: Arc<str> = text.into();
        if let (Some(named), true) = (persisted_query, self.automatic.is_some() || self.trusted.is_some()) {
            let named = hash::sent_hash(named)?;
            let hash = DocumentHash::of(&text);
            let is_known_id = || self.trusted.as_ref().and_then(|trusted| trusted.get(named)).as_ref() == Some(&text);
            if DocumentHash::parse(named) != Some(hash) && !is_known_id() {
                return Err(DocumentError::OtherHash);
            }
            if let Some(automatic) = self.automatic.as_ref().filter(|_| text.len() <= cacheable_bytes_max)
                && automatic.register(hash, &text)
            {
                self.meters.registered.increment();
            }
        }
        self.require_trusted(&text)?;
        Ok(text)
    }

    fn require_trusted(&self, text: &str) -> Result<(), DocumentError> {
        let trusted = match (&self.trusted, self.untrusted) {
            (Some(trusted), UntrustedDocuments::Report | UntrustedDocuments::Refuse) => trusted,
            _ => return Ok(()),
        };
        if trusted.contains_text(text) {
            return Ok(());
        }
        self.meters.untrusted.increment();
        if self.untrusted == UntrustedDocuments::Refuse {
            return Err(DocumentError::NotTrusted);
        }
        trusted.report(text);
        Ok(())
    }
}
