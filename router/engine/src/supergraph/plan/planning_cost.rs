//! Estimates the cost of planning an operation before it is planned.
//!
//! The price bounds what the limit on the search does not: the size of the plan, which the fields of an interface multiply by its
//! types. The bench `planning` compares it with the time (docs/PERFORMANCE.md, "Planning").

use apollo_compiler::ast::{Definition, Directive, DirectiveList, Document, FieldDefinition, Value};
use apollo_compiler::collections::{HashMap, HashSet};
use apollo_compiler::executable::OperationType;

use crate::supergraph::canonical::{CanonicalField, CanonicalOperation, CanonicalSelection};

/// Steps for a document that the planner is given.
const DOCUMENT_STEPS: u64 = 60;
/// Steps for a field.
const FIELD_STEPS: u64 = 10;
/// Steps for a fetch, for each level that it begins at.
const FETCH_STEPS: u64 = 12;
/// Pairs of a field and a leaf for one step.
const PAIRS_PER_STEP: u64 = 256;

/// The subgraphs of each field, from the supergraph.
#[derive(Debug, Default)]
pub struct PlanningCosts {
    types: HashMap<String, TypeCost>,
}

#[derive(Debug, Default)]
struct TypeCost {
    /// For an interface, its object types: the planner handles each one separately, unless all of them resolve the field alike.
    possible: HashSet<String>,
    fields: HashMap<String, FieldCost>,
}

#[derive(Debug)]
struct FieldCost {
    /// The subgraphs that resolve it.
    subgraphs: Vec<String>,
    /// The number of names in its requirements from other subgraphs.
    requires: u64,
}

/// The planner's work for a selection.
#[derive(Clone, Copy, Default)]
struct PlanningWork {
    fields: u64,
    leaves: u64,
    /// Fetches, each counted once for every level of its depth.
    fetch_levels: u64,
}

impl PlanningWork {
    fn add(&mut self, other: Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.leaves = self.leaves.saturating_add(other.leaves);
        self.fetch_levels = self.fetch_levels.saturating_add(other.fetch_levels);
    }

    fn times(self, factor: u64) -> Self {
        Self {
            fields: self.fields.saturating_mul(factor),
            leaves: self.leaves.saturating_mul(factor),
            fetch_levels: self.fetch_levels.saturating_mul(factor),
        }
    }

    fn steps(self) -> u64 {
        let fields = self.fields.saturating_mul(FIELD_STEPS);
        let fetches = self.fetch_levels.saturating_mul(FETCH_STEPS);
        let pairs = self.fields.saturating_mul(self.leaves) / PAIRS_PER_STEP;
        let steps = DOCUMENT_STEPS.saturating_add(fields).saturating_add(fetches);
        steps.saturating_add(pairs)
    }
}

impl PlanningCosts {
    /// Reads the subgraphs of all fields from a supergraph.
    pub fn from_supergraph(supergraph: &Document) -> Self {
        let mut planning_costs = Self::default();
        for definition in &supergraph.definitions {
            let (name, interfaces, directives, fields) = match definition {
                Definition::ObjectTypeDefinition(object) => (
                    &object.name,
                    &object.implements_interfaces[..],
                    &object.directives,
                    &object.fields,
                ),
                Definition::InterfaceTypeDefinition(any) => (&any.name, &[][..], &any.directives, &any.fields),
                _ => continue,
            };
            let of_type = graphs(directives, "join__type");
            let fields = fields
                .iter()
                .map(|field| (field.name.to_string(), field_cost(field, &of_type)));
            planning_costs.types.entry(name.to_string()).or_default().fields = fields.collect();
            for interface in interfaces {
                let interface = planning_costs.types.entry(interface.to_string()).or_default();
                interface.possible.insert(name.to_string());
            }
        }
        planning_costs
    }

    /// Returns the cost of planning an operation, in steps.
    pub fn of(&self, operation: &CanonicalOperation) -> u64 {
        let items = &operation.items;
        match operation.kind {
            // Each root field of a mutation is planned by itself.
            OperationType::Mutation => {
                let roots = items.iter().map(|root| {
                    let root = std::slice::from_ref(root);
                    self.selections(&operation.ty, root, 1, None).steps()
                });
                roots.fold(0, u64::saturating_add)
            }
            _ => self.selections(&operation.ty, items, 1, None).steps(),
        }
    }

    /// Estimates the work for a selection on an object from `subgraph`; root objects have no subgraph yet.
    fn selections(&self, ty: &str, items: &[CanonicalSelection], level: u64, subgraph: Option<&str>) -> PlanningWork {
        let mut work = PlanningWork::default();
        // Fragments are planned for their own types only.
        let mut once = PlanningWork::default();
        let mut fetched = HashSet::default();
        let type_cost = self.types.get(ty);
        for item in items {
            match item {
                CanonicalSelection::On(ty, inner) => once.add(self.selections(ty, inner, level, subgraph)),
                CanonicalSelection::Field(field) if field.is_repeated || field.is_local() => {}
                CanonicalSelection::Field(field) if self.stays_on_interface(type_cost, &field.name, subgraph) => {
                    once.fields = once.fields.saturating_add(1);
                    once.add(self.below(field, level + 1, subgraph));
                }
                CanonicalSelection::Field(field) => {
                    let known = type_cost.and_then(|ty| ty.fields.get(field.name.as_str()));
                    let resolving = known.map_or(&[][..], |field| &field.subgraphs);
                    let stays = subgraph.filter(|here| resolving.is_empty() || resolving.iter().any(|one| one == here));
                    let resolver = stays.or(resolving.first().map(String::as_str));
                    if stays.is_none() && fetched.insert(resolver) {
                        work.fetch_levels = work.fetch_levels.saturating_add(level);
                    }
                    let requires = known.map_or(0, |field| field.requires);
                    work.fetch_levels = work.fetch_levels.saturating_add(level.saturating_mul(requires));
                    work.fields = work.fields.saturating_add(1 + requires);
                    work.add(self.below(field, level + 1, resolver));
                }
            }
        }
        let possible = type_cost.map_or(0, |ty| ty.possible.len());
        let mut all = work.times((possible as u64).max(1));
        all.add(once);
        all
    }

    /// Whether a subgraph resolves a field for an interface and all of its object types, so that the field is planned once.
    fn stays_on_interface(&self, interface: Option<&TypeCost>, field: &str, subgraph: Option<&str>) -> bool {
        let (Some(interface), Some(subgraph)) = (interface, subgraph) else {
            return false;
        };
        let is_plain = |ty: &TypeCost| {
            let known = ty.fields.get(field);
            known.is_some_and(|known| known.requires == 0 && known.subgraphs.iter().any(|one| one == subgraph))
        };
        let objects = interface.possible.iter();
        !interface.possible.is_empty()
            && is_plain(interface)
            && objects.filter_map(|ty| self.types.get(ty)).all(is_plain)
    }

    fn below(&self, field: &CanonicalField, level: u64, subgraph: Option<&str>) -> PlanningWork {
        if field.items.is_empty() {
            PlanningWork {
                leaves: 1,
                ..PlanningWork::default()
            }
        } else {
            self.selections(field.ty.inner_named_type(), &field.items, level, subgraph)
        }
    }
}

fn field_cost(field: &FieldDefinition, of_type: &[String]) -> FieldCost {
    let own = graphs(&field.directives, "join__field");
    let required = joins(&field.directives, "join__field").filter_map(|join| text(join, "requires"));
    FieldCost {
        subgraphs: if own.is_empty() { of_type.to_vec() } else { own },
        requires: required.map(|fields| fields.split_whitespace().count() as u64).sum(),
    }
}

/// Returns the subgraphs in these directives that resolve the field or type.
fn graphs(directives: &DirectiveList, name: &str) -> Vec<String> {
    let is_external = |join: &Directive| {
        let external = join.specified_argument_by_name("external");
        external.and_then(|external| external.to_bool()).unwrap_or(false)
    };
    let resolving = joins(directives, name).filter(|join| !is_external(join));
    resolving.filter_map(|join| text(join, "graph")).collect()
}

fn joins<'d>(directives: &'d DirectiveList, name: &'d str) -> impl Iterator<Item = &'d Directive> {
    let named = directives.iter().filter(move |directive| directive.name == name);
    named.map(|directive| &**directive)
}

fn text(directive: &Directive, argument: &str) -> Option<String> {
    match &**directive.specified_argument_by_name(argument)? {
        Value::Enum(name) => Some(name.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}
