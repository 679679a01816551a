//! Searches the best plan of an operation: it assigns each field to a subgraph.
//!
//! For a selection on an object, the fields that its subgraph resolves stay there if nothing better is known, and the
//! others go to subgraphs that look the object up by a key. Every field is evaluated once per subgraph that may resolve it,
//! from the leaves up, and the assignment with the fewest sequential hops, then the fewest fetches, then the smallest
//! documents wins (`Stages`). Hive's planner calls this the best plan of a tree of paths, Apollo's the cheapest of all
//! combinations of options; both build the paths of all options first. Here the cost of a sub-selection is known before its
//! parent is assigned, so the work is the number of fields times the number of subgraphs.

mod abstract_value;
mod choices;

use std::rc::Rc;

use apollo_compiler::collections::{HashMap, HashSet};

use super::join_graph::{FieldSet, FieldSetItem, JoinGraph, Route, Site, SubgraphField, TypeId};
use super::selections::{FieldId, Item, Selections};
use super::stages::Stages;
use super::work::{PlanningError, WorkLimit};

/// The plan of a selection on an object.
#[derive(Debug, Default)]
pub struct ObjectPlan<'g> {
    /// The fields that stay in the subgraph that returned the object.
    pub stays: Vec<FieldPlan<'g>>,
    /// The fetches of the other fields.
    pub lookups: Vec<Lookup<'g>>,
    /// For an interface object: the fetch that finds its type.
    pub downcast: Option<Downcast<'g>>,
    /// The selections that no subgraph can resolve for an object from this subgraph.
    pub unresolved: Vec<Item>,
    /// Its cost.
    pub cost: Stages,
}

/// A field and the plan of its value.
#[derive(Clone, Debug)]
pub struct FieldPlan<'g> {
    /// The field.
    pub field: FieldId,
    /// The plan of its objects, if it returns objects.
    pub value: Option<Rc<ValuePlan<'g>>>,
}

/// A fetch of fields of an object from another site.
#[derive(Debug)]
pub struct Lookup<'g> {
    /// The way to the site.
    pub route: &'g Route,
    /// The fields of other subgraphs that its fields need.
    pub requirement: Option<Requirement<'g>>,
    /// Its fields.
    pub fields: Vec<FieldPlan<'g>>,
}

/// The fields that `@requires` names.
#[derive(Clone, Debug)]
pub struct Requirement<'g> {
    /// The fields.
    pub fields: &'g FieldSet,
    /// Their plan.
    pub plan: Rc<ObjectPlan<'g>>,
}

/// The fetch that finds the type of an interface object, and the selections that depend on it.
#[derive(Debug)]
pub struct Downcast<'g> {
    /// The way to a subgraph that knows the object types of the interface.
    pub route: &'g Route,
    /// The plan of the selections.
    pub value: Rc<ValuePlan<'g>>,
}

/// The plan of the objects of a field.
#[derive(Debug, Default)]
pub struct ValuePlan<'g> {
    /// Whether the objects have one of several types.
    pub is_abstract: bool,
    /// Whether the type of the objects has to be fetched even if no plan needs it.
    pub needs_typename: bool,
    /// The fields that are selected on the interface itself.
    pub direct: Vec<FieldPlan<'g>>,
    /// The plans by object type. An object type or an interface object has only its own.
    pub cases: Vec<(TypeId, Rc<ObjectPlan<'g>>)>,
    /// As [`ObjectPlan::unresolved`].
    pub unresolved: Vec<Item>,
    /// Its cost.
    pub cost: Stages,
}

/// The fields that `@provides` adds to a place, each set once per field that it came from.
pub type Provided<'g> = Vec<&'g [FieldSetItem]>;

/// The identity of a value in the search.
type ValueKey = (FieldId, Site, Vec<*const FieldSetItem>);

/// The search for the best plan of one operation.
pub struct BestPlan<'g> {
    /// The supergraph.
    pub graph: &'g JoinGraph,
    /// The fields of the operation.
    pub selections: Selections<'g>,
    work: WorkLimit,
    values: HashMap<ValueKey, Rc<ValuePlan<'g>>>,
    /// The fields of each `@requires`, by the address of its set.
    requirements: HashMap<*const FieldSet, Vec<Item>>,
    /// The requirements that are being planned. A requirement that needs itself cannot be met.
    open: HashSet<(*const FieldSet, Site)>,
}

/// The place of an object: its type, the subgraph that returned it, and the fields that are provided there.
#[derive(Clone, Copy)]
struct Place<'p, 'g> {
    site: Site,
    provided: &'p Provided<'g>,
}

impl<'g> BestPlan<'g> {
    /// Begins a search.
    pub fn new(graph: &'g JoinGraph, work: WorkLimit) -> Self {
        Self {
            graph,
            selections: Selections::new(graph),
            work,
            values: HashMap::default(),
            requirements: HashMap::default(),
            open: HashSet::default(),
        }
    }

    /// Plans the selections on an object of the site's type.
    fn object(
        &mut self,
        place: Place<'_, 'g>,
        items: &[Item],
        needs_typename: bool,
    ) -> Result<ObjectPlan<'g>, PlanningError> {
        let ty = place.site.ty;
        let (fields, mut narrower) = self.selections.collect(ty, items);
        let mut plan = self.assign_fields(place, &fields)?;
        if !self.graph.is_object(ty) {
            narrower.append(&mut plan.unresolved);
            if needs_typename || !narrower.is_empty() {
                self.downcast(place.site, narrower, needs_typename, &mut plan)?;
            }
        }
        Ok(plan)
    }

    /// Plans the value of a field that this site resolves. Leaves have no plan.
    fn value(
        &mut self,
        id: FieldId,
        site: Site,
        field: &'g SubgraphField,
        provided: &Provided<'g>,
    ) -> Result<Option<Rc<ValuePlan<'g>>>, PlanningError> {
        let Some(ty) = field.object_type else { return Ok(None) };
        self.work.step()?;
        let inner_site = Site { ty, ..site };
        let provided = self.provided_below(id, ty, field, provided);
        let key = (id, inner_site, provided.iter().map(|set| set.as_ptr()).collect());
        if let Some(known) = self.values.get(&key) {
            return Ok(Some(known.clone()));
        }
        let selected = self.selections.field(id);
        let (items, needs_typename) = (selected.items.clone(), selected.needs_typename);
        let place = Place {
            site: inner_site,
            provided: &provided,
        };
        let plan = if self.graph.is_abstract(inner_site) {
            self.abstract_value(place, &items)?
        } else {
            self.object_value(place, &items, needs_typename)?
        };
        let plan = Rc::new(plan);
        self.values.insert(key, plan.clone());
        Ok(Some(plan))
    }

    fn object_value(
        &mut self,
        place: Place<'_, 'g>,
        items: &[Item],
        needs_typename: bool,
    ) -> Result<ValuePlan<'g>, PlanningError> {
        let plan = self.object(place, items, needs_typename)?;
        Ok(ValuePlan {
            // An interface object does not know its type.
            needs_typename: needs_typename && self.graph.is_object(place.site.ty),
            unresolved: plan.unresolved.clone(),
            cost: plan.cost.clone(),
            cases: vec![(place.site.ty, Rc::new(plan))],
            ..ValuePlan::default()
        })
    }

    /// Plans the search for the type of an interface object, and the selections that depend on it.
    fn downcast(
        &mut self,
        from: Site,
        items: Vec<Item>,
        needs_typename: bool,
        plan: &mut ObjectPlan<'g>,
    ) -> Result<(), PlanningError> {
        let nothing = Provided::new();
        let mut best: Option<(usize, Stages, Downcast<'g>)> = None;
        for route in self.graph.routes(from.ty, from.subgraph) {
            if !self.graph.is_abstract(route.to) {
                continue;
            }
            let place = Place {
                site: route.to,
                provided: &nothing,
            };
            let mut value = self.abstract_value(place, &items)?;
            value.needs_typename |= needs_typename;
            let mut cost = plan.cost.clone();
            add_route(&mut cost, route, route.stage);
            cost.add(&value.cost, route.stage);
            let rank = (value.unresolved.len(), cost);
            if best
                .as_ref()
                .is_none_or(|(unresolved, cost, _)| (rank.0, &rank.1) < (*unresolved, cost))
            {
                let value = Rc::new(value);
                best = Some((rank.0, rank.1, Downcast { route, value }));
            }
        }
        match best {
            Some((_, cost, downcast)) => {
                plan.unresolved = downcast.value.unresolved.clone();
                plan.cost = cost;
                plan.downcast = Some(downcast);
            }
            None => plan.unresolved = items,
        }
        Ok(())
    }

    /// Plans the fields that `@requires` names, for an object at this place. Returns `None` if they cannot be fetched.
    fn requirement(
        &mut self,
        place: Place<'_, 'g>,
        fields: &'g FieldSet,
    ) -> Result<Option<Requirement<'g>>, PlanningError> {
        let address = std::ptr::from_ref(fields);
        if !self.open.insert((address, place.site)) {
            return Ok(None);
        }
        if !self.requirements.contains_key(&address) {
            let items = self.selections.add_field_set(fields);
            self.requirements.insert(address, items);
        }
        let items = self.requirements[&address].clone();
        let plan = self.object(place, &items, false);
        self.open.remove(&(address, place.site));
        let plan = plan?;
        Ok(plan.unresolved.is_empty().then(|| Requirement {
            fields,
            plan: Rc::new(plan),
        }))
    }

    /// Returns the fields that are provided for the value of a field.
    fn provided_below(
        &self,
        id: FieldId,
        ty: TypeId,
        field: &'g SubgraphField,
        provided: &Provided<'g>,
    ) -> Provided<'g> {
        let name = &self.selections.field(id).name;
        let mut below: Provided<'g> = field.provides.iter().map(|set| &set.items[..]).collect();
        for set in provided {
            below.extend(
                provided_fields(set, name)
                    .filter(|set| !set.items.is_empty())
                    .map(|set| &set.items[..]),
            );
        }
        self.narrowed(ty, below)
    }

    /// Replaces the fragments that apply to every object of a type by their fields.
    fn narrowed(&self, ty: TypeId, sets: Provided<'g>) -> Provided<'g> {
        let mut narrowed = Vec::with_capacity(sets.len());
        let mut rest = sets;
        while let Some(set) = rest.pop() {
            for item in set {
                if let FieldSetItem::On(wanted, inner) = item
                    && self
                        .graph
                        .type_id(wanted)
                        .is_some_and(|wanted| self.graph.is_subtype(ty, wanted))
                {
                    rest.push(&inner.items);
                }
            }
            narrowed.push(set);
        }
        narrowed
    }

    /// Whether the subgraph of a place resolves a field for the objects there.
    fn stays(&self, place: Place<'_, 'g>, field: &SubgraphField, name: &str) -> bool {
        field.is_resolved_in_place()
            || place
                .provided
                .iter()
                .any(|set| provided_fields(set, name).next().is_some())
    }
}

/// Returns the fields of a value that a set provides, for a field of this name.
fn provided_fields<'g>(set: &'g [FieldSetItem], wanted: &str) -> impl Iterator<Item = &'g FieldSet> {
    set.iter().filter_map(move |item| match item {
        FieldSetItem::Field { name, inner, .. } if name == wanted => Some(inner),
        _ => None,
    })
}

/// Adds the fetches of a route whose last one has this stage.
fn add_route(cost: &mut Stages, route: &Route, last: usize) {
    for (stage, subgraph) in &route.stops {
        let is_last = (*stage, *subgraph) == (route.stage, route.to.subgraph);
        cost.add_fetch(if is_last { last } else { *stage }, *subgraph);
    }
}
