//! The cost of a plan: its sequential hops, its fetches, and the size of its documents.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::join_graph::SubgraphIndex;

/// The subgraphs that are fetched from at each stage, counted from the fetch that returned the object. Fetches from one
/// subgraph at one stage are one request.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct Stages {
    /// A bit per subgraph.
    subgraphs: SmallVec<[u128; STAGES]>,
    /// The number of selected fields and keys.
    size: usize,
}

/// The stages that are counted without an allocation.
const STAGES: usize = 4;

/// The library's own copies stage by stage.
impl Clone for Stages {
    fn clone(&self) -> Self {
        Self {
            subgraphs: SmallVec::from_slice(&self.subgraphs),
            size: self.size,
        }
    }
}

impl Stages {
    /// The cost of that many fields without a fetch of their own.
    pub fn of_fields(size: usize) -> Self {
        Self {
            subgraphs: SmallVec::new(),
            size,
        }
    }

    /// Returns the number of sequential hops.
    pub fn hops(&self) -> usize {
        self.subgraphs.len()
    }

    /// Adds a fetch at a stage, counted from 1.
    pub fn add_fetch(&mut self, stage: usize, subgraph: SubgraphIndex) {
        if self.subgraphs.len() < stage {
            self.subgraphs.resize(stage, 0);
        }
        // With more than 128 subgraphs, two may share a bit: the plan is right, but may not be the best one.
        self.subgraphs[stage - 1] |= 1 << (subgraph % 128);
        self.size += 1;
    }

    /// Adds the fetches of another plan, which begins after this stage.
    pub fn add(&mut self, other: &Self, after: usize) {
        if !other.subgraphs.is_empty() && self.subgraphs.len() < after + other.subgraphs.len() {
            self.subgraphs.resize(after + other.subgraphs.len(), 0);
        }
        for (stage, subgraphs) in other.subgraphs.iter().enumerate() {
            self.subgraphs[after + stage] |= subgraphs;
        }
        self.size += other.size;
    }

    fn fetches(&self) -> u32 {
        self.subgraphs.iter().map(|subgraphs| subgraphs.count_ones()).sum()
    }
}

impl PartialOrd for Stages {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Fewer hops are better, then fewer fetches, then smaller documents.
impl Ord for Stages {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |stages: &Self| (stages.hops(), stages.fetches(), stages.size);
        rank(self)
            .cmp(&rank(other))
            .then_with(|| self.subgraphs.cmp(&other.subgraphs))
    }
}
