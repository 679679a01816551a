//! Checks the origin of a page that calls: browsers send no preflight request for a WebSocket or a plain
//! POST.

use axum::http::{HeaderMap, Uri, header};
use contract::ErrorCode;

use crate::http::error::HttpError;
use crate::http::host::called_host;

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

/// Whether a browser calls for a page of another origin than the called one; other programs send no `Origin`.
pub(crate) fn is_cross_origin(headers: &HeaderMap, uri: &Uri) -> bool {
    let origin = headers.get(header::ORIGIN);
    origin.is_some_and(|origin| !origin.to_str().is_ok_and(|origin| is_same_origin(origin, headers, uri)))
}

fn is_same_origin(origin: &str, headers: &HeaderMap, uri: &Uri) -> bool {
    match (origin.split_once("://"), called_host(headers, uri)) {
        (Some((scheme, from)), Some(host)) => without_default_port(scheme, from) == without_default_port(scheme, host),
        _ => false,
    }
}

/// Removes the default port: browsers omit it in one header, and a proxy may add it to the other.
fn without_default_port(scheme: &str, authority: &str) -> String {
    let usual = match scheme {
        "https" => ":443",
        _ => ":80",
    };
    authority.strip_suffix(usual).unwrap_or(authority).to_ascii_lowercase()
}
