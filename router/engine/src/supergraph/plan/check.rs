//! Checks a plan before it is used: a static proof that the plan gives the operation its data, and that its fetches are
//! requests that their subgraphs can answer.
//!
//! The checker shares no code with the planner. It reads the facts of the supergraph itself ([`facts`]). It executes the
//! plan symbolically, step by step ([`steps`]), over a tree that says which key holds which field for which object types
//! ([`tree`]). Each document is checked against its subgraph while its response is written ([`response`]), and each
//! representation against the keys and requirements of its entities ([`representation`]). At the end, everything that the
//! operation selects must be in the tree ([`selected`]), and everything in the tree must be needed.
//!
//! The checker relies on what composition promises: subgraphs that share a field resolve it alike.

mod facts;
mod fault;
mod order;
mod representation;
mod response;
mod rewrite;
mod selected;
mod steps;
#[cfg(test)]
mod tests;
mod tree;
mod type_set;
mod variables;

use apollo_compiler::ast;
use apollo_compiler::collections::HashMap;
use apollo_compiler::executable::OperationType;
use async_graphql::parser::types::OperationType as DocumentKind;

use self::facts::SupergraphFacts;
pub use self::fault::PlanFault;
use self::order::check_root_order;
use self::selected::SelectionCheck;
use self::steps::SymbolicExecution;
use super::model::Fetches;
use crate::supergraph::canonical::CanonicalOperation;
use crate::supergraph::error::SupergraphError;
use crate::supergraph::schema::PublicSchema;

/// The checker of a supergraph's plans.
pub struct PlanChecker {
    facts: SupergraphFacts,
}

impl PlanChecker {
    /// Reads a supergraph.
    ///
    /// # Errors
    /// When a set of fields in it is not GraphQL.
    pub fn new(supergraph: &ast::Document) -> Result<Self, SupergraphError> {
        let facts = SupergraphFacts::read(supergraph)?;
        Ok(Self { facts })
    }

    /// Checks the plan of an operation.
    ///
    /// # Errors
    /// When the plan is wrong.
    pub fn check(
        &self,
        schema: &PublicSchema,
        operation: &CanonicalOperation,
        fetches: &Fetches,
    ) -> Result<(), PlanFault> {
        check_root_order(operation, fetches)?;
        let kind = match operation.kind {
            OperationType::Query => DocumentKind::Query,
            OperationType::Mutation => DocumentKind::Mutation,
            OperationType::Subscription => DocumentKind::Subscription,
        };
        let arguments = &operation.arguments;
        let mut execution = SymbolicExecution::new(&self.facts, &operation.ty, kind, arguments)?;
        if let Some(source) = &fetches.source {
            execution.fetch_root(source)?;
        }
        execution.run(&fetches.steps)?;
        let SymbolicExecution { mut tree, root, .. } = execution;
        let types = tree.types(root).clone();
        let mut selections = SelectionCheck {
            facts: &self.facts,
            schema,
            arguments,
            tree: &mut tree,
            possible: HashMap::default(),
        };
        selections.check(root, &types, &operation.items)?;
        tree.check_needed(root)
    }
}
