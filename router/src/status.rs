//! The HTTP status of an error code and the header with the code, in the types of the HTTP library.

use axum::http::{HeaderName, StatusCode};
use contract::ErrorCode;

/// The response header with the code of an error (docs/ERRORS.md), beside the body that a REST mount documents.
pub const ERROR_CODE_HEADER: HeaderName = HeaderName::from_static("agora-error-code");

/// Returns the status of a code, for GraphQL and for every REST mount (docs/rest-contract/common.md#status-table).
pub fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_status() {
        for code in ErrorCode::ALL {
            assert_eq!(status_of(*code).as_u16(), code.http_status(), "{code}");
        }
    }
}
