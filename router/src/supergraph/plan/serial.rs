//! The order of a mutation: the selection set of one root field is finished, fetches of entities included, before the
//! next root field begins (GraphQL, sections 6.2.2 and 6.3.1).
//!
//! The planner orders only the root fields themselves: it puts neighbours of one subgraph into one fetch and the fetches
//! of their entities behind both. So it is given one root field at a time.

use std::sync::Arc;

use apollo_compiler::Node;
use apollo_compiler::collections::IndexMap;
use apollo_compiler::executable::{Field, OperationType};

use super::{Plan, Plans, Step};
use crate::limits::Limits;
use crate::supergraph::decide::Decided;
use crate::supergraph::refusal::Refusal;
use crate::supergraph::schema::PublicSchema;
use crate::supergraph::shape::ObjectShape;

/// One root field of a mutation.
#[derive(Debug)]
pub struct MutationStep {
    /// Its place among the fields of the answer.
    pub field: usize,
    /// All that is fetched for it.
    pub step: Step,
}

/// The root fields of a mutation that has several, by their response keys: those that share one are one field.
pub fn root_fields(decided: &Decided) -> Option<Vec<Vec<Node<Field>>>> {
    if decided.operation.operation_type != OperationType::Mutation {
        return None;
    }
    let mut by_key: IndexMap<String, Vec<Node<Field>>> = IndexMap::default();
    for field in super::root_fields(decided) {
        by_key.entry(field.response_key().to_string()).or_default().push(field);
    }
    (by_key.len() > 1).then(|| by_key.into_values().collect())
}

impl Plans {
    /// Plans each of these root fields by itself.
    pub fn plan_serially(
        &self,
        schema: &PublicSchema,
        limits: &Limits,
        decided: &Decided,
        roots: Vec<Vec<Node<Field>>>,
        shape: Arc<ObjectShape>,
    ) -> Result<Plan, Refusal> {
        let mut steps = Vec::with_capacity(roots.len());
        for fields in roots {
            let key = fields.first().map(|field| field.response_key().clone());
            let is_it = |key: &str| shape.fields.iter().position(|field| &*field.key == key);
            let field = key.as_deref().and_then(is_it).ok_or(Refusal::Internal)?;
            let plan = self.plan_roots(schema, limits, decided, fields, shape.clone())?;
            steps.push(MutationStep {
                field,
                step: plan.steps,
            });
        }
        Ok(Plan {
            source: None,
            steps: Step::Serial(steps),
            introspects: false,
            shape,
        })
    }
}
