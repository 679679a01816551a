//! The reasons to refuse a request for its document, and a manifest.

use std::path::{Path, PathBuf};

use contract::ErrorCode;

/// The reason that a request has no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It gives none.
    #[error("query must be given")]
    Missing,
    /// It gives a text and names a document.
    #[error("query and documentId: give one of them")]
    TextAndId,
    /// `documentId` where there are no trusted documents.
    #[error("documentId: this server has no trusted documents, send the query")]
    NoManifest,
    /// No trusted document has this id.
    #[error("documentId: no trusted document has this id")]
    UnknownId,
    /// A hash where documents cannot be named. Clients look for this message, and send the text from then on.
    #[error("PersistedQueryNotSupported")]
    NotSupported,
    /// An unknown hash. Clients look for this message, and register the document.
    #[error("PersistedQueryNotFound")]
    UnknownHash,
    /// Another version of the protocol.
    #[error("extensions.persistedQuery.version must be 1")]
    OtherVersion,
    /// No hash.
    #[error("extensions.persistedQuery.sha256Hash must be the SHA-256 hash of the query")]
    NoHash,
    /// The hash of another document.
    #[error("extensions.persistedQuery.sha256Hash is not the SHA-256 hash of the query")]
    OtherHash,
    /// Only trusted documents are answered.
    #[error("this server answers only trusted documents, and this is none of them")]
    NotTrusted,
}

impl DocumentError {
    /// Returns the code that clients see.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::NotSupported => ErrorCode::PersistedQueryNotSupported,
            Self::UnknownHash => ErrorCode::PersistedQueryNotFound,
            Self::NotTrusted => ErrorCode::DocumentNotTrusted,
            Self::UnknownId => ErrorCode::DocumentNotFound,
            Self::Missing
            | Self::TextAndId
            | Self::NoManifest
            | Self::OtherVersion
            | Self::NoHash
            | Self::OtherHash => ErrorCode::InvalidInput,
        }
    }
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("documents.trusted_documents: {}: {why}", path.display())]
pub struct ManifestError {
    path: PathBuf,
    why: String,
}

impl ManifestError {
    pub(super) fn new(path: &Path, why: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            why: why.into(),
        }
    }
}
