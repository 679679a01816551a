//! async-graphql's schemas without their types.

use async_graphql::{Executor, Request, Response};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;

/// [`Executor`] as a trait object.
pub(crate) trait DynExecutor: Send + Sync {
    fn execute_dyn(&self, request: Request) -> BoxFuture<'_, Response>;
    fn execute_stream_dyn(&self, request: Request) -> BoxStream<'static, Response>;
}

impl<E: Executor> DynExecutor for E {
    fn execute_dyn(&self, request: Request) -> BoxFuture<'_, Response> {
        self.execute(request).boxed()
    }

    fn execute_stream_dyn(&self, request: Request) -> BoxStream<'static, Response> {
        self.execute_stream(request, None)
    }
}
