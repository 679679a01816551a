//! The codes of errors, in the responses of a domain.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest, NextSubscribe};
use async_graphql::{Response, ServerError};
use futures_util::stream::{BoxStream, StreamExt};

use crate::{Error, ErrorCode, Services};

/// Gives every domain error its code as it leaves the subgraph; the only place that knows about `extensions`.
///
/// async-graphql turns any displayable error into a message and keeps the original as its source, so resolvers use
/// plain `?`. An error without a domain error as its source comes from async-graphql, which rejected a value:
/// `INVALID_INPUT`.
pub struct ErrorCodeExtension;

impl ExtensionFactory for ErrorCodeExtension {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(ErrorCodeExtension)
    }
}

#[async_trait::async_trait]
impl Extension for ErrorCodeExtension {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let response = with_codes(next.run(ctx).await);
        if let Some(services) = ctx.data_opt::<Services>() {
            let failed = response.errors.iter().filter_map(|error| error.source::<Error>());
            for cause in failed {
                if let Error::Database(error) = cause {
                    services.db.storage().record_failure(error);
                }
            }
        }
        response
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        next.run(ctx, stream).map(with_codes).boxed()
    }
}

fn with_codes(mut response: Response) -> Response {
    response.errors.iter_mut().for_each(attach_code);
    response
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
