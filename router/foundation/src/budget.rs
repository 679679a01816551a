//! The number of bytes that one answer may hold while it is made, and that all answers may hold together.

use std::sync::atomic::{AtomicUsize, Ordering};
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
        }
    }

    /// Returns an unused budget with the same limits, for the next answer to the same request.
    #[must_use]
    pub fn unused_copy(&self) -> Self {
        Self::new(self.bytes_max, self.pool.clone())
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
        self.count(&self.loaded, bytes, COPIES)
    }

    /// Counts bytes of a subgraph's answer.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn charge_response(&self, bytes: usize) -> Result<(), BudgetError> {
        self.count(&self.gathered, bytes, COPIES)
    }

    /// Counts bytes of an answer that combines others and is not written yet. Before writing it, call
    /// [`charge_response`](Self::charge_response) with zero to check whether there is room for the written copy.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn charge_unwritten(&self, bytes: usize) -> Result<(), BudgetError> {
        self.count(&self.gathered, bytes, 1)
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
