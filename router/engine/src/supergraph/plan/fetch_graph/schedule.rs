//! Delays fetches that can wait, so that a subgraph gets fewer requests.

use super::super::join_graph::SubgraphIndex;
use super::{FetchEntry, FetchGraph, FetchGroup};

impl FetchGraph<'_> {
    /// Moves all fetches of entities that one subgraph gets at a stage to the next stage at which it gets others, if no fetch
    /// that depends on them would begin later. The number of stages stays.
    pub(super) fn delay_fetches(&mut self) {
        let last = self.groups.iter().map(|group| group.stage).max().unwrap_or_default();
        for stage in (1..last).rev() {
            for subgraph in 0..self.graph.subgraphs().len() {
                if let Some(later) = self.next_stage(subgraph, stage)
                    && self.can_wait(subgraph, stage, later)
                {
                    let delayed = self.groups.iter_mut().filter(|group| is_lookup(group, subgraph, stage));
                    delayed.for_each(|group| group.stage = later);
                }
            }
        }
    }

    /// Returns the next stage at which a subgraph looks up entities, if it also does at this one.
    fn next_stage(&self, subgraph: SubgraphIndex, stage: usize) -> Option<usize> {
        let mut groups = self.groups.iter();
        groups.find(|group| is_lookup(group, subgraph, stage))?;
        let later = self
            .groups
            .iter()
            .filter(|group| is_lookup(group, subgraph, group.stage));
        later.map(|group| group.stage).filter(|later| *later > stage).min()
    }

    fn can_wait(&self, subgraph: SubgraphIndex, stage: usize, later: usize) -> bool {
        let dependents = self.groups.iter().filter(|group| group.stage <= later);
        dependents
            .flat_map(|group| &group.needs)
            .all(|needed| !is_lookup(&self.groups[*needed], subgraph, stage))
    }
}

fn is_lookup(group: &FetchGroup, subgraph: SubgraphIndex, stage: usize) -> bool {
    group.subgraph == subgraph && group.stage == stage && matches!(group.entry, FetchEntry::Entity(_))
}
