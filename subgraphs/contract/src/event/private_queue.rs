//! The queue of one receiver of a topic that concerns one user.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::task::AtomicWaker;

use super::{Delivery, Event};

/// A queue with one receiver. While it is empty, it holds no memory for events: there may be some for each user.
#[derive(Default)]
pub(super) struct PrivateQueue {
    state: Mutex<QueueState>,
    receiver: AtomicWaker,
}

#[derive(Default)]
struct QueueState {
    events: VecDeque<Arc<Event>>,
    lost: u64,
    is_closed: bool,
}

impl PrivateQueue {
    /// Adds an event. The oldest one is lost if there are `capacity` events.
    pub(super) fn push(&self, event: Arc<Event>, capacity: usize) {
        let mut state = self.lock();
        if state.events.len() >= capacity {
            state.events.pop_front();
            state.lost += 1;
        }
        state.events.push_back(event);
        drop(state);
        self.receiver.wake();
    }

    /// Ends the queue: the receiver takes what is there.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.receiver.wake();
    }

    /// Waits for the next delivery. Returns `None` after the end.
    pub(super) async fn receive(&self) -> Option<Delivery> {
        poll_fn(|context| {
            // Registered first, so that no event in between is missed.
            self.receiver.register(context.waker());
            let mut state = self.lock();
            let lost = std::mem::take(&mut state.lost);
            if lost > 0 {
                return Poll::Ready(Some(Delivery::Lagged(lost)));
            }
            match state.events.pop_front() {
                Some(event) => {
                    if state.events.is_empty() {
                        state.events = VecDeque::new();
                    }
                    Poll::Ready(Some(Delivery::Event(event)))
                }
                None if state.is_closed => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
