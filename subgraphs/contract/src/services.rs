//! What a domain is built from.

use std::sync::Arc;

use crate::{Bus, Clock, Db, TokenKeys};

/// What a domain is built from: made once per process, cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where events go and come from.
    pub bus: Arc<dyn Bus>,
    /// The installation's signing keys.
    pub keys: Arc<TokenKeys>,
}
