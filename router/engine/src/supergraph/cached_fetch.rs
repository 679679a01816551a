//! Cacheable fetches: cached data is not fetched again, and fetched data is inserted into the cache.

use std::sync::Arc;

use async_graphql::{PathSegment, Response, ServerError, Value, Variables};

use super::abort::Abort;
use super::allowance::Allowance;
use super::entities::{self, Targets};
use super::field_errors::FieldErrors;
use super::plan::model::{EntityBatch, Fetch, Fields, Plan, PlanStep, TrackedField};
use super::plan_execution::PlanExecution;
use super::project;
use super::tree::size_of;
use crate::cache::{CacheEntry, CacheKeyRef, Generation, ResponseCache, Slot};
use crate::subgraph::EncodedResponse;

/// Returns the answer to an operation without executing its plan, if the plan is one fetch whose response is
/// cached.
pub fn cached_response(
    cache: &ResponseCache,
    plan: &Plan,
    variables: &Variables,
    allowance: &Allowance,
) -> Option<EncodedResponse> {
    let PlanStep::Fetch(fetch) = &plan.fetches.steps else {
        return None;
    };
    if plan.introspects || !fetch.rewrites.is_empty() {
        return None;
    }
    let key = CacheKeyRef {
        fetch_key: &fetch.cache_policy.as_ref()?.fetch_key,
        variables,
        entity: None,
    };
    let entry = cache.find(&key)?;
    project::project(&plan.projection, &entry.data, FieldErrors::default(), allowance).ok()
}

impl PlanExecution<'_> {
    /// Returns the response to a fetch of root fields, from the cache or from the subgraph.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn fetch_roots(&self, fetch: &Fetch) -> Result<Response, Abort> {
        let Some(cache_policy) = &fetch.cache_policy else {
            return self.send(fetch, self.fetch_variables(fetch)).await;
        };
        let key = CacheKeyRef {
            fetch_key: &cache_policy.fetch_key,
            variables: self.variables,
            entity: None,
        };
        if let Some(entry) = self.cache.get(&key) {
            self.allowance.budget.charge_response(size_of(&entry.data))?;
            return Ok(Response::new(entry.data.clone()));
        }
        let generation = self.cache.generation();
        let response = self.send(fetch, self.fetch_variables(fetch)).await?;
        if let Some(generation) = generation
            && response.errors.is_empty()
            && let Some(slots) = entity_slots(&cache_policy.dependencies, &response.data)
        {
            self.cache.insert(&key, &response.data, slots, generation);
        }
        Ok(response)
    }

    /// Returns the response to a fetch of entities, and the places of the entities. Requests only entities that
    /// are not cached.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn fetch_entities(
        &self,
        fetch: &Fetch,
        batches: &[EntityBatch],
        requested: entities::RepresentationSets,
    ) -> Result<(Response, Targets), Abort> {
        let (representations, targets) = requested.into_parts();
        let cached: Vec<_> = batches
            .iter()
            .zip(representations)
            .map(|(batch, requested)| CachedEntities::new(self.cache, self.variables, batch, requested))
            .collect();
        let generation = self.cache.generation();
        let mut response = if cached.iter().all(CachedEntities::is_complete) {
            Response::new(Value::Object(Fields::default()))
        } else {
            let variables = self.entity_variables(fetch, batches, &cached);
            let mut response = self.send(fetch, variables).await?;
            if !response.errors.is_empty() {
                // Built again: most responses have no errors, and need no copy.
                let variables = self.entity_variables(fetch, batches, &cached);
                self.attribute(fetch, batches, &variables, &mut response).await?;
            }
            response
        };
        if let Some(generation) = generation {
            for (batch, cached_entities) in batches.iter().zip(cached) {
                self.allowance.budget.charge_response(cached_entities.bytes())?;
                cached_entities.complete(self.cache, self.variables, batch, &mut response, generation);
            }
        }
        Ok((response, targets))
    }

    /// Returns the variables of a fetch of entities: the operation's, and the representations that are not cached.
    fn entity_variables(&self, fetch: &Fetch, batches: &[EntityBatch], cached: &[CachedEntities]) -> Variables {
        let mut variables = self.fetch_variables(fetch);
        for (batch, entities) in batches.iter().zip(cached) {
            // Batches with the same paths share a variable; such batches are not cached.
            variables.insert(batch.variable.clone(), Value::List(entities.missing_entities()));
        }
        variables
    }
}

/// Returns the entities that a response of root fields depends on, or `None` if a root is missing.
fn entity_slots(dependencies: &[TrackedField], data: &Value) -> Option<Vec<Slot>> {
    let Value::Object(fields) = data else { return None };
    let mut slots = Vec::with_capacity(dependencies.len());
    dependencies
        .iter()
        .try_for_each(|root| root.slots(fields, &mut slots))?;
    Some(slots)
}

/// The entities that a batch requests, and the cached ones among them.
struct CachedEntities {
    requested: Vec<Value>,
    /// As long as `requested`; empty if the batch is not cacheable.
    cached: Vec<Option<Arc<CacheEntry>>>,
}

impl CachedEntities {
    fn new(cache: &ResponseCache, variables: &Variables, batch: &EntityBatch, requested: Vec<Value>) -> Self {
        let cached = match &batch.cache_policy {
            Some(cache_policy) if cache.is_enabled() => {
                let key = |entity| CacheKeyRef {
                    fetch_key: &cache_policy.fetch_key,
                    variables,
                    entity: Some(entity),
                };
                requested.iter().map(|entity| cache.get(&key(entity))).collect()
            }
            _ => Vec::new(),
        };
        Self { requested, cached }
    }

    fn is_cached(&self, index: usize) -> bool {
        self.cached.get(index).is_some_and(Option::is_some)
    }

    /// Returns the bytes of the cached entities.
    fn bytes(&self) -> usize {
        self.cached.iter().flatten().map(|entry| size_of(&entry.data)).sum()
    }

    /// Whether no entity has to be fetched.
    fn is_complete(&self) -> bool {
        (0..self.requested.len()).all(|index| self.is_cached(index))
    }

    fn missing_entities(&self) -> Vec<Value> {
        let requested = self.requested.iter().enumerate();
        requested
            .filter(|(index, _)| !self.is_cached(*index))
            .map(|(_, entity)| entity.clone())
            .collect()
    }

    /// Caches the fetched entities of a response, and inserts the cached ones between them.
    fn complete(
        self,
        cache: &ResponseCache,
        variables: &Variables,
        batch: &EntityBatch,
        response: &mut Response,
        generation: Generation,
    ) {
        let Some(cache_policy) = batch.cache_policy.as_ref().filter(|_| !self.cached.is_empty()) else {
            return;
        };
        if !matches!(response.data, Value::Object(_)) {
            response.data = Value::Object(Fields::default());
        }
        let Value::Object(data) = &mut response.data else {
            return;
        };
        let mut fetched = match data.swap_remove(&batch.key) {
            Some(Value::List(fetched)) => fetched,
            _ => Vec::new(),
        }
        .into_iter();
        let mut entities = Vec::with_capacity(self.requested.len());
        let mut indexes = Vec::new();
        for (index, (representation, cached)) in self.requested.iter().zip(self.cached).enumerate() {
            if let Some(entry) = cached {
                entities.push(entry.data.clone());
                continue;
            }
            indexes.push(index);
            let entity = fetched.next().unwrap_or_default();
            let mut slots = Vec::with_capacity(1);
            if response.errors.is_empty() && cache_policy.dependencies.slots(&entity, &mut slots).is_some() {
                let key = CacheKeyRef {
                    fetch_key: &cache_policy.fetch_key,
                    variables,
                    entity: Some(representation),
                };
                cache.insert(&key, &entity, slots, generation);
            }
            entities.push(entity);
        }
        data.insert(batch.key.clone(), Value::List(entities));
        response
            .errors
            .iter_mut()
            .for_each(|error| shift_error_index(error, batch, &indexes));
    }
}

/// Adjusts an error's index: the subgraph counted only the entities that it was asked for.
fn shift_error_index(error: &mut ServerError, batch: &EntityBatch, indexes: &[usize]) {
    if let [PathSegment::Field(key), PathSegment::Index(index), ..] = &mut error.path[..]
        && key == batch.key.as_str()
        && let Some(place) = indexes.get(*index)
    {
        *index = *place;
    }
}
