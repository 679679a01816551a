//! Plans the selections on objects that have one of several types.

use std::rc::Rc;

use super::super::join_graph::{Site, TypeId};
use super::super::selections::{FieldId, Item};
use super::{BestPlan, FieldPlan, Place, ValuePlan};
use crate::supergraph::plan::work::PlanningError;

/// The selections on an interface or a union, split by the types that they concern.
#[derive(Default)]
struct SplitSelections {
    /// The fields that the subgraph resolves for every type.
    direct: Vec<FieldId>,
    by_type: Vec<(TypeId, Vec<Item>)>,
}

impl<'g> BestPlan<'g> {
    /// Plans the selections on an object of an interface or a union. A field that the subgraph resolves for all object
    /// types stays on the interface; every other selection is planned for each object type that the subgraph can return.
    pub(super) fn abstract_value(
        &mut self,
        place: Place<'_, 'g>,
        items: &[Item],
    ) -> Result<ValuePlan<'g>, PlanningError> {
        let mut split = SplitSelections {
            by_type: self
                .graph
                .members(place.site)
                .iter()
                .map(|ty| (*ty, Vec::new()))
                .collect(),
            ..SplitSelections::default()
        };
        self.split(place.site, items, &mut split);
        let mut plan = ValuePlan {
            is_abstract: true,
            needs_typename: true,
            ..ValuePlan::default()
        };
        for id in self.selections.merge(std::mem::take(&mut split.direct)) {
            match self.direct_field(place, id)? {
                Some(field) => {
                    let cost = field.value.as_ref().map(|value| value.cost.clone()).unwrap_or_default();
                    plan.cost.add(&cost, 0);
                    plan.direct.push(field);
                }
                None => split
                    .by_type
                    .iter_mut()
                    .for_each(|(_, items)| items.push(Item::Field(id))),
            }
        }
        for (ty, items) in split.by_type.into_iter().filter(|(_, items)| !items.is_empty()) {
            let provided = self.narrowed(ty, place.provided.clone());
            let place = Place {
                site: Site { ty, ..place.site },
                provided: &provided,
            };
            self.work.step()?;
            let case = self.object(place, &items, false)?;
            plan.cost.add(&case.cost, 0);
            if !case.unresolved.is_empty() {
                plan.unresolved.push(Item::On(ty, case.unresolved.as_slice().into()));
            }
            plan.cases.push((ty, Rc::new(case)));
        }
        Ok(plan)
    }

    /// Plans a field on the interface itself. Returns `None` if a part of its value has to come from another subgraph, which
    /// only the object types lead to.
    fn direct_field(&mut self, place: Place<'_, 'g>, id: FieldId) -> Result<Option<FieldPlan<'g>>, PlanningError> {
        let graph = self.graph;
        let Some(field) = graph.field(place.site, &self.selections.field(id).name) else {
            return Ok(None);
        };
        let value = self.value(id, place.site, field, place.provided)?;
        let is_complete = value.as_ref().is_none_or(|value| value.unresolved.is_empty());
        Ok(is_complete.then_some(FieldPlan { field: id, value }))
    }

    fn split(&self, site: Site, items: &[Item], split: &mut SplitSelections) {
        for item in items {
            match item {
                Item::Field(id) if self.is_uniform(site, *id) => split.direct.push(*id),
                Item::Field(_) => split.by_type.iter_mut().for_each(|(_, items)| items.push(item.clone())),
                Item::On(wanted, inner) => {
                    let is_included = |ty: TypeId| self.graph.is_subtype(ty, *wanted);
                    if split.by_type.iter().all(|(ty, _)| is_included(*ty)) && !self.graph.is_object(*wanted) {
                        self.split(site, inner, split);
                        continue;
                    }
                    let included = split.by_type.iter_mut().filter(|(ty, _)| is_included(*ty));
                    included.for_each(|(_, items)| items.extend(inner.iter().cloned()));
                }
            }
        }
    }

    /// Whether the subgraph resolves a field for the interface and for each of its object types.
    fn is_uniform(&self, site: Site, id: FieldId) -> bool {
        let name = &self.selections.field(id).name;
        let resolves = |ty| {
            let field = self.graph.field(Site { ty, ..site }, name);
            field.is_some_and(|field| field.is_resolved_in_place())
        };
        resolves(site.ty) && self.graph.members(site).iter().all(|ty| resolves(*ty))
    }
}
