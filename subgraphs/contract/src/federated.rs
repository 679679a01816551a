//! What every domain's schema has in common, so that a domain says only what is its own.

use async_graphql::{ObjectType, SDLExportOptions, Schema, SchemaBuilder, SubscriptionType, ValidationMode};

use crate::ErrorCodes;

/// The schema of a domain, to be given its services and loaders and finished: a subgraph of federation 2 whose errors
/// have codes.
pub fn federated<Q, M, S>() -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    S: SubscriptionType + Default + 'static,
{
    Schema::build(Q::default(), M::default(), S::default())
        .extension(ErrorCodes)
        // The router has validated what it sends; to do it again here would cost as much as a small answer.
        .validation_mode(ValidationMode::Fast)
        .enable_federation()
        .enable_subscription_in_federation()
}

/// What the supergraph is composed from: the schema of a domain as text, the same for the same types.
pub fn federated_sdl<Q, M, S>() -> String
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    S: SubscriptionType + Default + 'static,
{
    federated::<Q, M, S>().finish().sdl_with_options(
        SDLExportOptions::new()
            .federation()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .use_space_ident(),
    )
}
