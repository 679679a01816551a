//! The graph, or a subgraph, whose requests share transactions.

use std::sync::Arc;

use contract::share_transactions;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;

use crate::subgraph::{Preparation, Subgraph, SubgraphRequest, SubgraphResponse};

/// A supergraph of domains in this process, or one of the domains: the statements of a request share transactions where none of
/// them waits ([`share_transactions`]).
pub struct SharingReads(pub Arc<dyn Subgraph>);

impl Subgraph for SharingReads {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        share_transactions(self.0.fetch(request)).boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        self.0.subscribe(request)
    }

    fn prepare(&self, request: SubgraphRequest) -> Preparation<'_> {
        self.0.prepare(request)
    }
}
