//! How many bytes an answer may hold while it is made, and all answers together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that every answer may hold without taking from the pool: most answers are smaller.
const UNPOOLED_BYTES: usize = 64 * 1024;
/// How often the same bytes are in memory at once: as rows and as the values made of them, then as values and as the
/// answer that is written from them.
const COPIES: usize = 2;

/// The bytes that all answers of a process may hold together.
#[derive(Debug)]
pub struct AnswerPool {
    bytes_max: usize,
    used: AtomicUsize,
}

/// The bytes that one answer may hold. Gives back to the pool what it took when it is dropped.
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

/// Why no more may be held.
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
    /// The stable code that goes out as `extensions.code`.
    pub fn code(self) -> &'static str {
        match self {
            Self::AnswerTooLarge(_) => "ANSWER_TOO_LARGE",
            Self::PoolExhausted => "UNAVAILABLE",
        }
    }
}

impl AnswerPool {
    /// A pool of so many bytes.
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
    /// A budget of so many bytes, taken from `pool` where there is one.
    pub fn new(bytes_max: usize, pool: Option<Arc<AnswerPool>>) -> Self {
        Self {
            bytes_max,
            loaded: AtomicUsize::new(0),
            gathered: AtomicUsize::new(0),
            pooled: Mutex::new(0),
            pool,
        }
    }

    /// A budget with the same bounds of which nothing is used: for the next answer to the same request.
    #[must_use]
    pub fn renewed(&self) -> Self {
        Self::new(self.bytes_max, self.pool.clone())
    }

    /// How many bytes the answer may have.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// How many bytes were gathered so far.
    pub fn gathered_bytes(&self) -> usize {
        self.gathered.load(Ordering::Relaxed)
    }

    /// Counts bytes that a domain has loaded or is about to load; zero asks whether there is room.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn load(&self, bytes: usize) -> Result<(), BudgetError> {
        self.count(&self.loaded, bytes, COPIES)
    }

    /// Counts bytes of a subgraph's answer.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn gather(&self, bytes: usize) -> Result<(), BudgetError> {
        self.count(&self.gathered, bytes, COPIES)
    }

    /// Counts bytes of an answer that is put together from others and of which nothing is written yet. Before it is
    /// written, [`gather`](Self::gather) with zero asks whether there is room for that.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn collect(&self, bytes: usize) -> Result<(), BudgetError> {
        self.count(&self.gathered, bytes, 1)
    }

    fn count(&self, counter: &AtomicUsize, bytes: usize, copies: usize) -> Result<(), BudgetError> {
        // What did not fit stays counted: an answer that is too large once is not completed by what is small.
        let used = counter.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > self.bytes_max {
            return Err(BudgetError::AnswerTooLarge(self.bytes_max));
        }
        match &self.pool {
            Some(pool) if used > UNPOOLED_BYTES => self.hold(pool, used.saturating_mul(copies)),
            _ => Ok(()),
        }
    }

    /// Takes from the pool what it lacks of so many bytes.
    fn hold(&self, pool: &AnswerPool, bytes: usize) -> Result<(), BudgetError> {
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
    fn an_answer_may_hold_its_bytes_and_not_one_more() {
        let budget = AnswerBudget::new(100, None);
        assert_eq!(budget.gather(100), Ok(()));
        assert_eq!(budget.load(100), Ok(()));
        assert_eq!(budget.gather(1), Err(BudgetError::AnswerTooLarge(100)));
        assert_eq!(budget.gather(0), Err(BudgetError::AnswerTooLarge(100)));
        assert_eq!(budget.renewed().gather(100), Ok(()));
    }

    #[test]
    fn large_answers_share_a_pool_and_small_ones_are_made_when_it_is_empty() {
        let pool = Arc::new(AnswerPool::new(600 * KIB));
        let budget = || AnswerBudget::new(1_000 * KIB, Some(Arc::clone(&pool)));
        let (first, second) = (budget(), budget());
        assert_eq!(first.gather(200 * KIB), Ok(()));
        assert_eq!(second.gather(200 * KIB), Err(BudgetError::PoolExhausted));
        assert_eq!(budget().gather(10 * KIB), Ok(()));
        drop(first);
        assert_eq!(budget().gather(200 * KIB), Ok(()));
        assert_eq!(pool.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn rows_and_values_and_what_is_written_of_them_are_two_copies_at_once() {
        let pool = Arc::new(AnswerPool::new(1_000 * KIB));
        let budget = AnswerBudget::new(1_000 * KIB, Some(Arc::clone(&pool)));
        let used = || pool.used.load(Ordering::Relaxed);
        assert_eq!((budget.load(200 * KIB), used()), (Ok(()), 400 * KIB));
        assert_eq!((budget.gather(200 * KIB), used()), (Ok(()), 400 * KIB));
        assert_eq!((budget.gather(100 * KIB), used()), (Ok(()), 600 * KIB));
        let list = budget.renewed();
        assert_eq!((list.collect(300 * KIB), used()), (Ok(()), 900 * KIB));
        assert_eq!(list.gather(0), Err(BudgetError::PoolExhausted));
        drop(budget);
        assert_eq!((list.gather(0), used()), (Ok(()), 600 * KIB));
    }
}
