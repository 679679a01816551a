//! The format of a custom scalar.

use std::fmt;

use async_graphql::Value;

/// A custom scalar whose format is known outside of its subgraph.
#[derive(Debug)]
pub struct Scalar {
    /// Its name in every schema.
    pub name: &'static str,
    /// Checks that a value has its format.
    pub check: fn(&Value) -> Result<(), ScalarError>,
}

impl Scalar {
    /// Returns the scalar of that name.
    pub fn named<'s>(scalars: &'s [Self], name: &str) -> Option<&'s Self> {
        scalars.iter().find(|scalar| scalar.name == name)
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
    pub fn whole(reason: impl Into<String>) -> Self {
        Self {
            member: None,
            reason: reason.into(),
        }
    }

    /// One member of the value is wrong.
    pub fn member(member: &'static str, reason: impl Into<String>) -> Self {
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
pub fn require_string<'a>(value: &'a Value, wrong: &'static str) -> Result<&'a str, ScalarError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(ScalarError::whole(wrong)),
    }
}
