//! Text that users type: trimmed, bounded, never blank where it is required (docs/rest-contract/common.md#text).

use entities::case_fold;

use crate::{Error, Result};

const CONTROL: &str = "must not contain control characters";

/// The error message for a name with code points that are not displayed.
pub const INVISIBLE: &str = "must not contain invisible characters";

/// Trims `value`; rejects blank text, text over `max` characters and control characters other than tabs and line
/// breaks.
///
/// # Errors
/// `INVALID_INPUT` naming `field`.
pub fn required_text(field: &'static str, value: &str, max: usize) -> Result<String> {
    let text = value.trim();
    if case_fold::is_blank(text) {
        return Err(Error::invalid(field, "must not be blank"));
    }
    bounded(field, text, max)
}

/// Like [`required_text`], on one line: for names.
///
/// # Errors
/// `INVALID_INPUT` naming `field`.
pub fn required_line(field: &'static str, value: &str, max: usize) -> Result<String> {
    let text = required_text(field, value, max)?;
    if text.contains(char::is_control) {
        Err(Error::invalid(field, CONTROL))
    } else {
        Ok(text)
    }
}

/// Like [`required_line`], for a name that is a part of addresses: see [`path_segment`].
///
/// # Errors
/// `INVALID_INPUT` naming `field`.
pub fn required_segment(field: &'static str, value: &str, max: usize) -> Result<String> {
    path_segment(field, required_line(field, value, max)?)
}

/// Rejects text that cannot be a segment of a path: clients and proxies resolve `.` and `..` away, even
/// percent-encoded (RFC 3986, 5.2.4; the URL standard). Any other text is possible, a `/` as `%2F`.
///
/// # Errors
/// `INVALID_INPUT` naming `field`.
pub fn path_segment(field: &'static str, text: String) -> Result<String> {
    if matches!(text.as_str(), "." | "..") {
        Err(Error::invalid(field, "must not be . or .., which no address can carry"))
    } else {
        Ok(text)
    }
}

/// Rejects code points that are not displayed: two names that differ only in them look the same.
///
/// # Errors
/// `INVALID_INPUT` naming `field`.
pub fn require_visible(field: &'static str, text: String) -> Result<String> {
    if case_fold::has_invisible(&text) {
        Err(Error::invalid(field, INVISIBLE))
    } else {
        Ok(text)
    }
}

/// Like [`required_text`]; blank text means `None`.
///
/// # Errors
/// `INVALID_INPUT` naming `field`.
pub fn optional_text(field: &'static str, value: Option<&str>, max: usize) -> Result<Option<String>> {
    match value.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => bounded(field, text, max).map(Some),
    }
}

fn bounded(field: &'static str, text: &str, max: usize) -> Result<String> {
    if text.chars().count() > max {
        return Err(Error::invalid(field, format!("must have at most {max} characters")));
    }
    // A message may contain line breaks; a NUL or an escape sequence is never valid.
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Error::invalid(field, CONTROL));
    }
    Ok(text.to_owned())
}
