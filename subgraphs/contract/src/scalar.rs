//! The scalars of the API: one definition of each format, for the router, the domains and the REST routes.

use std::fmt;

use async_graphql::Value;

use crate::{date, date_time, money};

/// A scalar of the API.
#[derive(Debug)]
pub struct Scalar {
    /// Its name in every schema.
    pub name: &'static str,
    check: fn(&Value) -> Result<(), ScalarError>,
}

/// The scalars that Agora itself defines.
const SCALARS: [Scalar; 3] = [
    Scalar {
        name: "Date",
        check: date::check,
    },
    Scalar {
        name: "DateTime",
        check: date_time::check,
    },
    Scalar {
        name: "Money",
        check: money::check,
    },
];

impl Scalar {
    /// Returns the scalar of that name, if Agora defines it.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCALARS.iter().find(|scalar| scalar.name == name)
    }

    /// Whether a value has the format of this scalar.
    ///
    /// # Errors
    /// The rule that the value breaks.
    pub fn check(&self, value: &Value) -> Result<(), ScalarError> {
        (self.check)(value)
    }
}

/// The reason why a value does not fit a scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalarError {
    /// The member of the value that is wrong; `None` if the whole value is.
    pub member: Option<&'static str>,
    /// The rule that the value breaks, as a sentence without a subject: "must be a date such as 2026-01-31".
    pub reason: String,
}

impl ScalarError {
    /// The value as a whole is wrong.
    pub(crate) fn whole(reason: impl Into<String>) -> Self {
        Self {
            member: None,
            reason: reason.into(),
        }
    }

    /// One member of the value is wrong.
    pub(crate) fn member(member: &'static str, reason: impl Into<String>) -> Self {
        Self {
            member: Some(member),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for ScalarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            Some(member) => write!(f, "{member} {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Returns the text of a scalar that is written as a string.
pub(crate) fn require_string<'a>(value: &'a Value, wrong: &'static str) -> Result<&'a str, ScalarError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(ScalarError::whole(wrong)),
    }
}
