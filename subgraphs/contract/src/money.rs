//! Money: minor units and a currency, never a float.

use std::borrow::Cow;
use std::fmt;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, InputValueError, InputValueResult, Name, OutputType, Positioned, Scalar, ScalarType,
    ServerResult, Value, indexmap::IndexMap,
};
use foundation::ScalarError;

use crate::{Error, Result};

/// The largest amount: 1,000,000,000,000.00 (docs/rest-contract/common.md#money).
const AMOUNT_MINOR_MAX: i64 = 100_000_000_000_000;

/// An amount of money in a currency's minor units (cents).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// The amount in minor units.
    pub minor: i64,
    /// ISO 4217 code. Every currency Agora knows has two decimals.
    pub currency: String,
}

impl Money {
    /// US dollars, from cents.
    pub fn usd(cents: i64) -> Self {
        Self {
            minor: cents,
            currency: "USD".to_owned(),
        }
    }

    /// Reads a plain decimal such as `15.99`: no exponent, at most two decimals that are not zero, nothing rounded.
    ///
    /// # Errors
    /// `INVALID_INPUT` naming `field`.
    pub fn parse(field: &'static str, amount: &str, currency: &str) -> Result<Self> {
        parse_money(amount, currency).map_err(|misfit| Error::invalid(field, misfit.reason))
    }

    /// Reads the text of a JSON number in the default currency, by its value: `1.0E7` is ten million.
    ///
    /// # Errors
    /// The rule that the number breaks, as a sentence without a subject.
    pub fn from_json_number(text: &str) -> Result<Self, &'static str> {
        Ok(Self::usd(parse_minor(text, Notation::Json)?))
    }

    /// Returns the amount in cents, where only US dollars are accepted: every price is in them.
    ///
    /// # Errors
    /// `INVALID_INPUT` naming `field` for another currency.
    pub fn usd_minor(&self, field: &'static str) -> Result<i64> {
        if self.currency != "USD" {
            return Err(Error::invalid(field, "must be in USD"));
        }
        Ok(self.minor)
    }

    /// The amount as a decimal text with two decimals, `-0.05` for minus five cents.
    pub fn amount(&self) -> String {
        decimal(self.minor.into())
    }
}

/// Minor units as a decimal text with two decimals.
fn decimal(minor: i128) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

fn to_object(amount: String, currency: &str) -> Value {
    let mut members = IndexMap::with_capacity(2);
    members.insert(Name::new("amount"), Value::String(amount));
    members.insert(Name::new("currency"), Value::String(currency.to_owned()));
    Value::Object(members)
}

/// A sum of amounts, to the cent: a quantity of shares times their price, a portfolio.
///
/// It is only shown, as [`Money`], and never paid. It may exceed the largest amount, so it has more than 64 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneySum {
    /// The sum in minor units.
    pub minor: i128,
    /// ISO 4217 code of all of it.
    pub currency: String,
}

impl MoneySum {
    /// US dollars, from cents.
    pub fn usd(cents: i128) -> Self {
        Self {
            minor: cents,
            currency: "USD".to_owned(),
        }
    }
}

// `Scalar` would declare a second type of the name `Money`.
impl OutputType for MoneySum {
    fn type_name() -> Cow<'static, str> {
        <Money as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Money as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(to_object(decimal(self.minor), &self.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

/// The notation of an amount.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    /// Digits, and perhaps a point and more digits.
    Decimal,
    /// As JSON writes numbers, perhaps with an exponent.
    Json,
}

const NOT_A_NUMBER: &str = "must be a decimal number such as 15.99";
const TOO_FINE: &str = "must have at most 2 decimals";
const TOO_LARGE: &str = "must be at most 1000000000000.00";
const TOO_SMALL: &str = "must be at least -1000000000000.00";

/// Returns the exact minor units of a number: a non-zero digit after the second decimal is rejected, not rounded.
fn parse_minor(text: &str, notation: Notation) -> Result<i64, &'static str> {
    let (is_negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let out_of_range = if is_negative { TOO_SMALL } else { TOO_LARGE };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) if notation == Notation::Json => (mantissa, exponent),
        Some(_) => return Err(NOT_A_NUMBER),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    if !is_number(whole) || !is_number(fraction) || !is_number(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)) {
        return Err(NOT_A_NUMBER);
    }
    let digits = format!("{whole}{fraction}");
    let Some(first) = digits.find(|digit| digit != '0') else {
        return Ok(0);
    };
    let significant = digits[first..].trim_end_matches('0');
    // An exponent outside of the range of `i32` alone decides the magnitude, whatever the digits are.
    let exponent = exponent.parse::<i32>().unwrap_or(if exponent.starts_with('-') {
        i32::MIN / 2
    } else {
        i32::MAX / 2
    });
    let places = |length: usize| i32::try_from(length).unwrap_or(i32::MAX / 4);
    // The number of zeros to append to the significant digits so that they count minor units.
    let zeros = exponent
        .saturating_add(places(whole.len()) + 2)
        .saturating_sub(places(first))
        .saturating_sub(places(significant.len()));
    let zeros = usize::try_from(zeros).map_err(|_| TOO_FINE)?;
    if significant.len().saturating_add(zeros) > 15 {
        return Err(out_of_range);
    }
    let minor: i64 = format!("{significant}{}", "0".repeat(zeros))
        .parse()
        .map_err(|_| out_of_range)?;
    if minor <= AMOUNT_MINOR_MAX {
        Ok(if is_negative { -minor } else { minor })
    } else {
        Err(out_of_range)
    }
}

fn parse_money(amount: &str, currency: &str) -> Result<Money, ScalarError> {
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(ScalarError::member("currency", "must be an ISO 4217 code such as USD"));
    }
    let minor = parse_minor(amount, Notation::Decimal).map_err(|reason| ScalarError::member("amount", reason))?;
    Ok(Money {
        minor,
        currency: currency.to_owned(),
    })
}

/// Reads money as the API writes it.
fn from_value(value: &Value) -> Result<Money, ScalarError> {
    let Value::Object(members) = value else {
        return Err(ScalarError::whole(
            r#"must be money such as { amount: "15.99", currency: "USD" }"#,
        ));
    };
    if let Some(unknown) = members
        .keys()
        .find(|name| !["amount", "currency"].contains(&name.as_str()))
    {
        let unknown: String = unknown.chars().take(NAME_CHARS_MAX).collect();
        return Err(ScalarError::whole(format!(
            "must have no member \"{unknown}\", only amount and currency"
        )));
    }
    let currency = match members.get("currency") {
        None => "USD",
        Some(Value::String(code)) => code,
        Some(_) => return Err(ScalarError::member("currency", "must be a string such as \"USD\"")),
    };
    match members.get("amount") {
        Some(Value::String(amount)) => parse_money(amount, currency),
        Some(_) => Err(ScalarError::member("amount", "must be a string such as \"15.99\"")),
        None => Err(ScalarError::member("amount", "is required")),
    }
}

/// The most characters of an unknown member's name that a message shows.
const NAME_CHARS_MAX: usize = 60;

/// Whether a value of the API is [`Money`].
pub(crate) fn check(value: &Value) -> Result<(), ScalarError> {
    from_value(value).map(drop)
}

/// An amount of money: `{ "amount": "15.99", "currency": "USD" }`. The amount is a decimal string, so that no client
/// rounds it. In input, the currency is optional; the default is USD.
#[Scalar]
impl ScalarType for Money {
    fn parse(value: Value) -> InputValueResult<Self> {
        from_value(&value).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        to_object(self.amount(), &self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_same_cents() {
        for (text, minor) in [("15.99", 1599), ("0.05", 5), ("-0.05", -5), ("7", 700), ("7.5", 750)] {
            assert_eq!(Money::parse("price", text, "USD").unwrap().minor, minor);
        }
        assert_eq!(Money::usd(-5).amount(), "-0.05");
    }

    #[test]
    fn refuses_ambiguous_amounts() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1e3",
            "0x1",
            "1.999",
            "1000000000000.01",
            "99999999999999999999",
            "+1",
            "1 ",
            "--1",
            "-",
            "٣",
        ] {
            assert!(Money::parse("price", text, "USD").is_err(), "{text}");
        }
        assert!(Money::parse("price", "1.00", "usd").is_err());
    }

    #[test]
    fn a_json_number_is_read_by_its_value() {
        for (text, minor) in [
            ("1.0E7", 1_000_000_000),
            ("1e12", 100_000_000_000_000),
            ("1599e-2", 1599),
            ("0.1599e+2", 1599),
            ("15.990", 1599),
            ("1599000e-5", 1599),
            ("0e999999999999", 0),
            ("-0", 0),
            ("0.000", 0),
            ("-1.5E1", -1500),
            ("0.0000000001e12", 10_000),
        ] {
            assert_eq!(Money::from_json_number(text), Ok(Money::usd(minor)), "{text}");
        }
        for (text, wrong) in [
            ("15.999", TOO_FINE),
            ("1e-3", TOO_FINE),
            ("1e-99999999999", TOO_FINE),
            ("1000000000000.01", TOO_LARGE),
            ("1e13", TOO_LARGE),
            ("1e99999999999", TOO_LARGE),
            ("-1e13", TOO_SMALL),
            ("1e", NOT_A_NUMBER),
            ("1e+", NOT_A_NUMBER),
            ("1e1.5", NOT_A_NUMBER),
            ("e5", NOT_A_NUMBER),
            ("true", NOT_A_NUMBER),
        ] {
            assert_eq!(Money::from_json_number(text), Err(wrong), "{text}");
        }
    }

    #[test]
    fn an_object_has_the_two_members_and_no_other() {
        let object = |json: serde_json::Value| from_value(&Value::from_json(json).unwrap());
        let json = serde_json::json!({ "amount": "5.00", "currency": "EUR" });
        assert_eq!(object(json).unwrap().currency, "EUR");
        assert_eq!(object(serde_json::json!({ "amount": "5.00" })), Ok(Money::usd(500)));
        for (json, wrong) in [
            (serde_json::json!("5.00"), "must be money such as"),
            (serde_json::json!(null), "must be money such as"),
            (serde_json::json!([]), "must be money such as"),
            (serde_json::json!({}), "amount is required"),
            (serde_json::json!({ "amount": 5 }), "amount must be a string"),
            (serde_json::json!({ "amount": null }), "amount must be a string"),
            (
                serde_json::json!({ "amount": "5", "currency": null }),
                "currency must be a string",
            ),
            (
                serde_json::json!({ "amount": "5", "currency": "eur" }),
                "currency must be an ISO 4217 code",
            ),
            (
                serde_json::json!({ "amount": "5", "curency": "EUR" }),
                "must have no member \"curency\"",
            ),
        ] {
            let misfit = object(json.clone()).unwrap_err().to_string();
            assert!(misfit.starts_with(wrong), "{json}: {misfit}");
        }
    }
}
