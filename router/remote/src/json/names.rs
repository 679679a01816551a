//! Names of fields, each made once for many objects.

use async_graphql::Name;

/// The number of names that are remembered, a power of two.
const SLOTS: usize = 64;

/// The names seen last. The objects of a list have the same keys, so most names are found here and need no allocation.
pub struct Names([Option<Name>; SLOTS]);

impl Default for Names {
    fn default() -> Self {
        Self([const { None }; SLOTS])
    }
}

impl Names {
    /// Returns the name of a key.
    pub fn name(&mut self, key: &str) -> Name {
        let slot = &mut self.0[slot(key.as_bytes())];
        match slot {
            Some(name) if name.as_str() == key => name.clone(),
            _ => slot.insert(Name::new(key)).clone(),
        }
    }
}

/// Returns the place of a key. Its length, its ends and its middle tell most keys of one object apart.
fn slot(key: &[u8]) -> usize {
    let byte = |index: usize| usize::from(key.get(index).copied().unwrap_or_default());
    let last = key.len().saturating_sub(1);
    let mixed = key.len() ^ (byte(0) * 31) ^ (byte(last) * 7) ^ (byte(key.len() / 2) * 3);
    mixed % SLOTS
}
