//! Numbers.

use serde_json::Number;

use super::{JsonError, Parser};

/// Parses a number by the grammar of JSON: an integer that fits in 64 bits stays exact, any other number is the nearest double.
pub fn number(parser: &mut Parser<'_>) -> Result<Number, JsonError> {
    let start = parser.at;
    let is_negative = parser.peek() == Some(b'-');
    parser.at += usize::from(is_negative);
    let magnitude = integer(parser)?;
    let is_integer = !fraction(parser)? & !exponent(parser)?;
    if is_integer && let Some(exact) = magnitude.and_then(|magnitude| exact(magnitude, is_negative)) {
        return Ok(exact);
    }
    let double: Option<f64> = parser.slice(start, parser.at).parse().ok();
    double
        .and_then(Number::from_f64)
        .ok_or_else(|| parser.error("the number is out of range"))
}

/// Returns the integer as 64 bits; `None` for one that does not fit, and for `-0`, which only a double can represent.
fn exact(magnitude: u64, is_negative: bool) -> Option<Number> {
    if !is_negative {
        return Some(magnitude.into());
    }
    let negative = 0_i64.checked_sub_unsigned(magnitude)?;
    (negative != 0).then(|| negative.into())
}

/// Parses the digits before the point: `0`, or some that do not begin with it. Returns `None` if they do not fit in 64 bits.
fn integer(parser: &mut Parser<'_>) -> Result<Option<u64>, JsonError> {
    let start = parser.at;
    let digits = digits(parser)?;
    if digits.len() > 1 && digits.starts_with('0') {
        parser.at = start;
        return Err(parser.error("a number begins with a superfluous 0"));
    }
    Ok(digits.parse().ok())
}

/// Parses a point and the digits behind it, if there are any.
fn fraction(parser: &mut Parser<'_>) -> Result<bool, JsonError> {
    if parser.peek() != Some(b'.') {
        return Ok(false);
    }
    parser.at += 1;
    digits(parser)?;
    Ok(true)
}

/// Parses an exponent, if there is one.
fn exponent(parser: &mut Parser<'_>) -> Result<bool, JsonError> {
    if !matches!(parser.peek(), Some(b'e' | b'E')) {
        return Ok(false);
    }
    parser.at += 1;
    if matches!(parser.peek(), Some(b'+' | b'-')) {
        parser.at += 1;
    }
    digits(parser)?;
    Ok(true)
}

/// Parses at least one digit.
fn digits<'a>(parser: &mut Parser<'a>) -> Result<&'a str, JsonError> {
    let len = parser.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
    if len == 0 {
        return Err(parser.error("a digit is expected"));
    }
    let start = parser.at;
    parser.at += len;
    Ok(parser.slice(start, parser.at))
}
