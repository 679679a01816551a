//! Checks the origin of a page that calls: browsers send no preflight request for a WebSocket or a plain
//! POST.

use axum::http::{HeaderMap, Uri, header};
use contract::ErrorCode;

use crate::allowed_origin::AllowedOrigin;
use crate::host::is_same_origin;
use crate::http::error::HttpError;

/// Allows callers that are not browsers, pages of this server, and pages of the origins in the settings.
///
/// # Errors
/// `FORBIDDEN` for every other page.
pub(super) fn require_allowed(headers: &HeaderMap, uri: &Uri, allowed: &[AllowedOrigin]) -> Result<(), HttpError> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let is_same = |origin: &str| is_same_origin(origin, headers, uri);
    if allowed.iter().any(|allowed| allowed.allows(origin)) || origin.to_str().is_ok_and(is_same) {
        Ok(())
    } else {
        Err(HttpError::new(
            ErrorCode::Forbidden,
            "pages of this origin may not open a WebSocket here",
        ))
    }
}
