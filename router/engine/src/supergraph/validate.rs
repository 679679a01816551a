//! Parses and validates a document, and selects its operation.

mod access_rules;
mod descriptions;
mod diagnostics;
mod location;
mod merging;
mod subscription;
mod suggestions;
mod values;

use std::sync::Arc;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast::Document;
use apollo_compiler::executable::{Operation as Definition, OperationType, Selection, SelectionSet};
use apollo_compiler::parser::Parser;
use apollo_compiler::validation::{DiagnosticList, Valid};
use async_graphql::Variables;

use self::access_rules::access_rules;
use self::descriptions::blank_descriptions;
use self::diagnostics::{syntax_diagnostics, validation_diagnostics};
use self::values::{DeferredLiteral, check_values};
use super::access::{BrokenRules, RuleIndex};
use super::cost::{self, AnswerEstimate};
use super::operation_limits::{OperationSize, check_operation_limits};
use super::request_error::RequestError;
use super::schema::PublicSchema;
use super::variables::{self, DeclaredVariable};
use crate::limits::Limits;
use crate::subgraph::OperationKind;

/// An operation that is valid and within the limits.
pub struct ValidOperation {
    /// Its document, with all fragments.
    pub document: Arc<Valid<ExecutableDocument>>,
    /// Its own definition.
    pub definition: apollo_compiler::Node<Definition>,
    /// The variables it declares.
    pub variables: Vec<DeclaredVariable>,
    /// The variables of its `@skip` and `@include` directives.
    pub conditions: Vec<async_graphql::Name>,
    /// The variables that may be omitted without a default that replaces them.
    pub optional: Vec<async_graphql::Name>,
    /// The literals that are checked with the variables of every request.
    pub deferred_literals: Vec<DeferredLiteral>,
    /// The size of its selections.
    pub size: OperationSize,
    /// The estimated size of its answer; `None` if that depends on the variables of every request.
    pub estimate: Option<AnswerEstimate>,
    /// The access rules of its fields.
    pub access_rules: Vec<RuleIndex>,
    maximal_conditions: ConditionValues,
}

/// The values of an operation's conditions, in their order, whether each optional variable is given, and whether the caller satisfies
/// each access rule.
pub type ConditionValues = Vec<bool>;

impl ValidOperation {
    /// Query, mutation or subscription.
    pub fn kind(&self) -> OperationKind {
        match self.definition.operation_type {
            OperationType::Query => OperationKind::Query,
            OperationType::Mutation => OperationKind::Mutation,
            OperationType::Subscription => OperationKind::Subscription,
        }
    }

    /// Returns the values of the conditions for these variables, and which optional variables are given. Those of its access rules
    /// follow ([`AccessRules::outcomes`](super::access::AccessRules::outcomes)).
    ///
    /// # Errors
    /// When a condition has no value: the client sent null for a variable with a default.
    pub fn condition_values(&self, variables: &Variables) -> Result<ConditionValues, RequestError> {
        let conditions = self.conditions.iter().map(|name| match variables.get(name) {
            Some(async_graphql::Value::Boolean(truth)) => Ok(*truth),
            _ => Err(RequestError::InvalidInput(format!(
                "${name} decides what is included, it must not be null"
            ))),
        });
        let given = self.optional.iter().map(|name| Ok(variables.contains_key(name)));
        conditions.chain(given).collect()
    }

    /// Whether its plan depends on variables or the caller.
    pub fn has_conditions(&self) -> bool {
        !self.conditions.is_empty() || !self.optional.is_empty() || !self.access_rules.is_empty()
    }

    /// Returns the access rules that the caller breaks. A missing value counts as broken.
    pub fn broken_rules(&self, condition_values: &[bool]) -> BrokenRules {
        let first = self.conditions.len() + self.optional.len();
        let outcomes = condition_values.get(first..).unwrap_or_default();
        let rules = self.access_rules.iter().enumerate();
        let broken = rules.filter(|(index, _)| outcomes.get(*index) != Some(&true));
        broken.map(|(_, rule)| *rule).collect()
    }

    /// Returns the values of the conditions that keep as much of the operation as possible.
    pub fn maximal_conditions(&self) -> ConditionValues {
        self.maximal_conditions.clone()
    }
}

/// Parses, measures and validates a document, and selects its operation.
///
/// # Errors
/// When the document is invalid, exceeds the limits, or has no such operation.
pub fn validate(
    schema: &PublicSchema,
    limits: &Limits,
    text: &str,
    operation_name: Option<&str>,
) -> Result<ValidOperation, RequestError> {
    // The parser counts nested selections and nested values together, and stops before its stack overflows.
    let nesting_max = (limits.query_depth_max * 2 + 16).min(NESTING_MAX);
    let mut parser = Parser::new()
        .recursion_limit(nesting_max)
        .token_limit(limits.query_tokens_max);
    let parsed = parser.parse_ast(blank_descriptions(text), "");
    if parser.tokens_reached() > limits.query_tokens_max {
        return Err(RequestError::TooComplex(format!(
            "the document has more than the {} tokens allowed",
            limits.query_tokens_max
        )));
    }
    if parser.recursion_reached() > nesting_max {
        return Err(RequestError::TooComplex(format!(
            "the document is nested more than the {nesting_max} levels allowed"
        )));
    }
    let parsed = parsed.map_err(|invalid| RequestError::Parse(syntax_diagnostics(&invalid.errors)))?;
    let size = check_operation_limits(&parsed, operation_name, limits)?;
    let document = valid_document(schema, &parsed, limits)?;
    let selected = document.operations.get(operation_name).ok();
    let deferred_literals = check_values(schema, &document, selected)?;
    let definition = selected.cloned().ok_or_else(|| match operation_name {
        Some(name) => RequestError::OperationNotFound(format!("the document has no operation \"{name}\"")),
        None => RequestError::OperationNotFound(
            "the document has several operations, operationName has to say which".into(),
        ),
    })?;
    if introspects(&document, &definition) {
        if !limits.introspection {
            return Err(RequestError::IntrospectionDisabled);
        }
        apollo_compiler::introspection::check_max_depth(&document, &definition)
            .map_err(|error| RequestError::TooComplex(error.message().to_string()))?;
    }
    let estimate = if cost::depends_on_variables(&document, &definition) {
        None
    } else {
        let no_variables = Variables::default();
        Some(cost::check_cost(
            &document,
            &definition,
            &no_variables,
            &schema.texts,
            limits,
        )?)
    };
    let mut conditions_found = Vec::new();
    conditions_of(
        &document,
        &definition.selection_set,
        &mut conditions_found,
        &mut Vec::new(),
    );
    let (conditions, mut maximal_conditions): (Vec<_>, ConditionValues) = conditions_found.into_iter().unzip();
    let variables = variables::declared_variables(schema, &definition)?;
    let optional: Vec<_> = variables
        .iter()
        .filter(|variable| variable.is_optional())
        .map(|variable| variable.name().clone())
        .collect();
    let access_rules = access_rules(schema, &document, &definition);
    maximal_conditions.resize(conditions.len() + optional.len() + access_rules.len(), true);
    Ok(ValidOperation {
        variables,
        conditions,
        optional,
        deferred_literals,
        size,
        estimate,
        access_rules,
        maximal_conditions,
        definition,
        document: Arc::new(document),
    })
}

fn valid_document(
    schema: &PublicSchema,
    parsed: &Document,
    limits: &Limits,
) -> Result<Valid<ExecutableDocument>, RequestError> {
    let suggested = limits.introspection.then_some(&*schema.types);
    let refused = |document: &ExecutableDocument, errors: &DiagnosticList| {
        RequestError::Validation(validation_diagnostics(document, errors, suggested))
    };
    // The conversion first reports names that the schema does not have; otherwise validation would also report
    // errors that follow from them.
    let document = parsed
        .to_executable(&schema.types)
        .map_err(|invalid| refused(&invalid.partial, &invalid.errors))?;
    let document = match document.validate(&schema.types) {
        Ok(document) => document,
        Err(invalid) if subscription::is_only_counted(&invalid.errors) => Valid::assume_valid(invalid.partial),
        Err(invalid) => return Err(refused(&invalid.partial, &invalid.errors)),
    };
    let mut invalid = subscription::check_single_root_field(&document);
    invalid.extend(merging::check_merged_lists(&schema.types, &document));
    if invalid.is_empty() {
        Ok(document)
    } else {
        Err(RequestError::Validation(invalid))
    }
}

/// The most nested braces, brackets and parentheses of a document, whatever the settings allow: the parser
/// recurses.
const NESTING_MAX: usize = 200;

/// Whether an operation selects `__schema` or `__type`.
pub fn introspects(document: &ExecutableDocument, operation: &Definition) -> bool {
    operation
        .root_fields(document)
        .any(|field| matches!(field.name.as_str(), "__schema" | "__type"))
}

fn conditions_of<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    found: &mut Vec<(async_graphql::Name, bool)>,
    visited: &mut Vec<&'a str>,
) {
    for selection in &set.selections {
        for directive in selection.directives().iter() {
            if !matches!(directive.name.as_str(), "skip" | "include") {
                continue;
            }
            let variable = directive
                .specified_argument_by_name("if")
                .and_then(|value| value.as_variable());
            if let Some(variable) = variable
                && !found.iter().any(|(known, _)| known == variable.as_str())
            {
                found.push((async_graphql::Name::new(variable), directive.name == "include"));
            }
        }
        match selection {
            Selection::Field(field) => conditions_of(document, &field.selection_set, found, visited),
            Selection::InlineFragment(inline) => conditions_of(document, &inline.selection_set, found, visited),
            Selection::FragmentSpread(spread) => {
                if visited.contains(&spread.fragment_name.as_str()) {
                    continue;
                }
                visited.push(&spread.fragment_name);
                if let Some(fragment) = document.fragments.get(&spread.fragment_name) {
                    conditions_of(document, &fragment.selection_set, found, visited);
                }
            }
        }
    }
}
