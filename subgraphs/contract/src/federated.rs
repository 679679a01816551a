//! What every domain's schema has in common, so that a domain says only what is its own.

use async_graphql::{ObjectType, SDLExportOptions, Schema, SchemaBuilder, SubscriptionType, ValidationMode};

use crate::ErrorCodes;

// What all domains share is said here once, in the same words for each of them: a type of the public schema has one
// description, whichever domain it is taken from.
const QUERY: &str = "What can be read.

What is for operators is for administrators and for other programs: those with a service credential. Lists come in pages: `first` or `last` nodes, 0 to 100 and the first 25 if neither is given, of those
after the cursor `after` and before the cursor `before`. Errors have a stable code, `extensions.code`.";
const MUTATION: &str = "What can be changed.

An `idempotencyKey`, up to 255 characters that the caller makes up, lets a request be sent again when its answer was
lost: it has no second effect and is answered as at first. The same key with another request is
`IDEMPOTENCY_MISMATCH`; a refused request leaves its key free.";

/// The schema of a domain, to be given its services and loaders and finished: a subgraph of federation 2 whose errors
/// have codes.
pub fn federated<Q, M, S>() -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    S: SubscriptionType + Default + 'static,
{
    Schema::build(Q::default(), M::default(), S::default())
        .override_output_type_description::<Q>(QUERY)
        .override_output_type_description::<M>(MUTATION)
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
            .include_specified_by()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .use_space_ident(),
    )
}
