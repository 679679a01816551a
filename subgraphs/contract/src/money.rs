//! Money: minor units and a currency, never a float.

use std::borrow::Cow;
use std::fmt;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, InputValueError, InputValueResult, Name, OutputType, Positioned, Scalar, ScalarType,
    ServerResult, Value, indexmap::IndexMap,
};

use crate::{Error, Result};

/// The largest amount there is: 1,000,000,000,000.00 (CONTRACTS, section 7).
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

    /// Reads a plain decimal such as `15.99`: no exponent, at most two decimals, nothing rounded.
    ///
    /// # Errors
    /// `INVALID_INPUT` naming `field`.
    pub fn parse(field: &'static str, amount: &str, currency: &str) -> Result<Self> {
        let wrong = |reason: &'static str| Error::invalid(field, reason);
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(wrong("the currency must be an ISO 4217 code such as USD"));
        }
        let (negative, digits) = amount.strip_prefix('-').map_or((false, amount), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return Err(wrong("the amount must be a decimal number such as 15.99"));
        }
        if fraction.len() > 2 {
            return Err(wrong("the amount must have at most 2 decimals"));
        }
        let whole: i64 = whole.parse().map_err(|_| wrong("the amount is too large"))?;
        let cents: i64 = format!("{fraction:0<2}")
            .parse()
            .map_err(|_| wrong("the amount is too large"))?;
        let minor = whole.checked_mul(100).and_then(|minor| minor.checked_add(cents));
        let minor = minor
            .filter(|minor| *minor <= AMOUNT_MINOR_MAX)
            .ok_or_else(|| wrong("the amount is too large"))?;
        Ok(Self {
            minor: if negative { -minor } else { minor },
            currency: currency.to_owned(),
        })
    }

    /// The amount in cents, where only US dollars will do: every price is in them.
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

fn written(amount: String, currency: &str) -> Value {
    let mut members = IndexMap::with_capacity(2);
    members.insert(Name::new("amount"), Value::String(amount));
    members.insert(Name::new("currency"), Value::String(currency.to_owned()));
    Value::Object(members)
}

/// What amounts come to together, to the cent: a quantity of shares times their price, a portfolio.
///
/// Only shown, as [`Money`], and never paid: it may be more than an amount can be, so it has more than 64 bits.
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
        Ok(written(decimal(self.minor), &self.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

/// An amount of money: `{ "amount": "15.99", "currency": "USD" }`. The amount is a decimal text, so that no client rounds it.
#[Scalar]
impl ScalarType for Money {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::Object(members) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        let text = |name: &str| match members.get(name) {
            Some(Value::String(text)) => Some(text.as_str()),
            _ => None,
        };
        let currency = match members.get("currency") {
            None => Some("USD"),
            Some(_) => text("currency"),
        };
        let (Some(amount), Some(currency)) = (text("amount"), currency) else {
            return Err(InputValueError::custom(
                r#"money is written { amount: "15.99", currency: "USD" }"#,
            ));
        };
        Money::parse("amount", amount, currency).map_err(|error| InputValueError::custom(error.to_string()))
    }

    fn to_value(&self) -> Value {
        written(self.amount(), &self.currency)
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
    fn refuses_what_it_would_have_to_guess_at() {
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
        ] {
            assert!(Money::parse("price", text, "USD").is_err(), "{text}");
        }
        assert!(Money::parse("price", "1.00", "usd").is_err());
    }
}
