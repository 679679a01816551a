//! Expires what is overdue before a domain of money answers.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Error, Pos, Response};

use crate::Services;

/// Calls [`Services::expire_overdue`] once for each operation, before any of its resolvers: for a domain whose answers
/// all depend on it.
pub struct ExpiryExtension;

impl ExtensionFactory for ExpiryExtension {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(ExpiryExtension)
    }
}

#[async_trait::async_trait]
impl Extension for ExpiryExtension {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        match ctx.data_unchecked::<Services>().expire_overdue().await {
            Ok(()) => next.run(ctx, operation_name).await,
            Err(error) => Response::from_errors(vec![Error::from(error).into_server_error(Pos::default())]),
        }
    }
}
