//! Cacheable fetches: cached data is not fetched again, and fetched data is inserted into the cache.

use std::sync::Arc;

use async_graphql::{PathSegment, Response, ServerError, Value, Variables};

use super::abort::Abort;
use super::entities::{self, Targets};
use super::execute::{Allowance, Run};
use super::faults::Faults;
use super::plan::{Fetch, Group, Plan, Step, Watched};
use super::project;
use super::tree::{Fields, size_of};
use crate::cache::{AnswerCache, Asked, Kept, Moment, Slot};
use crate::subgraph::Answer;

/// Returns the answer to an operation without executing its plan, if the plan is one fetch whose response is
/// cached.
pub fn whole_answer(cache: &AnswerCache, plan: &Plan, variables: &Variables, allowance: &Allowance) -> Option<Answer> {
    let Step::Fetch(fetch) = &plan.fetches.steps else {
        return None;
    };
    if plan.introspects || !fetch.rewrites.is_empty() {
        return None;
    }
    let asked = Asked {
        question: &fetch.remembered.as_ref()?.question,
        variables,
        entity: None,
    };
    let kept = cache.hit(&asked)?;
    project::project(&plan.shape, &kept.data, Faults::default(), allowance).ok()
}

impl Run<'_> {
    /// Returns the response to a fetch of root fields, from the cache or from the subgraph.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn roots(&self, fetch: &Fetch) -> Result<Response, Abort> {
        let Some(remembered) = &fetch.remembered else {
            return self.ask(fetch, self.variables_of(fetch)).await;
        };
        let asked = Asked {
            question: &remembered.question,
            variables: self.variables,
            entity: None,
        };
        if let Some(kept) = self.cache.get(&asked) {
            self.allowance.budget.gather(size_of(&kept.data))?;
            return Ok(Response::new(kept.data.clone()));
        }
        let begun = self.cache.begin();
        let answer = self.ask(fetch, self.variables_of(fetch)).await?;
        if let Some(begun) = begun
            && answer.errors.is_empty()
            && let Some(slots) = slots_of(&remembered.watched, &answer.data)
        {
            self.cache.keep(&asked, &answer.data, slots, begun);
        }
        Ok(answer)
    }

    /// Returns the response to a fetch of entities, and the places of the entities. Requests only entities that
    /// are not cached.
    ///
    /// # Errors
    /// When the answer is too large.
    pub async fn entities(
        &self,
        fetch: &Fetch,
        groups: &[Group],
        asked: entities::Asked,
    ) -> Result<(Response, Targets), Abort> {
        let (representations, targets) = asked.into_parts();
        let mut variables = self.variables_of(fetch);
        let known: Vec<_> = groups
            .iter()
            .zip(representations)
            .map(|(group, wanted)| Recalled::new(self.cache, self.variables, group, wanted))
            .collect();
        let mut nothing_missing = true;
        for (group, recalled) in groups.iter().zip(&known) {
            let missing = recalled.missing();
            nothing_missing &= missing.is_empty();
            // Groups with the same places share a variable; such groups are not cached.
            variables.insert(group.variable.clone(), Value::List(missing));
        }
        let begun = self.cache.begin();
        let mut answer = match nothing_missing {
            true => Response::new(Value::Object(Fields::default())),
            false => {
                let mut answer = self.ask(fetch, variables.clone()).await?;
                if !answer.errors.is_empty() {
                    self.attribute(fetch, groups, &variables, &mut answer).await?;
                }
                answer
            }
        };
        if let Some(begun) = begun {
            for (group, recalled) in groups.iter().zip(known) {
                self.allowance.budget.gather(recalled.bytes())?;
                recalled.complete(self.cache, self.variables, group, &mut answer, begun);
            }
        }
        Ok((answer, targets))
    }
}

/// Returns the entities that a response of root fields depends on, or `None` if a root is missing.
fn slots_of(watched: &[Watched], data: &Value) -> Option<Vec<Slot>> {
    let Value::Object(fields) = data else { return None };
    let mut slots = Vec::with_capacity(watched.len());
    watched.iter().try_for_each(|root| root.slots(fields, &mut slots))?;
    Some(slots)
}

/// The entities that a group requests, and the cached ones among them.
struct Recalled {
    wanted: Vec<Value>,
    /// As long as `wanted`; empty if the group is not cacheable.
    known: Vec<Option<Arc<Kept>>>,
}

impl Recalled {
    fn new(cache: &AnswerCache, variables: &Variables, group: &Group, wanted: Vec<Value>) -> Self {
        let known = match &group.remembered {
            Some(remembered) if cache.is_on() => {
                let asked = |entity| Asked {
                    question: &remembered.question,
                    variables,
                    entity: Some(entity),
                };
                wanted.iter().map(|entity| cache.get(&asked(entity))).collect()
            }
            _ => Vec::new(),
        };
        Self { wanted, known }
    }

    fn is_known(&self, index: usize) -> bool {
        self.known.get(index).is_some_and(Option::is_some)
    }

    /// Returns the bytes of the cached entities.
    fn bytes(&self) -> usize {
        self.known.iter().flatten().map(|kept| size_of(&kept.data)).sum()
    }

    fn missing(&self) -> Vec<Value> {
        let wanted = self.wanted.iter().enumerate();
        wanted
            .filter(|(index, _)| !self.is_known(*index))
            .map(|(_, entity)| entity.clone())
            .collect()
    }

    /// Caches the fetched entities of a response, and inserts the cached ones between them.
    fn complete(self, cache: &AnswerCache, variables: &Variables, group: &Group, answer: &mut Response, begun: Moment) {
        let Some(remembered) = group.remembered.as_ref().filter(|_| !self.known.is_empty()) else {
            return;
        };
        if !matches!(answer.data, Value::Object(_)) {
            answer.data = Value::Object(Fields::default());
        }
        let Value::Object(data) = &mut answer.data else { return };
        let mut fetched = match data.swap_remove(&group.key) {
            Some(Value::List(fetched)) => fetched,
            _ => Vec::new(),
        }
        .into_iter();
        let mut entities = Vec::with_capacity(self.wanted.len());
        let mut places = Vec::new();
        for (index, (representation, known)) in self.wanted.iter().zip(self.known).enumerate() {
            if let Some(kept) = known {
                entities.push(kept.data.clone());
                continue;
            }
            places.push(index);
            let entity = fetched.next().unwrap_or_default();
            let mut slots = Vec::with_capacity(1);
            if answer.errors.is_empty() && remembered.watched.slots(&entity, &mut slots).is_some() {
                let asked = Asked {
                    question: &remembered.question,
                    variables,
                    entity: Some(representation),
                };
                cache.keep(&asked, &entity, slots, begun);
            }
            entities.push(entity);
        }
        data.insert(group.key.clone(), Value::List(entities));
        answer
            .errors
            .iter_mut()
            .for_each(|error| move_to_place(error, group, &places));
    }
}

/// Adjusts an error's index: the subgraph counted only the entities that it was asked for.
fn move_to_place(error: &mut ServerError, group: &Group, places: &[usize]) {
    if let [PathSegment::Field(key), PathSegment::Index(index), ..] = &mut error.path[..]
        && key == group.key.as_str()
        && let Some(place) = places.get(*index)
    {
        *index = *place;
    }
}
