//! The parameters, errors and models that the bazaar's services share.

use contract::ErrorCode;

use crate::rest::field::{Field, FieldType, ObjectModel, QUANTITY, ValueBounds};
use crate::rest::route::{ErrorRow, InvalidParam, Param, ParamLocation};

pub(super) const STOCK_NAME: Param = Param {
    location: ParamLocation::Path,
    field: Field::new("stockName", FieldType::Text).about("The stock's name, case-sensitive."),
    on_invalid: InvalidParam::NotFound,
    example: "GameStart",
};

pub(super) const NO_STOCK: ErrorRow = ErrorRow::new(ErrorCode::NotFound, "stock not found", "There is no such stock.");

pub(super) const NO_REPLICA: ErrorRow = ErrorRow::new(
    ErrorCode::Unavailable,
    "order service unavailable",
    "No replica of the order service answers.",
);

pub(super) const BAD_TRADE: ErrorRow = ErrorRow::new(ErrorCode::InvalidInput, "", "A member is missing or wrong.");

pub(super) const TOO_FEW: ErrorRow = ErrorRow::new(
    ErrorCode::InsufficientStock,
    NOT_TRADED_MESSAGE,
    "Too few shares are left to buy.",
);

pub(super) const TOO_MANY: ErrorRow = ErrorRow::new(
    ErrorCode::Conflict,
    NOT_TRADED_MESSAGE,
    "The stock would have more shares than can be counted.",
);

const NOT_TRADED_MESSAGE: &str = "could not trade stock";
pub(super) const ALL_NUMBERS: i64 = i32::MAX as i64;

pub(super) const NUMBER: FieldType = FieldType::Integer {
    min: 0,
    max: ALL_NUMBERS,
};

const SHARES_LEFT: FieldType = FieldType::Quantity {
    min: 0,
    max: i32::MAX as i64,
};

pub(super) const SIDE: FieldType = FieldType::Enum(&[("buy", "BUY"), ("sell", "SELL")]);

pub(super) static STOCK_MODEL: ObjectModel = ObjectModel {
    name: "Stock",
    about: "A stock, and how many shares of it are left to buy.",
    fields: &[
        Field::new("name", FieldType::Text),
        Field::new("price", FieldType::Money { min_minor: 0 }).about("The price of one share, in US dollars."),
        Field::new("quantity", SHARES_LEFT),
    ],
    example: "",
};

pub(super) static ENTRY: ObjectModel = ObjectModel {
    name: "Trade",
    about: "The stock, the number of shares and the side of a trade.",
    fields: &[STOCK_TRADED, SHARES_TRADED, Field::new("type", SIDE).pointer("/side")],
    example: r#"{"name":"GameStart","quantity":1,"type":"buy"}"#,
};

pub(super) static SHARES: ObjectModel = ObjectModel {
    name: "Shares",
    about: "Shares of a stock.",
    fields: &[STOCK_TRADED, SHARES_TRADED],
    example: r#"{"name":"GameStart","quantity":1}"#,
};

const STOCK_TRADED: Field = Field::new("name", FieldType::Text).pointer("/stock").bounds(NOT_BLANK);

/// The length has no limit: a name that is too long matches no stock.
const NOT_BLANK: ValueBounds = ValueBounds::Chars {
    min: 1,
    max: u32::MAX,
    pattern: r"\S",
};

const SHARES_TRADED: Field = Field::new("quantity", QUANTITY);

pub(super) static TRADED: ObjectModel = ObjectModel {
    name: "Traded",
    about: "The number that the trade got. Numbers rise by one from trade to trade, and none is left out.",
    fields: &[
        Field::new("order_number", NUMBER).pointer("/number"),
        Field::new("transaction-number", NUMBER)
            .pointer("/number")
            .alias("transaction_number")
            .about("The same as `order_number`."),
    ],
    example: "",
};

pub(super) static ORDER_MODEL: ObjectModel = ObjectModel {
    name: "Order",
    about: "A trade.",
    fields: &[
        Field::new("number", NUMBER),
        Field::new("name", FieldType::Text).pointer("/stock/name"),
        Field::new("quantity", QUANTITY),
        Field::new("type", SIDE).pointer("/side"),
    ],
    example: "",
};

pub(super) const OK: Field = Field::new("code", FieldType::Const("200"));

pub(super) const fn success(members: &'static ObjectModel) -> Field {
    Field::new("success", FieldType::Object(members)).pointer("")
}

pub(super) const fn message_member(message: &'static str) -> Field {
    Field::new("message", FieldType::Const(message))
}
