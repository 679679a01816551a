//! Steps of a query whose answers are on tapes. A step that does not go this way is executed with values, as are all after it.

use async_graphql::{Name, Response, Value};
use bytes::Bytes;
use foundation::AnswerBudget;
use pace::consume_budget;

use super::abort::Abort;
use super::entities;
use super::merged_tapes::{NotOnTapes, RequestedEntities};
use super::plan::model::{EntityBatch, Fetch, PlanStep};
use super::plan_execution::PlanExecution;
use super::tape_representations::{self, TapeRepresentations};
use super::tree::size_of;
use crate::subgraph::{TapeResponse, TapeSubgraph};

/// The progress of a step.
pub enum TapeStep {
    /// It is complete.
    Done,
    /// It has to be executed with values.
    NotOnTapes,
}

impl PlanExecution<'_> {
    /// Executes a step if the data are on tapes.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn run_on_tapes(&self, step: &PlanStep) -> Result<TapeStep, Abort> {
        if self.state().tapes.is_none() {
            return Ok(TapeStep::NotOnTapes);
        }
        match step {
            PlanStep::Fetch(fetch) => self.tape_roots(fetch).await,
            PlanStep::Entities(fetch, batches) => self.tape_entities(fetch, batches).await,
            PlanStep::Nested(..) => {
                self.state().leave_tapes(&self.allowance.budget)?;
                Ok(TapeStep::NotOnTapes)
            }
            PlanStep::Sequence(_) | PlanStep::Parallel(_) | PlanStep::Serial(_) => Ok(TapeStep::NotOnTapes),
        }
    }

    async fn tape_roots(&self, fetch: &Fetch) -> Result<TapeStep, Abort> {
        let is_plain = fetch.rewrites.is_empty() && (fetch.cache_policy.is_none() || self.cache.is_absent());
        let Some(subgraph) = self.tape_subgraph(fetch).filter(|_| is_plain) else {
            self.state().leave_tapes(&self.allowance.budget)?;
            return Ok(TapeStep::NotOnTapes);
        };
        let response = self.send_tape(subgraph, fetch, Vec::new()).await?;
        let mut state = self.state();
        if let TapeResponse::Tape(tape) = &response
            && let Some(tapes) = &mut state.tapes
            && tapes.merge_root(tape.clone()).is_ok()
        {
            return Ok(TapeStep::Done);
        }
        state.leave_tapes(&self.allowance.budget)?;
        state.merge_root(fetch, into_values(response, &self.allowance.budget)?);
        Ok(TapeStep::Done)
    }

    async fn tape_entities(&self, fetch: &Fetch, batches: &[EntityBatch]) -> Result<TapeStep, Abort> {
        let is_plain = batches.iter().all(|batch| {
            let is_cached = batch.cache_policy.is_some() && !self.cache.is_absent();
            batch.input_rewrites.is_empty() && batch.output_rewrites.is_empty() && !is_cached
        });
        let subgraph = self.tape_subgraph(fetch).filter(|_| is_plain);
        let (Some(subgraph), Ok(requested)) = (subgraph, self.collect_on_tapes(batches)) else {
            self.state().leave_tapes(&self.allowance.budget)?;
            return Ok(TapeStep::NotOnTapes);
        };
        if requested.iter().all(TapeRepresentations::is_empty) {
            return Ok(TapeStep::Done);
        }
        let lists = representation_lists(batches, &requested);
        let response = self.send_tape(subgraph, fetch, lists.clone()).await?;
        let targets: usize = requested.iter().map(|requested| requested.targets.len()).sum();
        consume_budget(targets / entities::ENTITIES_PER_UNIT).await;
        if let TapeResponse::Tape(tape) = &response
            && let Some(tapes) = &mut self.state().tapes
            && tapes
                .merge_entities(tape.clone(), &requested_entities(batches, &requested))
                .is_ok()
        {
            return Ok(TapeStep::Done);
        }
        let response = into_values(response, &self.allowance.budget)?;
        self.merge_values(fetch, batches, &requested, lists, response).await
    }

    fn tape_subgraph(&self, fetch: &Fetch) -> Option<&dyn TapeSubgraph> {
        self.state().tapes.as_ref()?;
        self.subgraphs[fetch.subgraph].as_tape_subgraph()
    }

    fn collect_on_tapes(&self, batches: &[EntityBatch]) -> Result<Vec<TapeRepresentations>, NotOnTapes> {
        let state = self.state();
        let tapes = state.tapes.as_ref().ok_or(NotOnTapes)?;
        tape_representations::collect(tapes, batches, self.limits.entities_max)
    }

    /// Merges a response to representations that were on tapes into the tree of values.
    async fn merge_values(
        &self,
        fetch: &Fetch,
        batches: &[EntityBatch],
        requested: &[TapeRepresentations],
        lists: Vec<(Name, Bytes)>,
        mut response: Response,
    ) -> Result<TapeStep, Abort> {
        let (representations, targets) = {
            let mut state = self.state();
            state.leave_tapes(&self.allowance.budget)?;
            entities::collect_representations(&mut state, batches, self.limits.entities_max).into_parts()
        };
        // Texts that differ can be equal values. Without such texts, the entities are the same ones in the same order.
        let are_same = std::iter::zip(&representations, requested).all(|(values, texts)| values.len() == texts.len());
        if !are_same {
            return Ok(TapeStep::NotOnTapes);
        }
        if !response.errors.is_empty() {
            let mut variables = self.fetch_variables(fetch);
            for (name, list) in lists {
                let list: Value = serde_json::from_slice(&list).map_err(|_| Abort::internal())?;
                variables.insert(name, list);
            }
            self.attribute(fetch, batches, &variables, &mut response).await?;
        }
        entities::merge_response(&mut self.state(), batches, &targets, response, &self.allowance.budget)?;
        Ok(TapeStep::Done)
    }
}

fn requested_entities<'a>(
    batches: &'a [EntityBatch],
    requested: &'a [TapeRepresentations],
) -> Vec<RequestedEntities<'a>> {
    let requested = batches.iter().zip(requested);
    let requested = requested.map(|(batch, requested)| RequestedEntities {
        key: &batch.key,
        count: requested.len(),
        targets: &requested.targets,
    });
    requested.collect()
}

/// Decodes a response. The values of a tape count against the budget.
fn into_values(response: TapeResponse, budget: &AnswerBudget) -> Result<Response, Abort> {
    let is_tape = matches!(response, TapeResponse::Tape(_));
    let response = response.into_response();
    if is_tape {
        budget.charge_response(size_of(&response.data))?;
    }
    Ok(response)
}

/// Returns the lists of representations, by their variables.
fn representation_lists(batches: &[EntityBatch], requested: &[TapeRepresentations]) -> Vec<(Name, Bytes)> {
    let mut lists: Vec<(Name, Bytes)> = Vec::with_capacity(batches.len());
    for (batch, requested) in batches.iter().zip(requested) {
        // Batches with the same paths share a variable.
        if lists.iter().all(|(name, _)| *name != batch.variable) {
            lists.push((batch.variable.clone(), requested.to_json().into()));
        }
    }
    lists
}

#[cfg(test)]
mod tests;
