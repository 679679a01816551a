//! Executes a plan: independent steps run in parallel, dependent steps in order.

use async_graphql::{PathSegment, Value};
use foundation::ErrorCode;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use pace::consume_budget;
use tokio::time::timeout_at;

use super::abort::Abort;
use super::entities;
use super::execution_state::{ExecutionState, record_errors};
use super::field_errors::FetchError;
use super::plan::model::{MutationStep, PlanStep};
use super::plan_execution::PlanExecution;
use super::project;
use super::tape_steps::TapeStep;
use super::tree::{merge_into, rewrite, size_of, visit};

impl PlanExecution<'_> {
    /// Runs a step within the time limit of the request. Fields that are not fetched by then fail with `TIMEOUT`.
    ///
    /// A root field of a mutation that has begun runs to its end, which its domain bounds: an error tells the client that
    /// the field changed nothing.
    ///
    /// # Errors
    /// When the answer is too large: the rest of it is no longer needed.
    pub async fn run(&self, step: &PlanStep) -> Result<(), Abort> {
        let running = self.run_step(step);
        tokio::pin!(running);
        if let Ok(done) = timeout_at(self.allowance.deadline, &mut running).await {
            return done;
        }
        if let Some(writing) = &self.writing {
            let mut writing = writing.subscribe();
            tokio::select! {
                biased;
                done = &mut running => return done,
                _ = writing.wait_for(|writing| !writing) => {}
            }
        }
        let cause = FetchError::new("the request took too long", ErrorCode::Timeout);
        self.state().field_errors.fail(&[], &cause);
        Ok(())
    }

    fn run_step<'s>(&'s self, step: &'s PlanStep) -> BoxFuture<'s, Result<(), Abort>> {
        async move {
            if let TapeStep::Done = self.run_on_tapes(step).await? {
                return Ok(());
            }
            match step {
                PlanStep::Sequence(steps) => {
                    for step in steps {
                        self.run_step(step).await?;
                    }
                }
                PlanStep::Parallel(steps) => {
                    try_join_all(steps.iter().map(|step| self.run_step(step))).await?;
                }
                PlanStep::Serial(roots) => {
                    for root in roots {
                        self.run_step(&root.step).await?;
                        if self.is_fatal(root) {
                            break;
                        }
                    }
                }
                PlanStep::Fetch(fetch) => {
                    self.set_writing(true);
                    let response = self.fetch_roots(fetch).await;
                    self.set_writing(false);
                    let response = response?;
                    self.state().merge_root(fetch, response);
                }
                PlanStep::Nested(place, fetch) => {
                    let response = self.fetch_roots(fetch).await?;
                    let mut state = self.state();
                    let mut data = response.data;
                    fetch.rewrites.iter().for_each(|change| rewrite(&mut data, change));
                    let ExecutionState {
                        data: tree,
                        field_errors,
                        ..
                    } = &mut *state;
                    let bytes = size_of(&data);
                    let mut fits = Ok(());
                    visit(tree, place, &mut Vec::new(), &mut |object, at| {
                        let path: Vec<_> = at.iter().map(PathSegment::from).collect();
                        record_errors(field_errors, &response.errors, &path, fetch);
                        fits = fits.and_then(|()| self.allowance.budget.charge_response(bytes));
                        if fits.is_ok()
                            && let Value::Object(fields) = data.clone()
                        {
                            merge_into(object, fields);
                        }
                    });
                    fits?;
                }
                PlanStep::Entities(fetch, batches) => {
                    let requested = {
                        let mut state = self.state();
                        entities::collect_representations(&mut state, batches, self.limits.entities_max)
                    };
                    if requested.is_empty() {
                        return Ok(());
                    }
                    let (response, targets) = self.fetch_entities(fetch, batches, requested).await?;
                    let entities: usize = targets.iter().map(Vec::len).sum();
                    consume_budget(entities / entities::ENTITIES_PER_UNIT).await;
                    entities::merge_response(&mut self.state(), batches, &targets, response, &self.allowance.budget)?;
                }
            }
            Ok(())
        }
        .boxed()
    }

    /// Records that a root field of a mutation begins or has ended.
    fn set_writing(&self, begins: bool) {
        if let Some(writing) = &self.writing {
            writing.send_replace(begins);
        }
    }

    /// Whether the root field's null propagates to the whole answer. The client could then not see the effects of the next
    /// root fields, so they do not begin.
    fn is_fatal(&self, root: &MutationStep) -> bool {
        let state = self.state();
        project::nulls_data(
            self.projection,
            &root.data_key,
            &state.data,
            &state.field_errors,
            self.allowance,
        )
    }
}
