//! Several error codes at once, and how often each of them happened.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ErrorCode;

/// A set of error codes: those of one answer. It fits into a register, so that an answer without errors costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorCodeSet(u64);

// Each code has a bit.
const _: () = assert!(ErrorCode::ALL.len() <= 64);

impl ErrorCodeSet {
    /// No codes.
    pub const EMPTY: Self = Self(0);

    /// Adds a code.
    pub fn insert(&mut self, code: ErrorCode) {
        self.0 |= 1 << code as u32;
    }

    /// Returns the codes of both sets.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the codes, in the order of [`ErrorCode::ALL`].
    pub fn iter(self) -> impl Iterator<Item = ErrorCode> {
        ErrorCode::ALL
            .iter()
            .copied()
            .filter(move |code| self.0 >> (*code as u32) & 1 == 1)
    }
}

impl From<ErrorCode> for ErrorCodeSet {
    fn from(code: ErrorCode) -> Self {
        Self(1 << code as u32)
    }
}

impl FromIterator<ErrorCode> for ErrorCodeSet {
    fn from_iter<I: IntoIterator<Item = ErrorCode>>(codes: I) -> Self {
        codes.into_iter().fold(Self::EMPTY, |mut set, code| {
            set.insert(code);
            set
        })
    }
}

impl std::fmt::Display for ErrorCodeSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, code) in self.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}", code.as_str())?;
        }
        Ok(())
    }
}

/// How many answers had each code.
#[derive(Debug)]
pub struct ErrorCodeCounts([AtomicU64; ErrorCode::ALL.len()]);

impl Default for ErrorCodeCounts {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl ErrorCodeCounts {
    /// Counts the codes of an answer.
    pub fn count(&self, codes: ErrorCodeSet) {
        if !codes.is_empty() {
            codes.iter().for_each(|code| {
                self.0[code as usize].fetch_add(1, Ordering::Relaxed);
            });
        }
    }

    /// Returns the codes that happened, with the number of answers.
    pub fn counts(&self) -> Vec<(ErrorCode, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        ErrorCode::ALL
            .iter()
            .copied()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_bit_and_a_count_of_its_own() {
        let counts = ErrorCodeCounts::default();
        for code in ErrorCode::ALL {
            let set = ErrorCodeSet::from(*code);
            assert_eq!(set.iter().collect::<Vec<_>>(), [*code]);
            counts.count(set);
        }
        assert!(counts.counts().iter().map(|(code, _)| code).eq(ErrorCode::ALL));
        assert_eq!(
            ErrorCode::ALL.iter().copied().collect::<ErrorCodeSet>().iter().count(),
            ErrorCode::ALL.len()
        );
    }

    #[test]
    fn a_set_is_written_as_a_list() {
        let set: ErrorCodeSet = [ErrorCode::Timeout, ErrorCode::InvalidInput].into_iter().collect();
        assert_eq!(set.to_string(), "INVALID_INPUT,TIMEOUT");
        assert_eq!(ErrorCodeSet::EMPTY.to_string(), "");
    }
}
