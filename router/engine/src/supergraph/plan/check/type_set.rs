//! Sets of object types.

use smallvec::SmallVec;

/// A set of a supergraph's object types, each by its index in [`SupergraphFacts`](super::facts::SupergraphFacts).
#[derive(Debug, Default)]
pub struct TypeSet(SmallVec<[u64; WORDS]>);

/// The words that a set holds without an allocation: enough for 256 types.
const WORDS: usize = 4;

const WORD_BITS: usize = u64::BITS as usize;

impl TypeSet {
    /// Adds a type.
    pub fn insert(&mut self, index: usize) {
        let word = index / WORD_BITS;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (index % WORD_BITS);
    }

    /// Whether it has no types.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether both have a type in common.
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| one & other != 0)
    }

    /// Whether the other one has all of its types.
    pub fn is_subset(&self, other: &Self) -> bool {
        let other = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(other).all(|(one, other)| one & !other == 0)
    }

    /// Returns the types that both have.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut common = self.clone();
        common.0.truncate(other.0.len());
        common.0.iter_mut().zip(&other.0).for_each(|(one, other)| *one &= other);
        common
    }

    /// Adds the types of the other one.
    pub fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(one, other)| *one |= other);
    }

    /// Removes the types of the other one.
    pub fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(one, other)| *one &= !other);
    }

    /// The indexes of its types, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().enumerate();
        words.flat_map(|(word, bits)| {
            // Each step removes the lowest bit.
            let rests = std::iter::successors(Some(*bits), |rest| Some(rest & rest.checked_sub(1)?));
            let rests = rests.take_while(|rest| *rest != 0);
            rests.map(move |rest| word * WORD_BITS + rest.trailing_zeros() as usize)
        })
    }
}

/// The library's own copies word by word.
impl Clone for TypeSet {
    fn clone(&self) -> Self {
        Self(SmallVec::from_slice(&self.0))
    }
}

impl FromIterator<usize> for TypeSet {
    fn from_iter<I: IntoIterator<Item = usize>>(indexes: I) -> Self {
        let mut set = Self::default();
        indexes.into_iter().for_each(|index| set.insert(index));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(indexes: &[usize]) -> TypeSet {
        indexes.iter().copied().collect()
    }

    #[test]
    fn sets_of_different_lengths_are_compared_by_their_types() {
        let (few, many) = (set(&[1, 3]), set(&[1, 3, 70, 200]));
        assert!(few.is_subset(&many) && !many.is_subset(&few));
        assert!(few.intersects(&many) && !few.intersects(&set(&[2, 200])));
        assert_eq!(many.intersection(&set(&[0, 70])).iter().collect::<Vec<_>>(), [70]);
        let mut rest = many.clone();
        rest.remove(&few);
        assert_eq!(rest.iter().collect::<Vec<_>>(), [70, 200]);
        rest.extend(&few);
        assert_eq!(rest.iter().collect::<Vec<_>>(), [1, 3, 70, 200]);
        assert!(TypeSet::default().is_empty() && few.intersection(&set(&[2])).is_empty());
    }
}
