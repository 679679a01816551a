//! The common part of all domain schemas, so that a domain states only its own part.

use async_graphql::{ObjectType, SDLExportOptions, Schema, SchemaBuilder, SubscriptionType, ValidationMode};

use crate::ErrorCodeExtension;

// These descriptions are stated once for all domains: a type of the public schema has one description, whichever
// domain it is taken from.
const QUERY: &str = "The fields that read data.

Operators are administrators and programs: clients with a service credential. Lists come in pages of `first` or `last`
nodes, 0 to 100, or the first 25 if neither is given. A page lies after the cursor `after` and before the cursor
`before`. Errors have a stable code, `extensions.code`.";
const MUTATION: &str = "The fields that change data.

With an `idempotencyKey`, a text of up to 255 characters that the caller chooses, a request can safely be sent again when
its response was lost. The repeated request has no second effect, and its response is the original one. The same key
with another request is `IDEMPOTENCY_MISMATCH`. A refused request leaves its key free.";

/// Returns the builder of a domain's schema: a subgraph of federation 2 whose errors have codes. The domain adds
/// its services and loaders and finishes it.
pub fn subgraph_builder<Q, M, S>() -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    S: SubscriptionType + Default + 'static,
{
    Schema::build(Q::default(), M::default(), S::default())
        .override_output_type_description::<Q>(QUERY)
        .override_output_type_description::<M>(MUTATION)
        .extension(ErrorCodeExtension)
        // The router has validated the operation. Validating it again here would cost as much as a small answer.
        .validation_mode(ValidationMode::Fast)
        .enable_federation()
        .enable_subscription_in_federation()
}

/// Returns the schema of a domain as text, from which the supergraph is composed; the same text for the same types.
pub fn subgraph_sdl<Q, M, S>() -> String
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
    S: SubscriptionType + Default + 'static,
{
    subgraph_builder::<Q, M, S>().finish().sdl_with_options(
        SDLExportOptions::new()
            .federation()
            .include_specified_by()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .use_space_ident(),
    )
}
