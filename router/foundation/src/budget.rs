//! The number of bytes that one answer may hold while it is made, and that all answers may hold together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::ErrorCode;

/// Bytes that every answer may hold without taking from the pool: most answers are smaller.
const UNPOOLED_BYTES: usize = 64 * 1024;
/// The number of copies of the same bytes in memory at once: as rows and as the values made of them, then as values
/// and as the answer that is written from them.
const COPIES: usize = 2;

/// The bytes that all answers of a process may hold together.
#[derive(Debug)]
pub struct AnswerPool {
    bytes_max: usize,
    used: AtomicUsize,
}

/// The bytes that one answer may hold. On drop it returns the bytes that it took from the pool.
#[derive(Debug)]
pub struct AnswerBudget {
    bytes_max: usize,
    /// Bytes of rows that domains loaded.
    loaded: AtomicUsize,
    /// Bytes of the values that subgraphs answered.
    gathered: AtomicUsize,
    /// Bytes taken from the pool.
    pooled: Mutex<usize>,
    pool: Option<Arc<AnswerPool>>,
    /// The sums over the batch, if the answer is part of one.
    batch: Option<Arc<BatchBudget>>,
}

/// The sums over the operations of one request, if it holds a batch of them: each limit of a request holds for the batch.
#[derive(Debug, Default)]
pub struct BatchBudget {
    loaded: AtomicUsize,
    gathered: AtomicUsize,
    sums: [AtomicU64; 5],
}

/// A size of an operation that is added up over a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSum {
    /// Fields, with fragments expanded.
    Fields,
    /// Aliases, with fragments expanded.
    Aliases,
    /// Root fields, with fragments expanded.
    RootFields,
    /// The estimated values of the answer.
    Values,
    /// The estimated characters of text in the answer.
    TextChars,
}

impl BatchBudget {
    /// Adds the size of one operation, and returns the sum.
    pub fn add(&self, sum: BatchSum, size: u64) -> u64 {
        let counter = &self.sums[sum as usize];
        // Saturates, so that a sum that is too large never becomes small again.
        let update = |sum: u64| Some(sum.saturating_add(size));
        let before = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
        before.unwrap_or(u64::MAX).saturating_add(size)
    }
}

/// The reason why an answer may not hold more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// This answer is too large.
    #[error("the answer has more than the {0} bytes allowed: ask for smaller pages or fewer fields")]
    AnswerTooLarge(usize),
    /// All answers together are too large.
    #[error("too many large answers are being made, try again")]
    PoolExhausted,
}

impl BudgetError {
    /// Returns the stable code that goes out as `extensions.code`.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::AnswerTooLarge(_) => ErrorCode::AnswerTooLarge,
            Self::PoolExhausted => ErrorCode::Unavailable,
        }
    }
}

impl AnswerPool {
    /// A pool of `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            used: AtomicUsize::new(0),
        }
    }

    fn take(&self, bytes: usize) -> Result<(), BudgetError> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > self.bytes_max {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(BudgetError::PoolExhausted);
        }
        Ok(())
    }
}

impl AnswerBudget {
    /// A budget of `bytes_max` bytes, taken from `pool` if it is given.
    pub fn new(bytes_max: usize, pool: Option<Arc<AnswerPool>>) -> Self {
        Self {
            bytes_max,
            loaded: AtomicUsize::new(0),
            gathered: AtomicUsize::new(0),
            pooled: Mutex::new(0),
            pool,
            batch: None,
        }
    }

    /// The same budget, whose bytes count for a batch as well.
    #[must_use]
    pub fn of_batch(mut self, batch: Arc<BatchBudget>) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Returns what a batch uses, if the answer is part of one.
    pub fn batch(&self) -> Option<&BatchBudget> {
        self.batch.as_deref()
    }

    /// Returns an unused budget with the same limits, for the next answer to the same request.
    #[must_use]
    pub fn unused_copy(&self) -> Self {
        let mut copy = Self::new(self.bytes_max, self.pool.clone());
        copy.batch.clone_from(&self.batch);
        copy
    }

    /// Whether no bytes have been counted yet.
    pub fn is_unused(&self) -> bool {
        self.loaded.load(Ordering::Relaxed) == 0 && self.gathered.load(Ordering::Relaxed) == 0
    }

    /// The most bytes that the answer may have.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The number of bytes gathered so far.
    pub fn response_bytes(&self) -> usize {
        self.gathered.load(Ordering::Relaxed)
    }

    /// Counts bytes that a domain has loaded or is about to load; zero checks whether there is room.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn charge_rows(&self, bytes: usize) -> Result<(), BudgetError> {
        self.count_in_batch(|batch| &batch.loaded, bytes)?;
        self.count(&self.loaded, bytes, COPIES)
    }

    /// Counts bytes of a subgraph's answer.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn charge_response(&self, bytes: usize) -> Result<(), BudgetError> {
        self.count_in_batch(|batch| &batch.gathered, bytes)?;
        self.count(&self.gathered, bytes, COPIES)
    }

    /// Counts bytes of an answer that combines others and is not written yet. Before writing it, call
    /// [`charge_response`](Self::charge_response) with zero to check whether there is room for the written copy.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn charge_unwritten(&self, bytes: usize) -> Result<(), BudgetError> {
        self.count_in_batch(|batch| &batch.gathered, bytes)?;
        self.count(&self.gathered, bytes, 1)
    }

    fn count_in_batch(
        &self,
        counter: impl FnOnce(&BatchBudget) -> &AtomicUsize,
        bytes: usize,
    ) -> Result<(), BudgetError> {
        let Some(batch) = &self.batch else { return Ok(()) };
        let used = counter(batch).fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > self.bytes_max {
            return Err(BudgetError::AnswerTooLarge(self.bytes_max));
        }
        Ok(())
    }

    fn count(&self, counter: &AtomicUsize, bytes: usize, copies: usize) -> Result<(), BudgetError> {
        // Bytes that did not fit stay counted: once an answer is too large, smaller additions cannot complete it.
        let used = counter.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > self.bytes_max {
            return Err(BudgetError::AnswerTooLarge(self.bytes_max));
        }
        match &self.pool {
            Some(pool) if used > UNPOOLED_BYTES => self.take_from_pool(pool, used.saturating_mul(copies)),
            _ => Ok(()),
        }
    }

    /// Takes from the pool the bytes that are missing to hold `bytes`.
    fn take_from_pool(&self, pool: &AnswerPool, bytes: usize) -> Result<(), BudgetError> {
        let mut pooled = self.pooled.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > *pooled {
            pool.take(bytes - *pooled)?;
            *pooled = bytes;
        }
        Ok(())
    }
}

impl Drop for AnswerBudget {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            let pooled = self.pooled.get_mut().unwrap_or_else(PoisonError::into_inner);
            pool.used.fetch_sub(*pooled, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn an_answer_may_use_its_budget_and_not_one_byte_more() {
        let budget = AnswerBudget::new(100, None);
        assert_eq!(budget.charge_response(100), Ok(()));
        assert_eq!(budget.charge_rows(100), Ok(()));
        assert_eq!(budget.charge_response(1), Err(BudgetError::AnswerTooLarge(100)));
        assert_eq!(budget.charge_response(0), Err(BudgetError::AnswerTooLarge(100)));
        assert_eq!(budget.unused_copy().charge_response(100), Ok(()));
    }

    #[test]
    fn the_answers_to_a_batch_share_the_bytes_of_one() {
        let batch = Arc::new(BatchBudget::default());
        let budget = || AnswerBudget::new(100, None).of_batch(Arc::clone(&batch));
        let (first, second) = (budget(), budget().unused_copy());
        assert_eq!(first.charge_response(60), Ok(()));
        assert_eq!(second.charge_rows(60), Ok(()));
        assert_eq!(second.charge_response(41), Err(BudgetError::AnswerTooLarge(100)));
        assert_eq!(AnswerBudget::new(100, None).charge_response(100), Ok(()));
        assert_eq!(batch.add(BatchSum::Fields, 1), 1);
        assert_eq!(batch.add(BatchSum::Fields, u64::MAX), u64::MAX);
        assert_eq!(batch.add(BatchSum::Fields, 1), u64::MAX);
        assert_eq!(batch.add(BatchSum::Values, 1), 1);
    }

    #[test]
    fn large_answers_share_a_pool_and_small_ones_need_none() {
        let pool = Arc::new(AnswerPool::new(600 * KIB));
        let budget = || AnswerBudget::new(1_000 * KIB, Some(Arc::clone(&pool)));
        let (first, second) = (budget(), budget());
        assert_eq!(first.charge_response(200 * KIB), Ok(()));
        assert_eq!(second.charge_response(200 * KIB), Err(BudgetError::PoolExhausted));
        assert_eq!(budget().charge_response(10 * KIB), Ok(()));
        drop(first);
        assert_eq!(budget().charge_response(200 * KIB), Ok(()));
        assert_eq!(pool.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn rows_and_the_written_response_count_as_two_copies() {
        let pool = Arc::new(AnswerPool::new(1_000 * KIB));
        let budget = AnswerBudget::new(1_000 * KIB, Some(Arc::clone(&pool)));
        let used = || pool.used.load(Ordering::Relaxed);
        assert_eq!((budget.charge_rows(200 * KIB), used()), (Ok(()), 400 * KIB));
        assert_eq!((budget.charge_response(200 * KIB), used()), (Ok(()), 400 * KIB));
        assert_eq!((budget.charge_response(100 * KIB), used()), (Ok(()), 600 * KIB));
        let list = budget.unused_copy();
        assert_eq!((list.charge_unwritten(300 * KIB), used()), (Ok(()), 900 * KIB));
        assert_eq!(list.charge_response(0), Err(BudgetError::PoolExhausted));
        drop(budget);
        assert_eq!((list.charge_response(0), used()), (Ok(()), 600 * KIB));
    }
}
