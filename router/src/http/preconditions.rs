//! Conditions that a client puts on an effect (RFC 9110, section 13).

use axum::http::{HeaderMap, header};

/// Why a request is refused whose conditions do not hold.
pub(crate) const PRECONDITION_FAILED: &str =
    "nothing here has an entity tag: If-Match must be *, and If-None-Match must not be *";

/// Whether the conditions hold under which something is to be changed.
///
/// No representation that can be changed has an entity tag or a date of modification. So `If-Match` holds only as `*`,
/// `If-None-Match` does not hold as `*`, and conditions about dates are ignored.
pub(crate) fn preconditions_hold(headers: &HeaderMap) -> bool {
    let is_any = |value: &axum::http::HeaderValue| value.as_bytes().trim_ascii() == b"*";
    headers.get_all(header::IF_MATCH).iter().all(is_any) && !headers.get_all(header::IF_NONE_MATCH).iter().any(is_any)
}
