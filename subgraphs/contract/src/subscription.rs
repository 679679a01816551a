//! Subscriptions of a domain: a source stream, and one execution of the request for each of its events.
//!
//! For as long as async-graphql's stream is open, it holds the document, the context and its own state: about 5 KiB. So that
//! stream ends when the resolver has opened the source stream, which waits alone for the next event. The request is executed
//! again for each event, which the resolver finds in its context.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use async_graphql::{Request, Response};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use crate::Result;
use crate::dyn_executor::DynExecutor;
use crate::loader::batch::{Batched, Batches};

/// An event of which only the resolver knows the type.
type AnyEvent = Box<dyn Any + Send>;

/// The place where the resolver leaves the source stream.
type SourceSlot = Mutex<Option<BoxStream<'static, AnyEvent>>>;

/// The event that the resolver answers.
type EventSlot = Mutex<Option<AnyEvent>>;

/// Returns the stream for a subscription's resolver to return. `open` opens the source stream; it runs once, and this returns
/// the source's events in later executions, one in each.
///
/// # Errors
/// Those of `open`.
pub async fn source_stream<S>(
    ctx: &async_graphql::Context<'_>,
    open: impl Future<Output = Result<S>> + Send,
) -> Result<BoxStream<'static, S::Item>>
where
    S: Stream<Item: Send> + Send + 'static,
{
    if let Some(event) = ctx.data_opt::<EventSlot>() {
        let event = take(event).and_then(|event| event.downcast().ok());
        return Ok(stream::iter(event.map(|event| *event)).boxed());
    }
    let source = open.await?;
    let Some(slot) = ctx.data_opt::<Arc<SourceSlot>>() else {
        return Ok(source.boxed());
    };
    let source = source.map(|event| Box::new(event) as AnyEvent).boxed();
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    Ok(stream::empty().boxed())
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The responses of a subscription.
pub(crate) struct ResponseStream<F> {
    schema: Arc<dyn DynExecutor>,
    request: F,
    /// Present until the source stream is open.
    slot: Option<Arc<SourceSlot>>,
    source: Option<BoxStream<'static, AnyEvent>>,
    execution: Option<Batched<dyn Stream<Item = Response> + Send>>,
}

impl<F: Fn() -> Request> ResponseStream<F> {
    /// The responses to the request that `request` makes.
    pub(crate) fn new(schema: Arc<dyn DynExecutor>, request: F) -> Self {
        let slot = Arc::<SourceSlot>::default();
        let first = request().data(Arc::clone(&slot));
        Self {
            execution: Some(execute(&*schema, first)),
            schema,
            request,
            slot: Some(slot),
            source: None,
        }
    }
}

fn execute(schema: &dyn DynExecutor, request: Request) -> Batched<dyn Stream<Item = Response> + Send> {
    let batches = Arc::<Batches>::default();
    let responses = schema.execute_stream_dyn(request.data(Arc::clone(&batches)));
    Batched::new(batches, responses)
}

impl<F: Fn() -> Request + Unpin> Stream for ResponseStream<F> {
    type Item = Response;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Response>> {
        let this = &mut *self;
        loop {
            if let Some(execution) = &mut this.execution {
                let response = ready!(execution.poll_next_unpin(cx));
                // An event has one response. The first execution has some only if the request is rejected, or if its
                // resolver returns its events without `source_stream`.
                if response.is_none() || this.slot.is_none() {
                    this.execution = None;
                }
                if response.is_some() {
                    return Poll::Ready(response);
                }
                if let Some(slot) = this.slot.take() {
                    this.source = take(&slot);
                }
            }
            let Some(source) = &mut this.source else {
                return Poll::Ready(None);
            };
            match ready!(source.poll_next_unpin(cx)) {
                Some(event) => {
                    let request = (this.request)().data::<EventSlot>(Mutex::new(Some(event)));
                    this.execution = Some(execute(&*this.schema, request));
                }
                None => this.source = None,
            }
        }
    }
}
