//! The codes of errors, in the responses of a domain.

use async_graphql::{Response, ServerError};

use crate::{Error, ErrorCode, Services};

/// Gives every error of a response its code as it leaves the subgraph; the only place that knows about `extensions`.
///
/// async-graphql turns any displayable error into a message and keeps the original as its source, so resolvers use
/// plain `?`. An error without a domain error as its source comes from async-graphql, which rejected a value:
/// `INVALID_INPUT`.
pub fn with_codes(mut response: Response) -> Response {
    response.errors.iter_mut().for_each(attach_code);
    response
}

/// Tells the storage which errors of the response it caused.
pub fn record_storage_failures(response: &Response, services: &Services) {
    let failed = response.errors.iter().filter_map(|error| error.source::<Error>());
    for cause in failed {
        if let Error::Database(error) = cause {
            services.db.storage().record_failure(error);
        }
    }
}

/// The most characters of a message: async-graphql's messages contain the rejected value.
const MESSAGE_CHARS_MAX: usize = 300;

fn attach_code(error: &mut ServerError) {
    let Some(cause) = error.source::<Error>() else {
        error
            .extensions
            .get_or_insert_default()
            .set("code", ErrorCode::InvalidInput.as_str());
        crate::truncate_chars(&mut error.message, MESSAGE_CHARS_MAX);
        return;
    };
    let cause = cause.clone();
    match &cause {
        Error::Database(db) => tracing::error!(%db, path = ?error.path, "database error"),
        Error::Internal(why) => tracing::error!(%why, path = ?error.path, "internal error"),
        _ => {}
    }
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", cause.code().as_str());
    match cause {
        Error::InvalidInput { field, .. } => extensions.set("field", field.as_ref()),
        Error::RateLimited { retry_after_seconds } => extensions.set("retryAfter", retry_after_seconds),
        Error::OutcomeUnknown => extensions.set("outcome", "unknown"),
        _ => {}
    }
}
