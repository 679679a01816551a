//! The replicas as upstreams of the bazaar's REST routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use futures_util::future::{BoxFuture, FutureExt};
use order_log::{FrontEnd, ReplicaId};

use crate::rest::Upstream;

/// One replica.
struct ReplicaUpstream {
    id: ReplicaId,
    front_end: FrontEnd,
}

impl Upstream for ReplicaUpstream {
    fn is_responding(&self) -> BoxFuture<'_, bool> {
        self.front_end.is_responding(self.id).boxed()
    }

    fn forward(&self, request: Request) -> BoxFuture<'_, Response> {
        self.front_end.forward(self.id, request).boxed()
    }
}

/// Returns the replicas of this front end as upstreams, by id.
pub fn replica_upstreams(front_end: &FrontEnd) -> BTreeMap<ReplicaId, Arc<dyn Upstream>> {
    let upstream = |id: &ReplicaId| -> (ReplicaId, Arc<dyn Upstream>) {
        let front_end = front_end.clone();
        (*id, Arc::new(ReplicaUpstream { id: *id, front_end }))
    };
    front_end.urls().keys().map(upstream).collect()
}
