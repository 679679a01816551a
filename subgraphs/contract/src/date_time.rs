//! A moment in the notation of the API.

use std::fmt;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use foundation::{ScalarError, require_string};

/// The error message for a text that is not a moment.
const WRONG: &str = "must be an RFC 3339 date-time such as 2026-01-31T12:30:00Z";

/// A moment. It reads every date-time of RFC 3339 and nothing else, and writes the offset `+00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime(chrono::DateTime<Utc>);

impl DateTime {
    /// The error message for a moment whose year in UTC has no four digits, so that the API cannot write it.
    pub const OUT_OF_RANGE: &str = "must be from the year 0000 to the year 9999 in UTC";

    /// Reads a date-time of RFC 3339, section 5.6. A leap second is the first moment of the next month.
    ///
    /// # Errors
    /// The rule that the text breaks, as a sentence without a subject.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let moment = parse(text.as_bytes()).ok_or(WRONG)?;
        let is_in_range = (0..=9_999).contains(&moment.year());
        is_in_range.then_some(Self(moment)).ok_or(Self::OUT_OF_RANGE)
    }

    /// The moment in UTC.
    pub fn utc(self) -> chrono::DateTime<Utc> {
        self.0
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(moment: chrono::DateTime<Utc>) -> Self {
        Self(moment)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339())
    }
}

/// Stricter than chrono's parser, which also accepts a space for the `T`, any second 60, and a minus that is not
/// ASCII.
fn parse(text: &[u8]) -> Option<chrono::DateTime<Utc>> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.split_at_checked(9)?;
    let [b'T' | b't', time @ ..] = time else { return None };
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *time else {
        return None;
    };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    let (nanos, rest) = fraction(rest)?;
    let offset = TimeDelta::minutes(offset_minutes(rest)?);
    let is_leap = second == 60;
    let time = NaiveTime::from_hms_nano_opt(hour, minute, second - u32::from(is_leap), nanos)?;
    let moment = full_date(date)?.and_time(time).checked_sub_signed(offset)?;
    let moment = if is_leap { leap_second(moment)? } else { moment };
    Some(moment.and_utc())
}

/// Returns the second after 23:59:59 UTC on the last day of a month, the only time of leap seconds.
fn leap_second(before: chrono::NaiveDateTime) -> Option<chrono::NaiveDateTime> {
    let month = before.date().with_day(1)?.checked_add_months(Months::new(1))?;
    let last = month.checked_sub_days(Days::new(1))?.and_hms_opt(23, 59, 59)?;
    let since = before.signed_duration_since(last);
    (TimeDelta::zero()..TimeDelta::seconds(1))
        .contains(&since)
        .then(|| before + TimeDelta::seconds(1))
}

/// Parses the full-date of RFC 3339, section 5.6: four, two and two digits.
pub(crate) fn full_date(text: &[u8]) -> Option<NaiveDate> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else {
        return None;
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)
}

/// Returns the fraction of a second in nanoseconds, with finer digits cut off, and the text after it.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
    let nanos = (0..9).fold(0, |nanos, place| {
        nanos * 10 + digits.get(place).map_or(0, |digit| u32::from(digit - b'0'))
    });
    Some((nanos, rest))
}

fn offset_minutes(text: &[u8]) -> Option<i64> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[h1, h2])?, number(&[m1, m2])?);
            let minutes = (hours < 24 && minutes < 60).then_some(i64::from(hours * 60 + minutes))?;
            Some(if sign == b'-' { -minutes } else { minutes })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}

/// Whether a value of the API is a [`DateTime`].
pub(crate) fn check(value: &Value) -> Result<(), ScalarError> {
    DateTime::parse(require_string(value, WRONG)?)
        .map(drop)
        .map_err(ScalarError::whole)
}

/// A point in time, as an RFC 3339 date-time: `2026-01-31T12:30:00+00:00`.
#[Scalar(specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = require_string(&value, WRONG).map_err(InputValueError::custom)?;
        Self::parse(text).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling_of_rfc_3339() {
        for (text, moment) in [
            ("2026-01-31T12:30:00Z", "2026-01-31T12:30:00+00:00"),
            ("2026-01-31t12:30:00z", "2026-01-31T12:30:00+00:00"),
            ("2026-01-31T12:30:00+00:00", "2026-01-31T12:30:00+00:00"),
            ("2026-01-31T12:30:00-00:00", "2026-01-31T12:30:00+00:00"),
            ("2026-01-31T12:30:00+02:30", "2026-01-31T10:00:00+00:00"),
            ("2026-01-31T12:30:00-23:59", "2026-02-01T12:29:00+00:00"),
            ("2026-01-31T12:30:00.5Z", "2026-01-31T12:30:00.500+00:00"),
            (
                "2026-01-31T12:30:00.1234567891234Z",
                "2026-01-31T12:30:00.123456789+00:00",
            ),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00+00:00"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999+00:00"),
            // The two examples of a leap second in RFC 3339, section 5.8.
            ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00+00:00"),
            ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00+00:00"),
        ] {
            assert_eq!(DateTime::parse(text).unwrap().to_string(), moment, "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "tomorrow",
            "2026-01-31",
            "2026-01-31T12:30:00",
            "2026-01-31T12:30Z",
            "2026-01-31 12:30:00Z",
            "2026-01-31T12:30:00 Z",
            " 2026-01-31T12:30:00Z",
            "2026-01-31T12:30:00Z ",
            "2026-01-31T12:30:00.Z",
            "2026-01-31T12:30:00,5Z",
            "2026-01-31T12:30:00+0200",
            "2026-01-31T12:30:00+02",
            "2026-01-31T12:30:00+24:00",
            "2026-01-31T12:30:00+02:60",
            "2026-01-31T12:30:00\u{2212}02:00",
            "2024-02-30T12:30:00Z",
            "2023-02-29T12:30:00Z",
            "2026-13-01T12:30:00Z",
            "2026-00-01T12:30:00Z",
            "2026-01-00T12:30:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:60:00Z",
            "2026-01-31T12:30:61Z",
            "2026-01-31T12:30:60Z",
            "2026-01-30T23:59:60Z",
            "1990-12-31T23:59:60-08:00",
            "2026-1-31T12:30:00Z",
            "+2026-01-31T12:30:00Z",
            "10000-01-01T00:00:00Z",
            "-001-01-01T00:00:00Z",
            "20260131T123000Z",
            "1767323045",
            "٢٠٢٦-01-31T12:30:00Z",
        ] {
            assert_eq!(DateTime::parse(text), Err(WRONG), "{text:?}");
        }
    }

    #[test]
    fn a_moment_whose_year_in_utc_has_no_four_digits_is_refused() {
        for text in [
            "9999-12-31T23:59:60Z",
            "9999-12-31T23:59:59-01:00",
            "9999-12-31T23:59:59-23:59",
            "0000-01-01T00:00:00+01:00",
        ] {
            assert_eq!(DateTime::parse(text), Err(DateTime::OUT_OF_RANGE), "{text:?}");
        }
    }
}
