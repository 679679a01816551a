//! The status table: the HTTP status of each error code, for GraphQL and for every REST mount.

use axum::http::StatusCode;

/// Returns the status of a code (docs/rest-contract/common.md#status-table). A code that is missing here is a bug: 500.
pub fn status_of(code: &str) -> StatusCode {
    match code {
        "INVALID_INPUT"
        | "BAD_REQUEST"
        | "GRAPHQL_PARSE_FAILED"
        | "GRAPHQL_VALIDATION_FAILED"
        | "OPERATION_NOT_FOUND"
        | "SUBSCRIPTION_NOT_SUPPORTED"
        | "INTROSPECTION_DISABLED"
        | "QUERY_TOO_COMPLEX"
        | "ANSWER_TOO_LARGE"
        | "INVALID_AUTOMATED_ORDER" => StatusCode::BAD_REQUEST,
        "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
        "FORBIDDEN" | "AUTHORIZATION_MISMATCH" => StatusCode::FORBIDDEN,
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "METHOD_NOT_ALLOWED" => StatusCode::METHOD_NOT_ALLOWED,
        "NOT_ACCEPTABLE" => StatusCode::NOT_ACCEPTABLE,
        "CONFLICT" | "ORDER_COMPLETED" => StatusCode::CONFLICT,
        "REQUEST_TIMEOUT" => StatusCode::REQUEST_TIMEOUT,
        "PAYLOAD_TOO_LARGE" => StatusCode::PAYLOAD_TOO_LARGE,
        "PRECONDITION_FAILED" => StatusCode::PRECONDITION_FAILED,
        "EXPECTATION_FAILED" => StatusCode::EXPECTATION_FAILED,
        // Apollo Server uses this status, and its clients read the body.
        "PERSISTED_QUERY_NOT_SUPPORTED" => StatusCode::OK,
        "UNSUPPORTED_MEDIA_TYPE" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "IDEMPOTENCY_MISMATCH" => StatusCode::UNPROCESSABLE_ENTITY,
        "RATE_LIMITED" => StatusCode::TOO_MANY_REQUESTS,
        "OPERATION_NOT_SUPPORTED" => StatusCode::NOT_IMPLEMENTED,
        "UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
        "TIMEOUT" => StatusCode::GATEWAY_TIMEOUT,
        code if code.starts_with("INSUFFICIENT_") => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_status_the_contract_gives_it() {
        let table = [
            ("INVALID_INPUT", 400),
            ("GRAPHQL_VALIDATION_FAILED", 400),
            ("OPERATION_NOT_FOUND", 400),
            ("SUBSCRIPTION_NOT_SUPPORTED", 400),
            ("INTROSPECTION_DISABLED", 400),
            ("ANSWER_TOO_LARGE", 400),
            ("UNAUTHENTICATED", 401),
            ("FORBIDDEN", 403),
            ("NOT_FOUND", 404),
            ("METHOD_NOT_ALLOWED", 405),
            ("NOT_ACCEPTABLE", 406),
            ("REQUEST_TIMEOUT", 408),
            ("CONFLICT", 409),
            ("INSUFFICIENT_FUNDS", 409),
            ("INSUFFICIENT_STOCK", 409),
            ("ORDER_COMPLETED", 409),
            ("PAYLOAD_TOO_LARGE", 413),
            ("PRECONDITION_FAILED", 412),
            ("UNSUPPORTED_MEDIA_TYPE", 415),
            ("EXPECTATION_FAILED", 417),
            ("PERSISTED_QUERY_NOT_SUPPORTED", 200),
            ("IDEMPOTENCY_MISMATCH", 422),
            ("RATE_LIMITED", 429),
            ("INTERNAL", 500),
            ("NEVER_HEARD_OF", 500),
            ("OPERATION_NOT_SUPPORTED", 501),
            ("UNAVAILABLE", 503),
            ("TIMEOUT", 504),
        ];
        for (code, status) in table {
            assert_eq!(status_of(code).as_u16(), status, "{code}");
        }
    }
}
