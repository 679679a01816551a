//! The errors of a supergraph that cannot be served.

/// An error that prevents the supergraph from being served.
#[derive(Debug, thiserror::Error)]
pub enum SupergraphError {
    /// The supergraph is invalid: it is not SDL, or it is not a composed supergraph.
    #[error("the supergraph is not valid: {0}")]
    Schema(String),
    /// The supergraph uses a feature that is not supported.
    #[error("the supergraph uses {0}, which is not supported")]
    Unsupported(String),
    /// The supergraph names a subgraph that was not given.
    #[error("the supergraph needs a subgraph \"{0}\"")]
    MissingSubgraph(String),
}
