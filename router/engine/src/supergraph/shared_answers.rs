//! The last answers of subscriptions, so that an answer that many subscribers receive is written once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::Value;

use super::plan::model::ObjectProjection;
use crate::subgraph::EncodedResponse;

/// Data of fewer bytes are written faster than they are found.
const DATA_BYTES_MIN: usize = 1024;

/// The last answer of each of the latest subscription operations.
///
/// Each subscriber's data are fetched with its own rights. Only the text is shared, and only between equal data
/// (docs/adr/0092-subscribers-of-one-event-share-its-work.md).
pub struct SharedAnswers {
    bytes_max: usize,
    /// The latest comes last.
    answers: Mutex<VecDeque<Arc<SharedAnswer>>>,
}

struct SharedAnswer {
    projection: Arc<ObjectProjection>,
    data: Value,
    data_bytes: usize,
    answer: EncodedResponse,
}

impl SharedAnswer {
    fn bytes(&self) -> usize {
        self.data_bytes + self.answer.body.len()
    }
}

impl SharedAnswers {
    /// Keeps answers of at most that many bytes in all, with their data.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            answers: Mutex::default(),
        }
    }

    /// Whether data of that size are worth sharing.
    pub fn accepts(&self, data_bytes: usize) -> bool {
        (DATA_BYTES_MIN..=self.bytes_max / 2).contains(&data_bytes)
    }

    /// Returns the answer that was written from equal data.
    pub fn get(&self, projection: &Arc<ObjectProjection>, data: &Value) -> Option<EncodedResponse> {
        let known = {
            let answers = self.lock();
            let mut of_operation = answers
                .iter()
                .filter(|known| Arc::ptr_eq(&known.projection, projection));
            Arc::clone(of_operation.next()?)
        };
        (known.data == *data).then(|| known.answer.clone())
    }

    /// Keeps the answer that was written from these data, instead of the last one of the same operation.
    pub fn insert(&self, projection: &Arc<ObjectProjection>, data: Value, data_bytes: usize, answer: &EncodedResponse) {
        let shared = Arc::new(SharedAnswer {
            projection: Arc::clone(projection),
            data,
            data_bytes,
            answer: answer.clone(),
        });
        let mut answers = self.lock();
        answers.retain(|known| !Arc::ptr_eq(&known.projection, projection));
        answers.push_back(shared);
        let mut bytes: usize = answers.iter().map(|known| known.bytes()).sum();
        while bytes > self.bytes_max
            && let Some(oldest) = answers.pop_front()
        {
            bytes -= oldest.bytes();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<SharedAnswer>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::subgraph::ResponseKind;

    fn operation() -> Arc<ObjectProjection> {
        Arc::new(ObjectProjection {
            typename: "Subscription".into(),
            fields: Vec::new(),
            denied: None,
        })
    }

    fn answer(bytes: usize) -> EncodedResponse {
        EncodedResponse {
            body: Bytes::from(vec![b'x'; bytes]),
            kind: ResponseKind::Data,
            codes: foundation::ErrorCodeSet::EMPTY,
        }
    }

    #[test]
    fn only_equal_data_of_the_same_operation_share_an_answer() {
        let (answers, one, other) = (SharedAnswers::new(10_000), operation(), operation());
        let written = answer(2_000);
        answers.insert(&one, Value::from("a"), 2_000, &written);
        let shared = answers.get(&one, &Value::from("a")).expect("the answer");
        assert_eq!(shared.body.as_ptr(), written.body.as_ptr());
        assert!(answers.get(&one, &Value::from("b")).is_none());
        assert!(answers.get(&other, &Value::from("a")).is_none());
        answers.insert(&one, Value::from("b"), 2_000, &answer(2_000));
        assert!(
            answers.get(&one, &Value::from("a")).is_none(),
            "only the last answer is kept"
        );
    }

    #[test]
    fn the_oldest_answers_leave_when_all_are_too_large() {
        let (answers, operations) = (SharedAnswers::new(10_000), [(); 3].map(|()| operation()));
        assert_eq!(
            [1_023, 1_024, 5_000, 5_001].map(|bytes| answers.accepts(bytes)),
            [false, true, true, false]
        );
        for operation in &operations {
            answers.insert(operation, Value::from("a"), 2_000, &answer(2_000));
        }
        let kept = operations.map(|operation| answers.get(&operation, &Value::from("a")).is_some());
        assert_eq!(kept, [false, true, true]);
    }
}
