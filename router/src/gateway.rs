//! What every door of the router needs: the graph, who is asking, the time, the bounds.

use std::sync::Arc;

use contract::Clock;
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticator;
use crate::limits::Limits;
use crate::subgraph::Subgraph;

/// What every door of the router needs. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    /// The graph behind all doors.
    pub graph: Arc<dyn Subgraph>,
    /// Who is asking.
    pub auth: Arc<Authenticator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The bounds.
    pub limits: Arc<Limits>,
    /// Cancelled when the process has to end: streams end, nothing new begins.
    pub shutdown: CancellationToken,
}
