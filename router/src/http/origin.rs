//! Checks the origin of a page that calls: browsers send no preflight request for a WebSocket or a plain
//! POST.

use axum::http::{HeaderMap, Uri, header};
use contract::ErrorCode;

use crate::host::is_same_origin;
use crate::http::error::HttpError;

/// Allows callers that are not browsers, pages of this server, and pages of the origins in the settings.
///
/// # Errors
/// `FORBIDDEN` for every other page.
pub(super) fn require_allowed(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Result<(), HttpError> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let refused = || {
        HttpError::new(
            ErrorCode::Forbidden,
            "pages of this origin may not open a WebSocket here",
        )
    };
    let origin = origin.to_str().map_err(|_| refused())?;
    if allowed
        .iter()
        .any(|allowed| allowed == "*" || allowed.trim_end_matches('/') == origin)
    {
        return Ok(());
    }
    if is_same_origin(origin, headers, uri) {
        Ok(())
    } else {
        Err(refused())
    }
}
