//! The reasons that a remote subgraph cannot be set up.

use std::path::PathBuf;

/// The reason that a remote subgraph cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address is not one of an HTTP server.
    #[error("the URL of subgraph `{subgraph}` is `{url}`: it must be an address such as http://127.0.0.1:4001/graphql")]
    Url {
        /// The name of the subgraph.
        subgraph: String,
        /// The address.
        url: String,
    },
    /// A file with certificates or a key cannot be read.
    #[error("{setting} is `{}`: it must be a PEM file: {reason}", path.display())]
    File {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The certificates cannot be used.
    #[error("the certificates for subgraphs cannot be used: {0}")]
    Tls(String),
}
