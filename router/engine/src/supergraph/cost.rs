//! Estimates the largest size of an operation's answer. Nested pages multiply: three nested lists of 100 are a million
//! objects, however short the document is. Texts count by their maximum length in the schema.

use apollo_compiler::ast::Value as Literal;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Node};
use async_graphql::{Value, Variables};

use super::request_error::RequestError;
use super::text_bounds::TextBounds;
use crate::limits::Limits;

/// The assumed size of a page when the client gives none: the default of the domains.
const PAGE_DEFAULT: u64 = 25;

/// The estimated size of the largest answer to an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerEstimate {
    /// Its values.
    pub values: u64,
    /// Its characters of text.
    pub chars: u64,
}

/// Estimates the answer to an operation, and rejects it if that can have more values, or more text, than the limits allow.
///
/// Fields that `@skip` excludes count as well. Visits every fragment once per spread, so the operation must have been
/// measured before.
pub fn check_cost(
    document: &ExecutableDocument,
    operation: &Operation,
    variables: &Variables,
    texts: &TextBounds,
    limits: &Limits,
) -> Result<AnswerEstimate, RequestError> {
    let mut estimator = CostEstimator {
        document,
        variables,
        texts,
        estimate: AnswerEstimate::default(),
    };
    estimator.selections(&operation.selection_set, 1);
    let estimate = estimator.estimate;
    check_within("values", estimate.values, limits.answer_values_max)?;
    check_within("characters of text", estimate.chars, limits.answer_text_chars_max)?;
    Ok(estimate)
}

fn check_within(what: &str, is: u64, max: u64) -> Result<(), RequestError> {
    if is <= max {
        Ok(())
    } else {
        Err(RequestError::TooComplex(format!(
            "the answer could have more than the {max} {what} allowed: pages inside pages multiply, so ask for smaller ones"
        )))
    }
}

/// Whether the sizes of an operation's lists depend on the values of its variables.
pub fn depends_on_variables(document: &ExecutableDocument, operation: &Operation) -> bool {
    let by_variable = |field: &Node<Field>| {
        let is_variable = |name: &&str| {
            let value = field.specified_argument_by_name(name);
            value.is_some_and(|value| value.as_variable().is_some())
        };
        (is_paged(field) && ["first", "last"].iter().any(is_variable)) || (lists_ids(field) && is_variable(&"ids"))
    };
    operation.all_fields(document).any(by_variable)
}

fn is_paged(field: &Field) -> bool {
    let argument = field.definition.argument_by_name("first");
    argument.is_some_and(|argument| argument.ty.inner_named_type() == "Int")
}

/// Whether the field returns a list with an item for each id that it is given.
fn lists_ids(field: &Field) -> bool {
    let argument = field.definition.argument_by_name("ids");
    field.definition.ty.is_list() && argument.is_some_and(|argument| argument.ty.is_list())
}

struct CostEstimator<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    texts: &'a TextBounds,
    estimate: AnswerEstimate,
}

impl CostEstimator<'_> {
    fn selections(&mut self, set: &SelectionSet, times: u64) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    self.estimate.values = self.estimate.values.saturating_add(times);
                    if field.selection_set.is_empty() {
                        let chars = self.texts.chars(&set.ty, &field.name);
                        self.estimate.chars = self.estimate.chars.saturating_add(times.saturating_mul(chars));
                    }
                    let times = if is_paged(field) {
                        times.saturating_mul(self.page(field))
                    } else if lists_ids(field) {
                        times.saturating_mul(self.ids(field))
                    } else {
                        times
                    };
                    self.selections(&field.selection_set, times);
                }
                Selection::InlineFragment(inline) => self.selections(&inline.selection_set, times),
                Selection::FragmentSpread(spread) => {
                    let document = self.document;
                    if let Some(fragment) = document.fragments.get(&spread.fragment_name) {
                        self.selections(&fragment.selection_set, times);
                    }
                }
            }
        }
    }

    fn page(&self, field: &Field) -> u64 {
        let first = self.number(field, "first").or_else(|| self.number(field, "last"));
        first.unwrap_or(PAGE_DEFAULT)
    }

    fn ids(&self, field: &Field) -> u64 {
        let given = field.specified_argument_by_name("ids");
        let count = given.map(|value| match &**value {
            Literal::List(ids) => ids.len(),
            Literal::Variable(variable) => match self.variables.get(variable.as_str()) {
                Some(Value::List(ids)) => ids.len(),
                _ => 1,
            },
            _ => 1,
        });
        count.unwrap_or(1) as u64
    }

    /// A negative number counts as zero: the domain rejects it.
    fn number(&self, field: &Field, name: &str) -> Option<u64> {
        let default = || field.definition.argument_by_name(name)?.default_value.as_ref();
        match &**field.specified_argument_by_name(name).or_else(default)? {
            Literal::Int(number) => Some(number.as_str().parse().unwrap_or(0)),
            Literal::Variable(variable) => match self.variables.get(variable.as_str())? {
                Value::Number(number) => Some(number.as_u64().unwrap_or(0)),
                _ => None,
            },
            _ => None,
        }
    }
}
