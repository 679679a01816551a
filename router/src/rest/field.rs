//! The types of values: how a request is read, how a response is written, and the OpenAPI schema of both.

use std::borrow::Cow;

use chrono::{NaiveTime, SecondsFormat};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use contract::{Date, DateTime, Money};

/// The type of a value.
#[derive(Clone, Copy)]
pub enum FieldType {
    /// A text. The domain refuses blank and too long texts.
    Text,
    /// A count: a JSON integer without fraction or exponent (docs/rest-contract/common.md#quantities). The graph's `Int`.
    Quantity {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A JSON number whose value is an integer, however it is written. The graph's `Int`.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// An id: a JSON number here whose value is an integer of 64 bits, an `ID` in the graph.
    Id {
        /// The smallest valid id.
        min: i64,
    },
    /// An amount in the default currency: a JSON number here, the scalar `Money` in the graph.
    Money {
        /// The smallest amount in minor units.
        min_minor: i64,
    },
    /// A JSON number, the graph's `Float`. The domain checks its range.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A moment, RFC 3339; a plain date is the start of that day in UTC.
    DateTime,
    /// The end of a validity, RFC 3339; a plain date is the end of that day in UTC.
    EndOfValidity,
    /// A moment of that kind in which a time without an offset is in UTC. Only in requests.
    UtcByDefault(&'static FieldType),
    /// A day of the calendar, `YYYY-MM-DD`; the graph's `Date`.
    Date,
    /// One of these words, case-sensitive; each with its value in the graph. Where several words share a value, a request may
    /// have any of them and a response has the first.
    Enum(&'static [(&'static str, &'static str)]),
    /// One of these words, case-insensitive.
    EnumIgnoringCase(&'static [(&'static str, &'static str)]),
    /// Always this JSON.
    Const(&'static str),
    /// An object.
    Object(&'static ObjectModel),
    /// An array; in a path, a query or a form its items with commas between them.
    List(&'static FieldType),
    /// A list, written as an object: the key of each item is its value at `key_pointer`. Only in responses.
    KeyedList {
        /// The JSON pointer of the key in an item.
        key_pointer: &'static str,
        /// The type of an item.
        item_type: &'static FieldType,
    },
    /// The first of these values that is not null, each at its JSON pointer. Only in responses.
    FirstNonNull(&'static [(&'static str, FieldType)]),
}

/// A quantity of something (docs/rest-contract/common.md#quantities).
pub const QUANTITY: FieldType = FieldType::Quantity {
    min: 1,
    max: i32::MAX as i64,
};

/// An id, from 1 on.
pub const ID: FieldType = FieldType::Id { min: 1 };
/// A reference by id in a body: any integer is valid, also one for which nothing exists.
pub const REFERENCE: FieldType = FieldType::Id { min: i64::MIN };

/// Returns the model of a response that only acknowledges the request.
pub const fn acknowledgement(name: &'static str, fields: &'static [Field]) -> ObjectModel {
    ObjectModel {
        name,
        about: "The acknowledgement of a successful request.",
        fields,
        example: "",
    }
}

/// An object with a name.
pub struct ObjectModel {
    /// Its name in the OpenAPI document.
    pub name: &'static str,
    /// Its description.
    pub about: &'static str,
    /// Its members, in the order they are written.
    pub fields: &'static [Field],
    /// An example, as JSON, that works on the sample data; empty where a response's own example shows it.
    pub example: &'static str,
}

/// A member of an object, or a parameter.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its name here.
    pub name: &'static str,
    /// Its type.
    pub field_type: FieldType,
    /// Its JSON pointer in the graph: into the variables for a request, into the node for a response.
    /// `None` where it has the same name.
    pointer: Option<&'static str>,
    /// Another name that it may have in a request.
    pub alias: Option<&'static str>,
    /// Whether it may be missing or null.
    pub presence: Presence,
    /// Its description in the documentation; may be empty.
    pub about: &'static str,
    /// The bounds that its domain sets for values in a request, for the documentation.
    pub bounds: ValueBounds,
    /// Whether a request may repeat its current value, which changes nothing.
    pub immutable: bool,
}

/// The bounds that a domain sets for a value. The domain enforces them; the documentation states them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueBounds {
    /// No bounds beyond those of the kind.
    None,
    /// A text with a number of characters in this range that matches the regular expression.
    Chars {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
        /// An ECMA-262 regular expression.
        pattern: &'static str,
    },
    /// A number in this range.
    Range {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A number in this range with at most two decimals.
    Cents {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A moment from 1970 on.
    Since1970,
    /// A list with a number of items in this range.
    Items {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
}

/// The control characters that texts must not have: all but line breaks and tabs.
macro_rules! control {
    () => {
        r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
    };
}
pub(crate) use control;

/// The invisible characters of one UTF-16 unit (`Default_Ignorable_Code_Point`).
macro_rules! invisible {
    () => {
        r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    };
}

impl ValueBounds {
    /// Text on one line that is not blank, without control characters.
    pub const fn line(max: u32) -> Self {
        Self::Chars {
            min: 1,
            max,
            pattern: LINE,
        }
    }

    /// Text that is not blank.
    pub const fn text(max: u32) -> Self {
        Self::Chars {
            min: 1,
            max,
            pattern: TEXT,
        }
    }

    /// Text that may be blank; blank text counts as absent.
    pub const fn optional_text(max: u32) -> Self {
        Self::Chars {
            min: 0,
            max,
            pattern: concat!("^[^", control!(), "]*$"),
        }
    }
}

/// At least one visible character, and no control characters but line breaks and tabs.
const TEXT: &str = concat!(
    "^[^",
    control!(),
    "]*[^\\s",
    invisible!(),
    control!(),
    "][^",
    control!(),
    "]*$"
);

/// At least one visible character, on one line.
const LINE: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f",
    invisible!(),
    r"][^\u0000-\u001f\u007f-\u009f]*$"
);
/// One line without invisible characters that is not blank.
const VISIBLE_LINE: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f",
    invisible!(),
    r"]*[^\s\u0000-\u001f\u007f-\u009f",
    invisible!(),
    r"][^\u0000-\u001f\u007f-\u009f",
    invisible!(),
    "]*$"
);
/// A username: at most 64 characters on one line.
pub const USERNAME: ValueBounds = ValueBounds::Chars {
    min: 1,
    max: 64,
    pattern: VISIBLE_LINE,
};
/// The name of an author, who need not have an account: at most 64 characters on one line.
pub const AUTHOR: ValueBounds = ValueBounds::line(64);
/// An email: one `@` with text on both sides and no white space.
pub const EMAIL: ValueBounds = ValueBounds::Chars {
    min: 3,
    max: 254,
    pattern: concat!(
        r"^[^@\s\u0000-\u001f\u007f-\u009f",
        invisible!(),
        r"]+@[^@\s\u0000-\u001f\u007f-\u009f",
        invisible!(),
        "]+$"
    ),
};
/// The name that a person signs in with.
pub const SIGN_IN_NAME: ValueBounds = ValueBounds::text(254);
/// A new password.
pub const PASSWORD: ValueBounds = ValueBounds::Chars {
    min: 8,
    max: 256,
    pattern: "",
};

/// Whether a member may be missing or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A request must have it, and a response always has it.
    Required,
    /// A request may omit it; null is an error.
    Optional,
    /// A request may omit it, and requests and responses may have null.
    Nullable,
}

impl Field {
    /// Creates a required member with the same name in the graph.
    pub const fn new(name: &'static str, field_type: FieldType) -> Self {
        Self {
            name,
            field_type,
            pointer: None,
            alias: None,
            presence: Presence::Required,
            about: "",
            bounds: ValueBounds::None,
            immutable: false,
        }
    }

    /// Allows a request to repeat its current value, which changes nothing.
    pub const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Sets its JSON pointer in the graph. `""` is the node itself in a response; in a request, the value is only checked.
    pub const fn pointer(mut self, pointer: &'static str) -> Self {
        self.pointer = Some(pointer);
        self
    }

    /// Adds a second name that a request may use.
    pub const fn alias(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }

    /// Allows a request to omit it.
    pub const fn optional(mut self) -> Self {
        self.presence = Presence::Optional;
        self
    }

    /// Allows a request to omit it, and null in both directions.
    pub const fn nullable(mut self) -> Self {
        self.presence = Presence::Nullable;
        self
    }

    /// Sets the bounds that its domain has for it in a request.
    pub const fn bounds(mut self, bounds: ValueBounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets its description.
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Returns its JSON pointer in the graph.
    pub fn json_pointer(&self) -> String {
        self.pointer.map_or_else(|| format!("/{}", self.name), str::to_owned)
    }

    /// Returns this member and all members below it.
    pub fn flatten(&self) -> Vec<Member> {
        let mut members = vec![Member {
            name: self.name.to_owned(),
            pointer: self.json_pointer(),
            field_type: self.field_type,
            presence: self.presence,
        }];
        if let FieldType::Object(model) = self.field_type {
            members.extend(model.fields.iter().flat_map(Self::flatten).map(|below| Member {
                name: format!("{}.{}", self.name, below.name),
                pointer: format!("{}{}", self.json_pointer(), below.pointer),
                // An object that a request may omit makes its members optional too.
                presence: if self.presence == Presence::Required {
                    below.presence
                } else {
                    self.presence
                },
                ..below
            }));
        }
        members
    }
}

/// A member of a request, at any depth.
pub struct Member {
    /// Its path of names: `entry.quantity`.
    pub name: String,
    /// Its JSON pointer into the variables; empty for an object whose members have pointers of their own.
    pub pointer: String,
    /// Its type.
    pub field_type: FieldType,
    /// Whether it may be missing or null.
    pub presence: Presence,
}

/// A value as the client sent it.
#[derive(Clone, Copy)]
pub enum RawInput<'a> {
    /// JSON text.
    Json(&'a RawValue),
    /// A path segment, a query value or a form value.
    Text(&'a str),
}

/// The reason why a value could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The rule that it breaks, as a sentence without a subject: "must be an integer".
    pub why: String,
    /// Whether it is an integer above all ids: a lookup of it is "not found" rather than "invalid".
    pub is_beyond_ids: bool,
}

impl ParseError {
    fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_beyond_ids: false,
        }
    }
}

impl FieldType {
    /// Converts a value into a variable of the operation.
    ///
    /// Numbers are read from their text: no float comes between the request and the stored value.
    ///
    /// # Errors
    /// If the value does not have this type.
    pub fn read(&self, input: RawInput<'_>) -> Result<Value, ParseError> {
        match self {
            Self::Text => text(input).map(Value::String),
            Self::DateTime => date_time(input, NaiveTime::MIN),
            Self::EndOfValidity => date_time(input, DAY_END),
            Self::UtcByDefault(field_type) => in_utc(input, field_type),
            Self::Date => date(input),
            Self::Number => number(input),
            Self::Quantity { min, max } => integer(input.text(), *min, *max).map(Value::from),
            Self::Integer { min, max } => integer_by_value(input, *min, *max).map(Value::from),
            Self::Id { min } => integer_by_value(input, *min, i64::MAX).map(|id| Value::String(id.to_string())),
            Self::Money { min_minor } => money(input, *min_minor),
            Self::Boolean => boolean(input).map(Value::Bool),
            Self::Enum(words) => enum_value(input, words, |word, sent| word == sent),
            Self::EnumIgnoringCase(words) => enum_value(input, words, str::eq_ignore_ascii_case),
            Self::Const(_) | Self::KeyedList { .. } | Self::FirstNonNull(_) => Err(ParseError::new("cannot be chosen")),
            // `input` reads the objects of a request member by member.
            Self::Object(_) => match input {
                RawInput::Json(raw) => any_json(raw),
                RawInput::Text(_) => Err(ParseError::new("cannot be written here")),
            },
            Self::List(item) => match input {
                RawInput::Json(raw) => any_json(raw),
                RawInput::Text(text) => text.split(',').map(|one| item.read(RawInput::Text(one))).collect(),
            },
        }
    }
}

fn any_json(raw: &RawValue) -> Result<Value, ParseError> {
    serde_json::from_str(raw.get()).map_err(|_| ParseError::new("cannot be read"))
}

fn text(input: RawInput<'_>) -> Result<String, ParseError> {
    match input {
        RawInput::Text(text) => Ok(text.to_owned()),
        RawInput::Json(raw) => serde_json::from_str(raw.get()).map_err(|_| ParseError::new("must be a string")),
    }
}

impl<'a> RawInput<'a> {
    /// Returns the characters that the client sent.
    pub fn text(self) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::Json(raw) => raw.get(),
        }
    }
}

/// Reads an integer; in JSON by its value, so that `5.0` is 5. A text must be a canonical integer.
fn integer_by_value(input: RawInput<'_>, min: i64, max: i64) -> Result<i64, ParseError> {
    match input {
        RawInput::Text(text) => integer(text, min, max),
        RawInput::Json(raw) => match integer_digits(raw.get()) {
            Some(digits) => integer(&digits, min, max),
            None => Err(ParseError::new("must be an integer")),
        },
    }
}

/// More digits than any integer of 64 bits has.
const DIGITS_MAX: usize = 20;

/// Returns the digits of a JSON number whose value is an integer. A value beyond 64 bits yields too many digits to parse.
fn integer_digits(number: &str) -> Option<Cow<'_, str>> {
    if !number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    if !number.contains(['.', 'e', 'E']) {
        return Some(number.into());
    }
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some("0".into());
    }
    // An exponent beyond `i64` decides how large the number is, whatever its digits are.
    let beyond = if exponent.starts_with('-') {
        i64::MIN / 2
    } else {
        i64::MAX / 2
    };
    let exponent: i64 = exponent.parse().unwrap_or(beyond);
    let places = |length: usize| i64::try_from(length).unwrap_or(i64::MAX / 4);
    let zeros = exponent
        .saturating_sub(places(fraction.len()))
        .saturating_add(places(digits.len() - significant.len()));
    let zeros = usize::try_from(zeros).ok()?;
    if significant.len().saturating_add(zeros) > DIGITS_MAX {
        Some(format!("{sign}{}", "9".repeat(DIGITS_MAX)).into())
    } else {
        Some(format!("{sign}{significant}{}", "0".repeat(zeros)).into())
    }
}

/// Reads a canonical integer: no plus sign and no leading zeros.
fn integer(text: &str, min: i64, max: i64) -> Result<i64, ParseError> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let canonical = !unsigned.is_empty()
        && unsigned.bytes().all(|byte| byte.is_ascii_digit())
        && (unsigned == "0" || !unsigned.starts_with('0'));
    if !canonical {
        return Err(ParseError::new("must be an integer"));
    }
    let range = || format!("must be from {min} to {max}");
    match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Err(_) if !text.starts_with('-') => Err(ParseError {
            why: range(),
            is_beyond_ids: true,
        }),
        _ => Err(ParseError::new(range())),
    }
}

fn money(input: RawInput<'_>, min_minor: i64) -> Result<Value, ParseError> {
    let text = input.text();
    if text.starts_with(['"', '{', '[', 't', 'f', 'n']) {
        return Err(ParseError::new("must be a number"));
    }
    let money = Money::from_json_number(text).map_err(ParseError::new)?;
    if money.minor < min_minor {
        let least = Money::usd(min_minor).amount();
        return Err(ParseError::new(format!(
            "must be at least {}",
            without_trailing_zeros(&least)
        )));
    }
    Ok(json!({ "amount": money.amount(), "currency": money.currency }))
}

fn number(input: RawInput<'_>) -> Result<Value, ParseError> {
    let text = input.text();
    let number = serde_json::from_str::<serde_json::Number>(text);
    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    number.map(Value::Number).map_err(|_| match (input, is_number) {
        (RawInput::Json(_), true) => ParseError::new("must be a number of double precision"),
        _ => ParseError::new("must be a number"),
    })
}

// Fields are called `date`: the reason uses other words, so that a message has the name only once.
const NOT_A_DATE_TIME: &str = "must be an RFC 3339 time such as 2026-01-31T12:30:00Z, or a day such as 2026-01-31";
const NOT_A_DATE: &str = "must be a day of the calendar such as 2026-01-31";

/// The last moment of a day, as finely as times are kept.
const DAY_END: NaiveTime = match NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// Reads a moment, or a day, which becomes the moment `of_day` on it.
fn date_time(input: RawInput<'_>, of_day: NaiveTime) -> Result<Value, ParseError> {
    let text = text(input)?;
    let moment = match Date::parse(&text) {
        Ok(day) => Some(day.and_time(of_day).and_utc()),
        Err(_) => DateTime::parse(&text).ok().map(DateTime::utc),
    };
    let moment = moment.ok_or_else(|| ParseError::new(NOT_A_DATE_TIME))?;
    Ok(moment.to_rfc3339_opts(SecondsFormat::AutoSi, true).into())
}

/// Reads a time without an offset as one in UTC.
fn in_utc(input: RawInput<'_>, field_type: &FieldType) -> Result<Value, ParseError> {
    let text = text(input)?;
    let is_time = text.contains(['T', 't']);
    let with_offset = format!("{text}Z");
    match is_time.then(|| field_type.read(RawInput::Text(&with_offset))) {
        // A text that has an offset already does not parse with a second one.
        Some(Ok(moment)) => Ok(moment),
        _ => field_type.read(RawInput::Text(&text)),
    }
}

fn date(input: RawInput<'_>) -> Result<Value, ParseError> {
    let text = text(input)?;
    match Date::parse(&text) {
        Ok(_) => Ok(text.into()),
        Err(_) => Err(ParseError::new(NOT_A_DATE)),
    }
}

fn boolean(input: RawInput<'_>) -> Result<bool, ParseError> {
    match input.text() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ParseError::new("must be true or false")),
    }
}

fn enum_value(
    input: RawInput<'_>,
    words: &[(&str, &str)],
    is_it: impl Fn(&str, &str) -> bool,
) -> Result<Value, ParseError> {
    let sent = text(input)?;
    let found = words.iter().find(|(word, _)| is_it(word, &sent));
    found.map(|(_, graph)| Value::from(*graph)).ok_or_else(|| {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        ParseError::new(format!("must be one of {}", all.join(", ")))
    })
}

/// Returns a decimal without its trailing zeros: `40.00` is `40`, `15.50` is `15.5`.
pub fn without_trailing_zeros(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn only_integers_are_integers() {
        let quantity = |text: &str| QUANTITY.read(RawInput::Json(&json(text)));
        assert_eq!(quantity("7"), Ok(json!(7)));
        assert_eq!(quantity("2147483647"), Ok(json!(2_147_483_647)));
        for wrong in [
            "1.0",
            "1e3",
            "\"1\"",
            "true",
            "null",
            "[1]",
            "0",
            "-1",
            "2147483648",
            "1E0",
        ] {
            assert!(quantity(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", " 1", "+1", "01", "1.0", "٣"] {
            assert!(QUANTITY.read(RawInput::Text(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_integer_is_read_by_its_value_in_any_spelling() {
        let karma = FieldType::Integer {
            min: -1_000,
            max: 1_000,
        };
        let id = FieldType::Id { min: 1 };
        for (sent, value) in [
            ("5", Some(5)),
            ("5.0", Some(5)),
            ("5e0", Some(5)),
            ("0.5E+1", Some(5)),
            ("50e-1", Some(5)),
            ("1E+2", Some(100)),
            ("-0", Some(0)),
            ("-0.0e5", Some(0)),
            ("0e999999999999999999999", Some(0)),
            ("-1.5e1", Some(-15)),
            ("1.5", None),
            ("1e-1", None),
            ("1e-99999999999999999999", None),
            ("1e3", Some(1_000)),
            ("1e4", None),
            ("1e999999999", None),
            ("-1e999999999999999999999", None),
            ("\"5\"", None),
            ("true", None),
            ("[5]", None),
        ] {
            let read = karma.read(RawInput::Json(&json(sent)));
            assert_eq!(read.ok(), value.map(Value::from), "{sent}");
            let text = value
                .filter(|value| *value > 0)
                .map(|value| Value::from(value.to_string()));
            let beyond = sent == "1e4";
            assert_eq!(
                id.read(RawInput::Json(&json(sent))).ok().filter(|_| !beyond),
                text,
                "{sent}"
            );
            // Quantities and values in a path must be canonical.
            let canonical = sent.bytes().all(|byte| byte.is_ascii_digit());
            assert_eq!(QUANTITY.read(RawInput::Json(&json(sent))).is_ok(), canonical, "{sent}");
            assert_eq!(id.read(RawInput::Text(sent)).is_ok(), canonical, "{sent}");
        }
        let why = |field_type: FieldType, text: &str| field_type.read(RawInput::Json(&json(text))).unwrap_err();
        assert_eq!(why(karma, "1e999999999").why, "must be from -1000 to 1000");
        assert!(why(id, "1e999999999").is_beyond_ids, "it is a number that nothing has");
        assert_eq!(
            why(FieldType::Number, "1e999").why,
            "must be a number of double precision"
        );
        assert_eq!(
            id.read(RawInput::Json(&json("9.223372036854775807E+18"))),
            Ok(json!("9223372036854775807"))
        );
    }

    #[test]
    fn an_integer_beyond_the_id_range_differs_from_nonsense() {
        let id = FieldType::Id { min: 1 };
        assert_eq!(
            id.read(RawInput::Text("9223372036854775807")),
            Ok(json!("9223372036854775807"))
        );
        assert!(
            id.read(RawInput::Text("9223372036854775808"))
                .unwrap_err()
                .is_beyond_ids
        );
        for nonsense in ["abc", "0", "-1", "-9223372036854775809", "1.5", "007", ""] {
            assert!(
                !id.read(RawInput::Text(nonsense)).unwrap_err().is_beyond_ids,
                "{nonsense}"
            );
        }
    }

    #[test]
    fn money_keeps_every_cent_that_was_written() {
        let money = |text: &str| FieldType::Money { min_minor: 0 }.read(RawInput::Json(&json(text)));
        let usd = |amount: &str| Ok(json!({ "amount": amount, "currency": "USD" }));
        assert_eq!(money("15.99"), usd("15.99"));
        assert_eq!(money("40"), usd("40.00"));
        assert_eq!(money("999999999999.99"), usd("999999999999.99"));
        assert_eq!(money("1.0E7"), usd("10000000.00"));
        assert_eq!(money("1599e-2"), usd("15.99"));
        assert_eq!(money("15.990"), usd("15.99"));
        for wrong in [
            "15.999",
            "1e-3",
            "1e13",
            "\"15.99\"",
            "-0.01",
            "true",
            "null",
            "1000000000000.01",
        ] {
            assert!(money(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_enum_word_ignores_case_only_where_declared() {
        const SIDES: &[(&str, &str)] = &[("buy", "BUY"), ("sell", "SELL")];
        let read = |field_type: FieldType, text: &str| field_type.read(RawInput::Text(text)).ok();
        for (sent, exactly, in_any_case) in [
            ("buy", Some(json!("BUY")), Some(json!("BUY"))),
            ("Buy", None, Some(json!("BUY"))),
            ("SELL", None, Some(json!("SELL"))),
            (" buy", None, None),
            ("buy ", None, None),
            ("hold", None, None),
            ("", None, None),
        ] {
            assert_eq!(read(FieldType::Enum(SIDES), sent), exactly, "{sent:?}");
            assert_eq!(read(FieldType::EnumIgnoringCase(SIDES), sent), in_any_case, "{sent:?}");
        }
    }

    #[test]
    fn a_date_is_written_in_one_way_only() {
        let read = |text: &str| FieldType::Date.read(RawInput::Json(&json(text)));
        for day in ["\"2026-01-31\"", "\"2024-02-29\"", "\"0001-01-01\"", "\"9999-12-31\""] {
            assert_eq!(
                read(day),
                serde_json::from_str(day).map_err(|_| unreachable!()),
                "{day}"
            );
        }
        for wrong in [
            "\"2026-1-31\"",
            "\"+2026-1-31\"",
            "\"2026-02-29\"",
            "\"2026-01-31T00:00:00Z\"",
            "\" 2026-01-31\"",
            "\"31.01.2026\"",
            "\"\"",
            "20260131",
            "null",
            "[]",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_in_a_query_is_separated_by_commas() {
        let read = |text: &str| {
            FieldType::List(&FieldType::Id { min: i64::MIN })
                .read(RawInput::Text(text))
                .ok()
        };
        assert_eq!(read("3,1,3"), Some(json!(["3", "1", "3"])));
        assert_eq!(read("-7"), Some(json!(["-7"])));
        for wrong in [
            "",
            ",",
            "1,",
            ",1",
            "1,,2",
            "1, 2",
            "1;2",
            "[1]",
            "1,x",
            "1,9223372036854775808",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_time_is_rfc_3339_or_a_day() {
        let (from, until) = (FieldType::DateTime, FieldType::EndOfValidity);
        let read = |field_type: FieldType, text: &str| field_type.read(RawInput::Text(text)).ok();
        for (sent, starts, ends) in [
            ("2026-12-31", "2026-12-31T00:00:00Z", "2026-12-31T23:59:59.999999Z"),
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02t03:04:05z", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:00Z"),
            (
                "2026-01-02T03:04:05.5+02:00",
                "2026-01-02T01:04:05.500Z",
                "2026-01-02T01:04:05.500Z",
            ),
        ] {
            assert_eq!(read(from, sent), Some(json!(starts)), "{sent}");
            assert_eq!(read(until, sent), Some(json!(ends)), "{sent}");
        }
        for wrong in [
            "",
            "tomorrow",
            "2026-02-30",
            "2026-1-2",
            "+2026-1-2",
            " 2026-01-02",
            "2026-01-02T03:04:05Z ",
            "2026-01-02 03:04:05Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:60Z",
            "2024-02-30T03:04:05Z",
            "0000-12-31",
            "2026-01-02T03:04:05",
            "20260102",
            "1767323045",
        ] {
            assert_eq!(read(from, wrong), None, "{wrong}");
        }
        assert!(from.read(RawInput::Json(&json("1767323045"))).is_err());
    }

    #[test]
    fn a_time_without_an_offset_is_utc_only_where_declared() {
        let read = |text: &str| {
            FieldType::UtcByDefault(&FieldType::EndOfValidity)
                .read(RawInput::Text(text))
                .ok()
        };
        for (sent, moment) in [
            ("2022-04-11T02:06:12.073516", "2022-04-11T02:06:12.073516Z"),
            ("2022-04-11T02:06:12", "2022-04-11T02:06:12Z"),
            ("2022-04-11T02:06:12Z", "2022-04-11T02:06:12Z"),
            ("2022-04-11T02:06:12+02:00", "2022-04-11T00:06:12Z"),
            ("2022-04-11", "2022-04-11T23:59:59.999999Z"),
        ] {
            assert_eq!(read(sent), Some(json!(moment)), "{sent}");
        }
        for wrong in [
            "",
            "tomorrow",
            "2022-04-11Z",
            "2022-04-31T02:06:12",
            "2022-04-11T02:06",
            "T",
            "2022-04-11T25:06:12",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn decimals_lose_only_zeros() {
        for (long, short) in [
            ("40.00", "40"),
            ("15.50", "15.5"),
            ("0.05", "0.05"),
            ("100", "100"),
            ("-0.10", "-0.1"),
        ] {
            assert_eq!(without_trailing_zeros(long), short);
        }
    }
}
