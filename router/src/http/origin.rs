//! Whose pages may open a WebSocket: browsers do not ask first, as they do for other cross-site requests.

use axum::http::{HeaderMap, Uri, header};

use crate::http::refusal::Refusal;

/// Lets programs pass, pages of our own, and pages of the origins that a setting names.
///
/// # Errors
/// `FORBIDDEN` for every other page.
pub(super) fn check(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let refused = || Refusal::new("FORBIDDEN", "pages of this origin may not open a WebSocket here");
    let origin = origin.to_str().map_err(|_| refused())?;
    if allowed
        .iter()
        .any(|allowed| allowed == "*" || allowed.trim_end_matches('/') == origin)
    {
        return Ok(());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    match (origin.split_once("://"), host) {
        (Some((scheme, from)), Some(host)) if without_port(scheme, from) == without_port(scheme, host) => Ok(()),
        _ => Err(refused()),
    }
}

/// Browsers leave the usual port out of one and a proxy may put it into the other.
fn without_port(scheme: &str, authority: &str) -> String {
    let usual = match scheme {
        "https" => ":443",
        _ => ":80",
    };
    authority.strip_suffix(usual).unwrap_or(authority).to_ascii_lowercase()
}
