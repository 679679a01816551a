//! The types, errors and functions that the brokerage's services share.

use contract::ErrorCode;
use serde_json::Value;

use crate::rest::field::{Field, FieldType};
use crate::rest::reshape::ResponseDraft;
use crate::rest::route::{ErrorRow, InvalidParam, Param, ParamLocation};

/// An amount that may be 0.
pub(super) const MONEY: FieldType = FieldType::Money { min_minor: 0 };

/// An amount above 0.
pub(super) const AMOUNT: FieldType = FieldType::Money { min_minor: 1 };

/// A number of shares that may be 0.
pub(super) const SHARES: FieldType = FieldType::Quantity {
    min: 0,
    max: i32::MAX as i64,
};

pub(super) const BAD_FILTER: ErrorRow = ErrorRow::new(
    ErrorCode::InvalidInput,
    "",
    "The filter is not one of the permitted values.",
);

/// Returns an optional query parameter.
pub(super) const fn filter_param(field: Field, example: &'static str) -> Param {
    Param {
        location: ParamLocation::Query,
        field: field.optional(),
        on_invalid: InvalidParam::Named,
        example,
    }
}

/// Applies a change to the reply's object, or to each object of its list.
pub(super) fn for_each_object(reply: &mut ResponseDraft, change: impl Fn(&mut Value)) {
    match &mut reply.node {
        Value::Array(nodes) => nodes.iter_mut().for_each(change),
        node => change(node),
    }
}

/// Whether an amount of the graph is in the only currency of the mount; a value that is no amount is not.
pub(super) fn is_in_dollars(amount: &Value) -> bool {
    amount.is_null() || amount["currency"] == "USD"
}
