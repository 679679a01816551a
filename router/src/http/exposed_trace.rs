//! The plan and the fetches of a request in the `extensions` of its answer, for clients that ask for them where the operator allows it.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::execution_trace::ExecutionTrace;
use crate::gateway::Gateway;
use crate::subgraph::EncodedResponse;

/// The header by which a client asks.
const HEADER: &str = "agora-expose-trace";

/// Returns a new trace if the client asks for one and may see it.
pub(super) fn requested(gateway: &Gateway, headers: &HeaderMap) -> Option<Arc<ExecutionTrace>> {
    let asks = || headers.get(HEADER).is_some_and(|value| value == "true");
    (gateway.exposes_traces && asks()).then(Arc::default)
}

/// A response map. Its data and errors stay as they are.
#[derive(Serialize, Deserialize)]
struct ResponseMap<'a> {
    #[serde(
        borrow,
        default,
        deserialize_with = "member",
        skip_serializing_if = "Option::is_none"
    )]
    data: Option<&'a RawValue>,
    #[serde(
        borrow,
        default,
        deserialize_with = "member",
        skip_serializing_if = "Option::is_none"
    )]
    errors: Option<&'a RawValue>,
    #[serde(default)]
    extensions: Map<String, Value>,
}

/// Reads a member that is present, also if it is null.
fn member<'de, D: Deserializer<'de>>(json: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(json).map(Some)
}

/// Adds a trace to the extensions of an answer, as `agoraTrace`.
pub(super) fn add(answer: EncodedResponse, trace: &ExecutionTrace) -> EncodedResponse {
    let Ok(mut response) = serde_json::from_slice::<ResponseMap>(&answer.body) else {
        return answer;
    };
    response.extensions.insert("agoraTrace".to_owned(), trace.to_json());
    match serde_json::to_vec(&response) {
        Ok(body) => EncodedResponse {
            body: body.into(),
            ..answer
        },
        Err(_) => answer,
    }
}

#[cfg(test)]
mod tests {
    use contract::ErrorCodeSet;

    use super::*;
    use crate::subgraph::ResponseKind;

    #[test]
    fn data_errors_and_other_extensions_stay() {
        for (body, start) in [
            (
                r#"{"data":{"b":1.0,"a":2}}"#,
                r#"{"data":{"b":1.0,"a":2},"extensions":{"agoraTrace":"#,
            ),
            (
                r#"{"data":null,"errors":[],"extensions":{"errorsOmitted":1}}"#,
                r#"{"data":null,"errors":[],"extensions":{"#,
            ),
        ] {
            let answer = EncodedResponse {
                body: body.into(),
                kind: ResponseKind::Data,
                codes: ErrorCodeSet::default(),
            };
            let traced = add(answer, &ExecutionTrace::default());
            let text = std::str::from_utf8(&traced.body).unwrap();
            assert!(text.starts_with(start), "{text}");
            assert_eq!(text.contains("errorsOmitted"), body.contains("errorsOmitted"));
        }
    }
}
