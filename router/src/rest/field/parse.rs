//! Reads the values of requests as variables of an operation.

use std::borrow::Cow;

use chrono::{NaiveTime, SecondsFormat};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use contract::{Date, DateTime, Money};

use super::model::FieldType;

#[cfg(test)]
mod tests;

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
    let moment = match (Date::parse(&text), DateTime::parse(&text)) {
        (Ok(day), _) => day.and_time(of_day).and_utc(),
        (_, Ok(moment)) => moment.utc(),
        (_, Err(DateTime::OUT_OF_RANGE)) => return Err(ParseError::new(DateTime::OUT_OF_RANGE)),
        _ => return Err(ParseError::new(NOT_A_DATE_TIME)),
    };
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
