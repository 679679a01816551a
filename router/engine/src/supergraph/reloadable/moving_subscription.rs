//! A subscription that moves to each new graph.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;
use tokio::time::sleep;

use super::ReloadableSupergraph;
use crate::subgraph::{EncodedResponse, RequestDocument, SubgraphRequest};
use crate::supergraph::Supergraph;
use crate::supergraph::request_error::RequestError;
use crate::supergraph::subscribe::{Subscription, once};

/// The wait before a subscription tries again to move while too many operations are planned.
const RETRY_WAIT: Duration = Duration::from_millis(100);

/// An open subscription and the graphs that it moves to.
pub struct MovingSubscription {
    graphs: ReloadableSupergraph,
    changes: watch::Receiver<Supergraph>,
    /// The request as the client sent it. It holds no graph.
    request: SubgraphRequest,
    subscription: Subscription,
}

impl MovingSubscription {
    /// Starts a subscription on a graph. Returns its answers. A query or a mutation has one answer.
    ///
    /// # Errors
    /// When that graph cannot plan the operation.
    pub async fn start(
        graphs: ReloadableSupergraph,
        changes: watch::Receiver<Supergraph>,
        graph: Supergraph,
        request: SubgraphRequest,
    ) -> Result<BoxStream<'static, EncodedResponse>, RequestError> {
        let unprepared = SubgraphRequest {
            document: RequestDocument::Text(Arc::clone(request.document.text())),
            budget: None,
            ..request.clone()
        };
        let moving = match Subscription::open(graph.0, request).await? {
            Either::Left(answer) => return Ok(once(answer)),
            Either::Right(subscription) => Self {
                graphs,
                changes,
                request: unprepared,
                subscription,
            },
        };
        let answers = stream::unfold(Some(moving), |moving| async {
            let mut moving = moving?;
            match moving.next_answer().await? {
                Ok(answer) => Some((answer, Some(moving))),
                Err(last) => Some((last.into_encoded(), None)),
            }
        });
        Ok(answers.boxed())
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// The reason that ends the subscription.
    async fn next_answer(&mut self) -> Option<Result<EncodedResponse, RequestError>> {
        loop {
            if let Err(reason) = self.follow().await {
                return Some(Err(RequestError::GraphChanged(Box::new(reason))));
            }
            tokio::select! {
                biased;
                // The sender is one of `graphs`, so it exists.
                _ = self.changes.changed() => {}
                event = self.subscription.next_event() => match event? {
                    Ok(event) => return Some(Ok(self.subscription.answer(event).await)),
                    Err(rejection) => return Some(Err(rejection)),
                }
            }
        }
    }

    /// Moves to the current graph.
    async fn follow(&mut self) -> Result<(), RequestError> {
        loop {
            let graph = self.changes.borrow_and_update().clone();
            if self.subscription.is_on(&graph.0) {
                return Ok(());
            }
            // Never closed, so there is a permit.
            let permit = self.graphs.0.moves.acquire().await;
            let moved = self.subscription.move_to(graph.0, self.request.clone()).await;
            drop(permit);
            match moved {
                // All operations are planned again at once after a change.
                Err(RequestError::Busy) => sleep(RETRY_WAIT).await,
                moved => return moved,
            }
        }
    }
}
