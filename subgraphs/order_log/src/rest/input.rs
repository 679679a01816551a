//! The input of a request, checked member by member.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};

use super::ErrorResponse;
use crate::command::{KEY_CHARS_MAX, NAME_CHARS_MAX, QUANTITY_MAX, TradeSide};
use crate::{OrderLogSettings, server};

/// The members of a JSON object; unknown members are ignored.
pub(super) struct Input(Map<String, Value>);

impl Input {
    /// The object in a request's body.
    pub(super) async fn from_request(request: Request, settings: &OrderLogSettings) -> Result<Self, ErrorResponse> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(ErrorResponse::new(status, "the body must be application/json"));
        }
        let body = server::read_body(body, settings.body_bytes_max, settings.body_timeout).await;
        let body = body.map_err(ErrorResponse::from_status)?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(ErrorResponse::invalid("the body must be a JSON object")),
        }
    }

    /// A member that is an object itself.
    pub(super) fn object(&self, member: &str) -> Result<Self, ErrorResponse> {
        match self.0.get(member) {
            Some(Value::Object(members)) => Ok(Self(members.clone())),
            _ => Err(ErrorResponse::invalid(format!("{member} must be an object"))),
        }
    }

    /// An integer member, in any JSON notation of an integer.
    pub(super) fn integer(&self, member: &str, min: i64, max: i64) -> Result<i64, ErrorResponse> {
        let value = self.0.get(member);
        let whole = |value: &Value| value.as_i64().or_else(|| value.as_f64().and_then(exact_integer));
        Self::in_range(member, value.and_then(whole), min, max)
    }

    fn in_range(member: &str, value: Option<i64>, min: i64, max: i64) -> Result<i64, ErrorResponse> {
        let value = value.filter(|value| (min..=max).contains(value));
        value.ok_or_else(|| match max {
            i64::MAX => ErrorResponse::invalid(format!("{member} must be an integer from {min}")),
            _ => ErrorResponse::invalid(format!("{member} must be an integer from {min} to {max}")),
        })
    }

    pub(super) fn quantity(&self) -> Result<i64, ErrorResponse> {
        // Only the integer notation is allowed (docs/rest-contract/common.md#quantities).
        let value = self.0.get("quantity").and_then(Value::as_i64);
        Self::in_range("quantity", value, 1, QUANTITY_MAX)
    }

    pub(super) fn name(&self) -> Result<String, ErrorResponse> {
        let name = self.0.get("name").and_then(Value::as_str).map(str::trim);
        let fits = |name: &&str| {
            !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control)
        };
        name.filter(fits)
            .map(str::to_owned)
            .ok_or_else(|| ErrorResponse::invalid(format!("name must be text of 1 to {NAME_CHARS_MAX} characters")))
    }

    pub(super) fn side(&self) -> Result<TradeSide, ErrorResponse> {
        let side = self
            .0
            .get("type")
            .and_then(Value::as_str)
            .and_then(|side| side.parse().ok());
        side.ok_or_else(|| ErrorResponse::invalid("type must be \"buy\" or \"sell\""))
    }
}

/// The integer that a float represents, if the float is integral and small enough to be exact.
fn exact_integer(number: f64) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64)
}

/// The idempotency key of a request, checked against the limits that it has everywhere.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ErrorResponse> {
    let wrong = |why: String| ErrorResponse::invalid(format!("Idempotency-Key {why}"));
    let mut keys = headers.get_all("idempotency-key").iter();
    let key = match (keys.next(), keys.next()) {
        (None, _) => return Ok(None),
        (Some(key), None) => key.to_str().map_err(|_| wrong("must be plain ASCII".to_owned()))?,
        (Some(_), Some(_)) => return Err(wrong("must be given once".to_owned())),
    };
    if key.trim().is_empty() {
        return Err(wrong("must not be blank".to_owned()));
    }
    if key.len() > KEY_CHARS_MAX {
        return Err(wrong(format!("must have at most {KEY_CHARS_MAX} characters")));
    }
    Ok(Some(key.to_owned()))
}

/// Whether the body may be JSON: a missing content type is accepted, a different one is not.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}
