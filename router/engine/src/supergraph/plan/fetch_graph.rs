//! The fetch dependency graph: the fetches of the best plan, and the stage at which each can begin.
//!
//! Both Apollo's and Hive's planners use the name. A fetch group is one request for the objects at one place of the answer.
//! The gateway adds the keys and required fields that a group needs to the groups before it. A group begins one stage after
//! the last group that it depends on, so its stage is known when it is created, and no search for an order is necessary.

mod keys;
mod names;
mod requires;
mod schedule;
mod sets;

use std::collections::BTreeSet;

use apollo_compiler::Name;
use apollo_compiler::ast::Type;
use apollo_compiler::collections::HashMap;

pub use self::sets::{SelectedSet, SetId};

use self::names::{KeyNames, NamesId};
use super::best_plan::{BestPlan, FieldPlan, ObjectPlan, Requirement, ValuePlan};
use super::join_graph::{FieldSet, JoinGraph, Route, Site, SubgraphIndex, TypeId};
use super::model::RequiredSelection;
use super::selections::{Item, Selections};

/// The index of a fetch group.
type GroupId = usize;

/// The fetch groups of an operation.
pub struct FetchGraph<'g> {
    graph: &'g JoinGraph,
    selections: Selections<'g>,
    names: KeyNames,
    /// The groups, each after those that it depends on.
    pub groups: Vec<FetchGroup>,
    /// The selections of all groups.
    pub sets: Vec<SelectedSet>,
    /// The place of the objects that are being built.
    path: Vec<PathStep>,
    /// The groups that fetch more fields of the objects of a selection set.
    entries: HashMap<SetId, Vec<Entry>>,
}

/// One request of a subgraph, or a part of one.
#[derive(Debug)]
pub struct FetchGroup {
    /// The subgraph.
    pub subgraph: SubgraphIndex,
    /// The way into the subgraph.
    pub entry: FetchEntry,
    /// The place of its objects in the answer.
    pub path: Vec<PathStep>,
    /// Its selections.
    pub set: SetId,
    /// The groups that it depends on.
    needs: GroupIds,
    /// The position in the sequence of fetches, from 1.
    pub stage: usize,
}

/// The way into a subgraph.
#[derive(Debug)]
pub enum FetchEntry {
    /// The operation's root fields.
    Root,
    /// Query fields for an object inside the answer.
    Query,
    /// Entities.
    Entity(EntityEntry),
}

/// The representations of a fetch of entities.
#[derive(Debug)]
pub struct EntityEntry {
    /// The type that the subgraph looks up.
    pub ty: TypeId,
    /// The type of the objects in the answer; `None` if it is not known yet.
    pub object_type: Option<TypeId>,
    /// The fields of a representation, without its `__typename`.
    pub required: Vec<RequiredSelection>,
}

/// A step to the place of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// Into the value of a key.
    Key(Name),
    /// Into every item of a list.
    Items,
    /// Only objects of that type.
    Type(TypeId),
}

/// The selection set that receives the fields of an object.
#[derive(Clone, Copy, Debug)]
struct Place {
    group: GroupId,
    set: SetId,
    names: NamesId,
    /// The set that selects the object's `__typename`.
    typename_set: SetId,
}

/// An object whose fields come from several groups: the site that returned it, and its place there.
#[derive(Clone, Copy)]
struct Position {
    origin: Site,
    place: Place,
}

/// A group that fetches fields of an object. A group with a requirement serves only the fields that have it.
type Entry = (Site, Option<*const FieldSet>, Place);

/// The groups that fetch certain fields.
type GroupIds = BTreeSet<GroupId>;

impl<'g> FetchGraph<'g> {
    /// Builds the fetch groups of a planned operation with these root selections.
    pub fn build(search: BestPlan<'g>, root: TypeId, items: &[Item], plan: &ObjectPlan<'g>) -> Self {
        let mut names = KeyNames::default();
        let root_names = names.add_object();
        names.register(&search.selections, root_names, items);
        let mut built = Self {
            graph: search.graph,
            selections: search.selections,
            names,
            groups: Vec::new(),
            sets: Vec::new(),
            path: Vec::new(),
            entries: HashMap::default(),
        };
        for lookup in &plan.lookups {
            let place = built.add_group(
                lookup.route.to.subgraph,
                FetchEntry::Root,
                root,
                root_names,
                GroupIds::new(),
            );
            for field in &lookup.fields {
                built.add_field(place, lookup.route.to, field, &mut GroupIds::new());
            }
        }
        built.delay_fetches();
        built
    }

    /// Adds a group, one stage after those that it needs.
    fn add_group(
        &mut self,
        subgraph: SubgraphIndex,
        entry: FetchEntry,
        ty: TypeId,
        names: NamesId,
        needs: GroupIds,
    ) -> Place {
        let set = self.add_set(ty);
        let stages = needs.iter().map(|group| self.groups[*group].stage);
        self.groups.push(FetchGroup {
            subgraph,
            entry,
            path: self.path.clone(),
            set,
            stage: stages.max().unwrap_or_default() + 1,
            needs,
        });
        Place {
            group: self.groups.len() - 1,
            set,
            names,
            typename_set: set,
        }
    }

    /// Adds the fields of an object.
    fn add_object(&mut self, position: Position, plan: &ObjectPlan<'g>, fetched_by: &mut GroupIds) {
        for field in &plan.stays {
            self.add_field(position.place, position.origin, field, fetched_by);
        }
        for lookup in &plan.lookups {
            let place = self.enter(position, lookup.route, lookup.requirement.as_ref());
            for field in &lookup.fields {
                self.add_field(place, lookup.route.to, field, fetched_by);
            }
        }
        if let Some(downcast) = &plan.downcast {
            let place = self.enter(position, downcast.route, None);
            fetched_by.insert(place.group);
            self.add_value(place, downcast.route.to, &downcast.value, fetched_by);
        }
    }

    /// Returns the place in the group that looks the object up at the end of a route, which it creates if necessary.
    fn enter(&mut self, position: Position, route: &'g Route, requirement: Option<&Requirement<'g>>) -> Place {
        let address = requirement.map(|requirement| std::ptr::from_ref(requirement.fields));
        let origin = position.place;
        let mut known = self.entries.get(&origin.set).into_iter().flatten();
        if let Some((_, _, place)) = known.find(|(site, known, _)| (*site, *known) == (route.to, address)) {
            return *place;
        }
        let mut needs = GroupIds::from([origin.group]);
        let mut required = Vec::new();
        for part in &route.key {
            let provider = self.provider(position, part.provider);
            needs.insert(provider.group);
            required.extend(self.add_key(provider, part.provider, &part.fields));
        }
        if let Some(requirement) = requirement {
            self.add_object(position, &requirement.plan, &mut needs);
            let ty = Some(position.origin.ty).filter(|ty| self.graph.is_object(*ty));
            self.add_required(origin.names, ty, requirement.fields, &mut required);
        }
        let entry = if self.graph.is_query(route.to.ty) {
            FetchEntry::Query
        } else {
            let object_type = Some(position.origin.ty).filter(|ty| self.graph.is_object(*ty));
            if object_type.is_some() {
                self.sets[origin.typename_set].typename = true;
            }
            FetchEntry::Entity(EntityEntry {
                ty: route.to.ty,
                object_type,
                required,
            })
        };
        let place = self.add_group(route.to.subgraph, entry, route.to.ty, origin.names, needs);
        let entries = self.entries.entry(origin.set).or_default();
        entries.push((route.to, address, place));
        place
    }

    /// Returns the place in the group of a site that provides a part of a key.
    fn provider(&mut self, position: Position, provider: Site) -> Place {
        let origin = position.origin;
        match self.graph.route_to(origin.ty, origin.subgraph, provider) {
            Some(route) if provider != origin => self.enter(position, route, None),
            _ => position.place,
        }
    }

    /// Adds a field and the fields of its value.
    fn add_field(&mut self, place: Place, site: Site, plan: &FieldPlan<'g>, fetched_by: &mut GroupIds) {
        fetched_by.insert(place.group);
        let field = self.selections.field(plan.field);
        let (name, arguments) = (field.name.clone(), field.arguments.clone());
        let key = match &field.data_key {
            Some(key) => key.clone(),
            None => self.names.key_of(place.names, &name, &arguments),
        };
        let inner = self.select(place, site, &key, &name, &arguments);
        let (Some(inner), Some(value)) = (inner, &plan.value) else {
            return;
        };
        let depth = self.path.len();
        self.path.push(PathStep::Key(key));
        let ty = self.graph.field(site, &name).map(|field| &field.ty);
        self.path
            .extend(std::iter::repeat_n(PathStep::Items, ty.map_or(0, list_levels)));
        let inner_site = Site {
            ty: self.sets[inner.set].ty,
            ..site
        };
        self.add_value(inner, inner_site, value, fetched_by);
        self.path.truncate(depth);
    }

    /// Adds the fields of the objects of a field.
    fn add_value(&mut self, place: Place, site: Site, plan: &ValuePlan<'g>, fetched_by: &mut GroupIds) {
        if plan.needs_typename {
            self.sets[place.set].typename = true;
            self.names.set_abstract(place.names);
        }
        for field in &plan.direct {
            self.add_field(place, site, field, fetched_by);
        }
        for (ty, case) in &plan.cases {
            let origin = Site { ty: *ty, ..site };
            let mut inner = place;
            if plan.is_abstract {
                inner.set = self.fragment(place.set, *ty);
                self.path.push(PathStep::Type(*ty));
            }
            let position = Position { origin, place: inner };
            self.add_object(position, case, fetched_by);
            if plan.is_abstract {
                self.path.pop();
            }
        }
    }
}

fn list_levels(ty: &Type) -> usize {
    match ty {
        Type::Named(_) | Type::NonNullNamed(_) => 0,
        Type::List(item) | Type::NonNullList(item) => 1 + list_levels(item),
    }
}
