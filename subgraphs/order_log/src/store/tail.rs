//! The newest entries of the log, in memory: openraft reads each entry again right after it was appended, to send it to every
//! follower and to apply it.

use std::collections::VecDeque;

use openraft::Entry;

use super::Types;

/// The most entries in memory. A replica that lags by more reads them from the file.
const ENTRIES_MAX: usize = 32;

/// Entries without a gap, each with its size in bytes. All of them are on the disk.
#[derive(Default)]
pub(super) struct Tail(VecDeque<(Entry<Types>, usize)>);

impl Tail {
    /// Adds the entries that were appended to the log.
    pub(super) fn append(&mut self, entries: impl Iterator<Item = (Entry<Types>, usize)>) {
        for (entry, size) in entries {
            let follows = self
                .0
                .back()
                .is_none_or(|(last, _)| last.log_id.index + 1 == entry.log_id.index);
            // A snapshot has taken the place of what is between.
            if !follows {
                self.0.clear();
            }
            if self.0.len() == ENTRIES_MAX {
                self.0.pop_front();
            }
            self.0.push_back((entry, size));
        }
    }

    /// Removes the entries from this index on.
    pub(super) fn truncate(&mut self, since: u64) {
        while self.0.back().is_some_and(|(last, _)| last.log_id.index >= since) {
            self.0.pop_back();
        }
    }

    /// Removes the entries up to this index.
    pub(super) fn purge(&mut self, up_to: u64) {
        while self.0.front().is_some_and(|(first, _)| first.log_id.index <= up_to) {
            self.0.pop_front();
        }
    }

    /// The entries of a range: at least one, and no further ones after that many bytes. `None` if it does not have all of
    /// the range.
    pub(super) fn entries(&self, from: u64, to: u64, bytes: usize) -> Option<Vec<Entry<Types>>> {
        let (first, last) = (self.0.front()?.0.log_id.index, self.0.back()?.0.log_id.index);
        if from < first || to <= from || to > last + 1 {
            return None;
        }
        let skipped = usize::try_from(from - first).ok()?;
        let count = usize::try_from(to - from).ok()?;
        let mut taken = 0;
        let wanted = self.0.iter().skip(skipped).take(count);
        let fitting = wanted.take_while(|(_, size)| {
            let fits = taken < bytes;
            taken += size;
            fits
        });
        Some(fitting.map(|(entry, _)| entry.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use openraft::{CommittedLeaderId, EntryPayload};

    use super::super::LogId;
    use super::*;

    fn tail(indexes: impl IntoIterator<Item = u64>) -> Tail {
        let mut tail = Tail::default();
        tail.append(indexes.into_iter().map(|index| (entry(index, 1), 10)));
        tail
    }

    fn entry(index: u64, term: u64) -> Entry<Types> {
        Entry {
            log_id: LogId::new(CommittedLeaderId::new(term, 1), index),
            payload: EntryPayload::Blank,
        }
    }

    fn indexes(tail: &Tail, from: u64, to: u64, bytes: usize) -> Option<Vec<u64>> {
        let entries = tail.entries(from, to, bytes)?;
        Some(entries.iter().map(|entry| entry.log_id.index).collect())
    }

    #[test]
    fn a_range_that_is_not_in_memory_is_not_answered() {
        let tail = tail(5..8);
        assert_eq!(indexes(&tail, 5, 8, usize::MAX), Some(vec![5, 6, 7]));
        assert_eq!(indexes(&tail, 6, 7, usize::MAX), Some(vec![6]));
        for (from, to) in [(4, 6), (6, 9), (8, 9), (6, 6), (7, 6), (0, u64::MAX)] {
            assert_eq!(indexes(&tail, from, to, usize::MAX), None, "{from}..{to}");
        }
        assert_eq!(indexes(&Tail::default(), 0, 1, usize::MAX), None);
    }

    #[test]
    fn a_range_ends_with_the_entry_that_fills_the_message() {
        let tail = tail(5..8);
        assert_eq!(indexes(&tail, 5, 8, 1), Some(vec![5]));
        assert_eq!(indexes(&tail, 5, 8, 10), Some(vec![5]));
        assert_eq!(indexes(&tail, 5, 8, 11), Some(vec![5, 6]));
    }

    #[test]
    fn the_oldest_entries_leave_the_memory() {
        let tail = tail(0..100);
        assert_eq!(indexes(&tail, 68, 100, usize::MAX), Some((68..100).collect()));
        assert_eq!(indexes(&tail, 67, 100, usize::MAX), None);
    }

    #[test]
    fn a_purged_entry_leaves_the_memory() {
        let mut tail = tail(5..8);
        tail.purge(6);
        assert_eq!(indexes(&tail, 6, 8, usize::MAX), None);
        assert_eq!(indexes(&tail, 7, 8, usize::MAX), Some(vec![7]));
        tail.purge(9);
        assert_eq!(indexes(&tail, 7, 8, usize::MAX), None);
    }

    #[test]
    fn an_entry_after_a_gap_replaces_all() {
        let mut tail = tail(5..8);
        tail.append(std::iter::once((entry(9, 1), 10)));
        assert_eq!(indexes(&tail, 7, 8, usize::MAX), None);
        assert_eq!(indexes(&tail, 9, 10, usize::MAX), Some(vec![9]));
    }

    #[test]
    fn a_truncated_entry_is_replaced() {
        let mut tail = tail(5..8);
        tail.truncate(6);
        assert_eq!(indexes(&tail, 6, 7, usize::MAX), None);
        tail.append(std::iter::once((entry(6, 2), 10)));
        let entries = tail.entries(5, 7, usize::MAX).unwrap();
        assert_eq!(
            entries
                .iter()
                .map(|entry| entry.log_id.leader_id.term)
                .collect::<Vec<_>>(),
            [1, 2]
        );
    }
}
