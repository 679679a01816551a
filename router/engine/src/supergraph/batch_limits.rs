//! The limits of a request hold for all operations of its batch together.

use foundation::{BatchBudget, BatchSum};

use super::cost::AnswerEstimate;
use super::operation_limits::OperationSize;
use super::request_error::RequestError;
use crate::limits::Limits;

/// Adds an operation to what its batch uses, and rejects it if the batch exceeds a limit with it.
pub fn check_batch(
    batch: &BatchBudget,
    size: OperationSize,
    estimate: AnswerEstimate,
    limits: &Limits,
) -> Result<(), RequestError> {
    let table = [
        (BatchSum::Fields, size.fields as u64, limits.query_fields_max as u64),
        (BatchSum::Aliases, size.aliases as u64, limits.query_aliases_max as u64),
        (
            BatchSum::RootFields,
            size.roots as u64,
            limits.query_root_fields_max as u64,
        ),
        (BatchSum::Values, estimate.values, limits.answer_values_max),
        (BatchSum::TextChars, estimate.chars, limits.answer_text_chars_max),
    ];
    table.into_iter().try_for_each(|(sum, size, most)| {
        if batch.add(sum, size) <= most {
            return Ok(());
        }
        Err(RequestError::TooComplex(format!(
            "the operations of the batch have together more {} than the {most} allowed: send fewer at a time",
            name(sum)
        )))
    })
}

fn name(sum: BatchSum) -> &'static str {
    match sum {
        BatchSum::Fields => "fields",
        BatchSum::Aliases => "aliases",
        BatchSum::RootFields => "root fields",
        BatchSum::Values => "values in their answers",
        BatchSum::TextChars => "characters of text in their answers",
    }
}
