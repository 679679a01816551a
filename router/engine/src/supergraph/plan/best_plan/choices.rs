//! Assigns the fields of one object to subgraphs.

use std::rc::Rc;

use apollo_compiler::collections::HashMap;

use super::super::join_graph::{FieldSet, Route, TypeId};
use super::super::selections::{FieldId, Item};
use super::super::stages::Stages;
use super::{BestPlan, FieldPlan, Lookup, ObjectPlan, Place, Provided, Requirement, ValuePlan, add_route};
use crate::supergraph::plan::work::PlanningError;

/// Combinations of options up to which all of them are compared; with more, one choice is made after the other.
const COMBINATIONS_MAX: usize = 256;
/// The costs that are added up, or the routes that are tried, in the time of one step of the search.
const TRIALS_PER_STEP: usize = 16;
/// The options of one field that are compared, the best ones by themselves.
const OPTIONS_MAX: usize = 8;

/// One way to fetch a field of an object.
#[derive(Clone)]
struct FieldOption<'g> {
    /// The way to another site; `None` if the field stays.
    route: Option<&'g Route>,
    requirement: Option<Requirement<'g>>,
    value: Option<Rc<ValuePlan<'g>>>,
    cost: Stages,
}

/// The identity of an option. Fields with the same options are assigned together.
type OptionKey = (Option<*const Route>, Option<*const FieldSet>, Stages);

/// Fields with the same options.
struct OptionGroup<'g> {
    fields: Vec<(FieldId, Vec<FieldOption<'g>>)>,
    costs: Vec<Stages>,
}

impl<'g> FieldOption<'g> {
    fn unresolved(&self) -> &[Item] {
        self.value.as_ref().map_or(&[], |value| &value.unresolved)
    }

    fn key(&self) -> OptionKey {
        let requirement = self.requirement.as_ref();
        (
            self.route.map(std::ptr::from_ref),
            requirement.map(|requirement| std::ptr::from_ref(requirement.fields)),
            self.cost.clone(),
        )
    }
}

impl<'g> BestPlan<'g> {
    /// Plans the root fields of an operation.
    ///
    /// # Errors
    /// When a field cannot be fetched, or the search exceeds its limits.
    pub fn root(&mut self, ty: TypeId, items: &[Item]) -> Result<ObjectPlan<'g>, PlanningError> {
        let (fields, _) = self.selections.collect(ty, items);
        let plan = self.assign(None, self.graph.root_routes(ty), &fields)?;
        if plan.unresolved.is_empty() {
            Ok(plan)
        } else {
            Err(PlanningError::Unreachable)
        }
    }

    /// Assigns the fields of an object at a place.
    pub(super) fn assign_fields(
        &mut self,
        place: Place<'_, 'g>,
        fields: &[FieldId],
    ) -> Result<ObjectPlan<'g>, PlanningError> {
        let routes = self.graph.routes(place.site.ty, place.site.subgraph);
        self.assign(Some(place), routes, fields)
    }

    fn assign(
        &mut self,
        place: Option<Place<'_, 'g>>,
        routes: &'g [Route],
        fields: &[FieldId],
    ) -> Result<ObjectPlan<'g>, PlanningError> {
        let mut plan = ObjectPlan::default();
        let mut groups: Vec<OptionGroup<'g>> = Vec::new();
        let mut by_key: HashMap<Vec<OptionKey>, usize> = HashMap::default();
        for id in fields {
            let mut options = self.options(place, routes, *id)?;
            if matches!(&options[..], [only] if only.unresolved().is_empty()) {
                plan.add(*id, options.remove(0));
                continue;
            }
            let (complete, partial): (Vec<_>, Vec<_>) =
                options.into_iter().partition(|option| option.unresolved().is_empty());
            if complete.is_empty() {
                self.assign_parts(place, routes, *id, partial, &mut plan)?;
            } else {
                let key = complete.iter().map(FieldOption::key).collect();
                let index = *by_key.entry(key).or_insert(groups.len());
                if index == groups.len() {
                    groups.push(OptionGroup {
                        costs: complete.iter().map(|option| option.cost.clone()).collect(),
                        fields: Vec::new(),
                    });
                }
                groups[index].fields.push((*id, complete));
            }
        }
        self.work.steps(compared_costs(&groups) / TRIALS_PER_STEP)?;
        for (group, choice) in std::iter::zip(&groups, best_choices(&plan.cost, &groups)) {
            for (id, options) in &group.fields {
                plan.add(*id, options[choice].clone());
            }
        }
        Ok(plan)
    }

    /// Assigns a field of which no subgraph resolves all selections: each takes a part, as long as there are some left. Such
    /// a value has no key, and each subgraph that shares the field returns the same one.
    fn assign_parts(
        &mut self,
        place: Option<Place<'_, 'g>>,
        routes: &'g [Route],
        id: FieldId,
        mut options: Vec<FieldOption<'g>>,
        plan: &mut ObjectPlan<'g>,
    ) -> Result<(), PlanningError> {
        let mut rest = id;
        let mut used: Vec<Option<*const Route>> = Vec::new();
        loop {
            let left = self.selections.size(rest);
            options.retain(|option| !used.contains(&option.route.map(std::ptr::from_ref)));
            let size = |option: &FieldOption<'g>| self.selections.size_of(option.unresolved());
            let best = options
                .into_iter()
                .min_by(|one, other| (size(one), &one.cost).cmp(&(size(other), &other.cost)));
            let Some(best) = best.filter(|best| size(best) < left) else {
                plan.unresolved.push(Item::Field(rest));
                return Ok(());
            };
            let unresolved = best.unresolved().to_vec();
            used.push(best.route.map(std::ptr::from_ref));
            plan.add(rest, best);
            if unresolved.is_empty() {
                return Ok(());
            }
            rest = self.selections.with_items(rest, unresolved);
            options = self.options(place, routes, rest)?;
        }
    }

    /// Returns the ways to fetch a field, the one that stays first.
    fn options(
        &mut self,
        place: Option<Place<'_, 'g>>,
        routes: &'g [Route],
        id: FieldId,
    ) -> Result<Vec<FieldOption<'g>>, PlanningError> {
        let mut options = Vec::new();
        if let Some(place) = place
            && let Some(stay) = self.stay(place, id)?
        {
            let is_best = stay.cost.hops() == 0 && stay.unresolved().is_empty();
            options.push(stay);
            if is_best {
                return Ok(options);
            }
        }
        self.work.steps(routes.len() / TRIALS_PER_STEP)?;
        for route in routes {
            options.extend(self.lookup(place, route, id)?);
        }
        if options.len() > OPTIONS_MAX {
            options.sort_by(|one, other| {
                (one.unresolved().len(), &one.cost).cmp(&(other.unresolved().len(), &other.cost))
            });
            options.truncate(OPTIONS_MAX);
        }
        Ok(options)
    }

    fn stay(&mut self, place: Place<'_, 'g>, id: FieldId) -> Result<Option<FieldOption<'g>>, PlanningError> {
        let (graph, name) = (self.graph, self.selections.field(id).name.clone());
        let field = graph
            .field(place.site, &name)
            .filter(|field| self.stays(place, field, &name));
        let Some(field) = field else { return Ok(None) };
        let value = self.value(id, place.site, field, place.provided)?;
        let mut cost = Stages::of_fields(1);
        if let Some(value) = &value {
            cost.add(&value.cost, 0);
        }
        Ok(Some(FieldOption {
            route: None,
            requirement: None,
            value,
            cost,
        }))
    }

    fn lookup(
        &mut self,
        place: Option<Place<'_, 'g>>,
        route: &'g Route,
        id: FieldId,
    ) -> Result<Option<FieldOption<'g>>, PlanningError> {
        let graph = self.graph;
        // A fetch of an interface finds the types of its objects first: it is a downcast.
        let is_object = !graph.is_abstract(route.to);
        let field = graph.field(route.to, &self.selections.field(id).name);
        let Some(field) = field.filter(|field| is_object && field.is_resolvable()) else {
            return Ok(None);
        };
        if field.requires.is_none() && place.is_some_and(|place| place.site == route.to) {
            return Ok(None);
        }
        self.work.step()?;
        let requirement = match (&field.requires, place) {
            (Some(fields), Some(place)) => match self.requirement(place, fields)? {
                None => return Ok(None),
                requirement => requirement,
            },
            _ => None,
        };
        let mut cost = Stages::of_fields(1);
        let mut stage = route.stage;
        if let Some(requirement) = &requirement {
            cost.add(&requirement.plan.cost, 0);
            stage = stage.max(requirement.plan.cost.hops() + 1);
        }
        add_route(&mut cost, route, stage);
        let value = self.value(id, route.to, field, &Provided::new())?;
        if let Some(value) = &value {
            cost.add(&value.cost, stage);
        }
        Ok(Some(FieldOption {
            route: Some(route),
            requirement,
            value,
            cost,
        }))
    }
}

impl<'g> ObjectPlan<'g> {
    fn add(&mut self, field: FieldId, option: FieldOption<'g>) {
        self.cost.add(&option.cost, 0);
        let planned = FieldPlan {
            field,
            value: option.value,
        };
        let Some(route) = option.route else {
            self.stays.push(planned);
            return;
        };
        let address =
            |requirement: &Option<Requirement<'g>>| requirement.as_ref().map(|known| std::ptr::from_ref(known.fields));
        let wanted = address(&option.requirement);
        let mut lookups = self.lookups.iter_mut();
        match lookups.find(|lookup| std::ptr::eq(lookup.route, route) && address(&lookup.requirement) == wanted) {
            Some(lookup) => lookup.fields.push(planned),
            None => self.lookups.push(Lookup {
                route,
                requirement: option.requirement,
                fields: vec![planned],
            }),
        }
    }
}

/// Chooses an option for each group, so that all of them together with the other fields cost the least.
fn best_choices(others: &Stages, groups: &[OptionGroup<'_>]) -> Vec<usize> {
    match combinations(groups) {
        combinations if combinations <= COMBINATIONS_MAX => best_combination(others, groups, combinations),
        _ => choices_in_turn(others.clone(), groups),
    }
}

fn combinations(groups: &[OptionGroup<'_>]) -> usize {
    let counts = groups.iter().map(|group| group.costs.len());
    counts.fold(1, usize::saturating_mul)
}

/// Returns the number of costs that `best_choices` adds up.
fn compared_costs(groups: &[OptionGroup<'_>]) -> usize {
    match combinations(groups) {
        combinations if combinations <= COMBINATIONS_MAX => combinations * groups.len(),
        _ => groups.iter().map(|group| group.costs.len()).sum(),
    }
}

fn best_combination(others: &Stages, groups: &[OptionGroup<'_>], combinations: usize) -> Vec<usize> {
    let mut best: Option<(Stages, Vec<usize>)> = None;
    for combination in 0..combinations {
        let mut rest = combination;
        let mut cost = others.clone();
        let choices = groups.iter().map(|group| {
            let choice = rest % group.costs.len();
            rest /= group.costs.len();
            cost.add(&group.costs[choice], 0);
            choice
        });
        let choices: Vec<_> = choices.collect();
        if best.as_ref().is_none_or(|(known, _)| cost < *known) {
            best = Some((cost, choices));
        }
    }
    best.map(|(_, choices)| choices).unwrap_or_default()
}

fn choices_in_turn(mut cost: Stages, groups: &[OptionGroup<'_>]) -> Vec<usize> {
    let choices = groups.iter().map(|group| {
        let with = |choice: &usize| {
            let mut with = cost.clone();
            with.add(&group.costs[*choice], 0);
            with
        };
        let choice = (0..group.costs.len()).min_by_key(with).unwrap_or_default();
        cost.add(&group.costs[choice], 0);
        choice
    });
    choices.collect()
}
