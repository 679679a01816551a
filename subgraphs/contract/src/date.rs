//! A day of the calendar, without a time and a time zone.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::NaiveDate;
use foundation::{ScalarError, require_string};

use crate::date_time::full_date;
use crate::{Error, Result};

/// The first day that is written as four digits, two and two.
const FIRST_DAY: NaiveDate = day(1, 1, 1);
/// The last one.
const LAST_DAY: NaiveDate = day(9_999, 12, 31);

const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar")
}

/// The error message for a text that is not a day.
const WRONG: &str = "must be a date such as 2026-01-31";

/// A day as it is written in the API. The domain parses it where its argument has a name: see [`Date::day`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date(String);

impl Date {
    /// Parses a day that is written `YYYY-MM-DD`, and in no other way.
    ///
    /// # Errors
    /// The rule that the text breaks, as a sentence without a subject.
    pub fn parse(text: &str) -> Result<NaiveDate, &'static str> {
        let day = full_date(text.as_bytes()).ok_or(WRONG)?;
        if (FIRST_DAY..=LAST_DAY).contains(&day) {
            Ok(day)
        } else {
            Err("must be from 0001-01-01 to 9999-12-31")
        }
    }

    /// Returns the day.
    ///
    /// # Errors
    /// `INVALID_INPUT` naming `field` for a text that is not written `YYYY-MM-DD`, and for a day that does not exist.
    pub fn day(&self, field: &'static str) -> Result<NaiveDate> {
        Self::parse(&self.0).map_err(|wrong| Error::invalid(field, wrong))
    }
}

impl From<NaiveDate> for Date {
    fn from(day: NaiveDate) -> Self {
        Self(day.format("%Y-%m-%d").to_string())
    }
}

/// Whether a value of the API is a [`Date`].
pub(crate) fn check(value: &Value) -> Result<(), ScalarError> {
    Date::parse(require_string(value, WRONG)?)
        .map(drop)
        .map_err(ScalarError::whole)
}

/// A calendar date, as an RFC 3339 full-date: `2026-01-31`. It has neither a time nor a time zone.
#[Scalar(specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = require_string(&value, WRONG).map_err(InputValueError::custom)?;
        Ok(Self(text.to_owned()))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Result<NaiveDate> {
        Date(text.to_owned()).day("input.date")
    }

    #[test]
    fn reads_and_writes_the_same_day() {
        for text in ["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"] {
            assert_eq!(Date::from(day(text).unwrap()), Date(text.to_owned()));
        }
    }

    #[test]
    fn refuses_every_other_form_of_a_day_and_names_the_field() {
        for text in [
            "",
            "2026-02-29",
            "2026-1-2",
            "+2026-01-02",
            "20260102",
            "02.01.2026",
            " 2026-01-02",
            "2026-01-02 ",
            "2026-01-02T00:00:00Z",
            "10000-01-01",
            "+10000-01-01",
            "-0001-01-01",
        ] {
            let refused = day(text).unwrap_err();
            assert_eq!(
                refused.to_string(),
                "input.date: must be a date such as 2026-01-31",
                "{text:?}"
            );
        }
        let refused = day("0000-12-31").unwrap_err();
        assert_eq!(refused.to_string(), "input.date: must be from 0001-01-01 to 9999-12-31");
    }
}
