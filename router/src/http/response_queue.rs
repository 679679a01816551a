//! The queue between an operation and the transport that sends its answers. While it is empty, it holds no memory for answers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;
use crate::subgraph::EncodedResponse;

/// An answer, or a message with one.
pub(super) trait QueuedItem {
    /// Its length in bytes.
    fn length(&self) -> usize;
}

impl QueuedItem for EncodedResponse {
    fn length(&self) -> usize {
        self.body.len()
    }
}

/// A queue with one writer and one reader, both of which hold it. The reader's last item is an `E`, which the writer sets.
pub(super) struct ResponseQueue<E, R = EncodedResponse> {
    limits: Arc<Limits>,
    /// The limit in bytes of the waiting answers of all operations.
    all_bytes: Arc<Semaphore>,
    state: Mutex<QueueState<E, R>>,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

struct QueueState<E, R> {
    responses: VecDeque<QueuedResponse<R>>,
    /// Of the answers in the queue; an answer over the limit counts as the limit.
    bytes: usize,
    has_writer: bool,
    has_reader: bool,
    end: Option<E>,
}

/// An answer that waits for its client, with its permits of the limits in bytes.
struct QueuedResponse<R> {
    answer: R,
    bytes: usize,
    _all: OwnedSemaphorePermit,
}

/// An item that the reader takes.
pub(super) enum QueueItem<E, R = EncodedResponse> {
    Response(R),
    /// The last item; `None` if the writer is gone without one.
    End(Option<E>),
}

impl<E, R: QueuedItem> ResponseQueue<E, R> {
    pub(super) fn new(limits: &Arc<Limits>, all_bytes: &Arc<Semaphore>) -> Arc<Self> {
        Arc::new(Self {
            limits: Arc::clone(limits),
            all_bytes: Arc::clone(all_bytes),
            state: Mutex::new(QueueState {
                responses: VecDeque::new(),
                bytes: 0,
                has_writer: true,
                has_reader: true,
                end: None,
            }),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        })
    }

    /// Waits until there is room for the answer, and adds it. An answer that exceeds a limit takes all of it. Returns `false`
    /// if the reader is gone.
    pub(super) async fn push(&self, answer: R) -> bool {
        let bytes = answer.length().min(self.limits.subscriber_queue_bytes_max);
        if !poll_fn(|context| self.poll_room(bytes, context)).await {
            return false;
        }
        let of_all = answer.length().min(self.limits.unread_bytes_max);
        let of_all = u32::try_from(of_all).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let Ok(all) = Arc::clone(&self.all_bytes).acquire_many_owned(of_all).await else {
            return false;
        };
        let mut state = self.lock();
        if !state.has_reader {
            return false;
        }
        state.bytes += bytes;
        state.responses.push_back(QueuedResponse {
            answer,
            bytes,
            _all: all,
        });
        drop(state);
        self.reader.wake();
        true
    }

    fn poll_room(&self, bytes: usize, context: &Context<'_>) -> Poll<bool> {
        // Registered first, so that no change in between is missed.
        self.writer.register(context.waker());
        let state = self.lock();
        let has_room = state.responses.len() < self.limits.subscriber_queue_max
            && state.bytes + bytes <= self.limits.subscriber_queue_bytes_max;
        match (state.has_reader, has_room) {
            (false, _) => Poll::Ready(false),
            (true, true) => Poll::Ready(true),
            (true, false) => Poll::Pending,
        }
    }

    /// Waits until the reader is gone.
    pub(super) async fn closed(&self) {
        poll_fn(|context| {
            self.writer.register(context.waker());
            if self.lock().has_reader {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Ends the queue for the reader, which takes the waiting answers and then this item.
    pub(super) fn end(&self, item: Option<E>) {
        let mut state = self.lock();
        // The first end stays.
        if std::mem::replace(&mut state.has_writer, false) {
            state.end = item;
        }
        drop(state);
        self.reader.wake();
    }

    /// Returns the next item for the reader, which must not ask again after the last one.
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<QueueItem<E, R>> {
        self.reader.register(context.waker());
        let mut state = self.lock();
        let Some(queued) = state.responses.pop_front() else {
            return if state.has_writer {
                Poll::Pending
            } else {
                Poll::Ready(QueueItem::End(state.end.take()))
            };
        };
        state.bytes -= queued.bytes;
        if state.responses.is_empty() {
            state.responses = VecDeque::new();
        }
        drop(state);
        self.writer.wake();
        Poll::Ready(QueueItem::Response(queued.answer))
    }

    /// Ends the queue for the writer.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.has_reader = false;
        let unread = std::mem::take(&mut state.responses);
        drop(state);
        drop(unread);
        self.writer.wake();
    }

    fn lock(&self) -> MutexGuard<'_, QueueState<E, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::*;
    use crate::subgraph::ResponseKind;

    fn answer(bytes: usize) -> EncodedResponse {
        EncodedResponse {
            body: Bytes::from(vec![b'x'; bytes]),
            codes: contract::ErrorCodeSet::EMPTY,
            kind: ResponseKind::Data,
        }
    }

    fn queue() -> Arc<ResponseQueue<&'static str>> {
        let limits = Limits {
            subscriber_queue_max: 2,
            subscriber_queue_bytes_max: 10,
            unread_bytes_max: 100,
            ..Limits::default()
        };
        ResponseQueue::new(&Arc::new(limits), &Arc::new(Semaphore::new(100)))
    }

    /// Whether the answer is added at once; `None` if it waits.
    fn pushed(queue: &ResponseQueue<&'static str>, bytes: usize) -> Option<bool> {
        queue.push(answer(bytes)).now_or_never()
    }

    /// Returns the length of the next answer, or the last item; `None` if the reader waits.
    fn next(queue: &ResponseQueue<&'static str>) -> Option<Result<usize, Option<&'static str>>> {
        let item = poll_fn(|context| queue.poll_next(context)).now_or_never()?;
        Some(match item {
            QueueItem::Response(answer) => Ok(answer.body.len()),
            QueueItem::End(end) => Err(end),
        })
    }

    #[test]
    fn a_queue_is_bounded_in_answers_and_bytes() {
        let queue = queue();
        assert_eq!(next(&queue), None);
        assert_eq!(
            [pushed(&queue, 1), pushed(&queue, 2), pushed(&queue, 3)],
            [Some(true), Some(true), None]
        );
        assert_eq!(next(&queue), Some(Ok(1)));
        assert_eq!([pushed(&queue, 9), pushed(&queue, 8)], [None, Some(true)]);
        assert_eq!(
            [next(&queue), next(&queue), next(&queue)],
            [Some(Ok(2)), Some(Ok(8)), None]
        );
        assert_eq!(
            [pushed(&queue, 50), pushed(&queue, 0)],
            [Some(true), Some(true)],
            "a large answer takes all bytes"
        );
        assert_eq!(queue.all_bytes.available_permits(), 50);
    }

    #[test]
    fn the_last_item_follows_the_answers() {
        let queue = queue();
        assert_eq!(pushed(&queue, 1), Some(true));
        queue.end(Some("done"));
        queue.end(None);
        assert_eq!([next(&queue), next(&queue)], [Some(Ok(1)), Some(Err(Some("done")))]);
    }

    #[test]
    fn a_writer_learns_that_the_reader_is_gone() {
        let queue = queue();
        assert_eq!(pushed(&queue, 1), Some(true));
        assert_eq!(queue.closed().now_or_never(), None);
        queue.close();
        assert_eq!(queue.closed().now_or_never(), Some(()));
        assert_eq!(pushed(&queue, 1), Some(false));
        assert_eq!(
            queue.all_bytes.available_permits(),
            100,
            "unread answers give their bytes back"
        );
    }

    #[tokio::test]
    async fn reader_and_writer_wake_each_other() {
        let queue = queue();
        let writer = {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                for _ in 0..5 {
                    assert!(queue.push(answer(1)).await);
                }
                queue.end(Some("done"));
            })
        };
        let mut read = 0;
        while let QueueItem::Response(_) = poll_fn(|context| queue.poll_next(context)).await {
            read += 1;
        }
        writer.await.unwrap();
        assert_eq!(read, 5);
    }
}
