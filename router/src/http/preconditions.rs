//! The conditional requests of clients (RFC 9110, section 13).

use axum::http::{HeaderMap, header};

/// The message for a request whose preconditions fail.
pub(crate) const PRECONDITION_FAILED: &str =
    "nothing here has an entity tag: If-Match must be *, and If-None-Match must not be *";

/// Whether the preconditions of a change hold.
///
/// No representation that can be changed has an entity tag or a date of modification. So `If-Match` holds only as `*`,
/// `If-None-Match` does not hold as `*`, and conditions about dates are ignored.
pub(crate) fn preconditions_hold(headers: &HeaderMap) -> bool {
    if_match_holds_without_tag(headers) && !headers.get_all(header::IF_NONE_MATCH).iter().any(is_wildcard)
}

/// Whether `If-Match` holds for a resource without an entity tag.
pub(crate) fn if_match_holds_without_tag(headers: &HeaderMap) -> bool {
    headers.get_all(header::IF_MATCH).iter().all(is_wildcard)
}

/// Whether `If-Match` holds for a file with that tag. A weak tag never matches here.
pub(crate) fn if_match_holds(headers: &HeaderMap, tag: &str) -> bool {
    let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
    let is_it = |known: &str| known == "*" || (known == tag && !tag.starts_with("W/"));
    values.peek().is_none() || values.flat_map(tags).any(is_it)
}

/// Whether the client has the file with that tag. Weak tags match as well (RFC 9110, section 13.1.2).
pub(super) fn is_not_modified(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
    let mut known = headers.get_all(header::IF_NONE_MATCH).iter().flat_map(tags);
    known.any(|known| known == "*" || opaque(known) == opaque(tag))
}

fn is_wildcard(value: &axum::http::HeaderValue) -> bool {
    value.as_bytes().trim_ascii() == b"*"
}

fn tags(value: &axum::http::HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim)
}
