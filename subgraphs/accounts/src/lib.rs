//! Accounts: people, their sign-in, the authorizations that investors grant to brokers, and the closing of accounts.

use std::sync::Arc;

use async_graphql::{MergedObject, MergedSubscription};
use contract::{
    DomainSchema, InvalidationSubscription, Services, batch_loader, current_row_loader, row_loader, subgraph_builder,
    subgraph_sdl,
};

mod account_closure;
mod authorization;
mod create_admin;
mod create_user;
pub mod demo;
mod grant;
mod karma;
mod password;
mod profile;
mod registration_receipt;
mod role;
mod session;
mod settings;
mod sign_in;
mod throttle;
mod user;
mod user_input;

pub use create_admin::create_admin;
pub use session::{SessionEnd, ended_sessions, has_sessions};
pub use settings::{Settings, SettingsFlags};

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(user::UserQuery, authorization::AuthorizationQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(
    sign_in::SignInMutation,
    profile::ProfileMutation,
    create_user::CreateUserMutation,
    karma::KarmaMutation,
    account_closure::AccountClosureMutation,
    grant::GrantMutation,
);

/// The fields that a client can subscribe to.
// Accounts serves the invalidations of all domains, which arrive over the event bus.
#[derive(MergedSubscription, Default)]
pub struct Subscription(InvalidationSubscription);

/// Builds the domain's executable schema with the default [`Settings`].
pub fn schema(services: Services) -> DomainSchema {
    schema_with(services, Settings::default())
}

/// Builds the domain's executable schema.
pub fn schema_with(services: Services, settings: Settings) -> DomainSchema {
    subgraph_builder::<Query, Mutation, Subscription>()
        .data(Arc::new(session::AuthService::new(settings)))
        .data(row_loader::<entities::user::Entity>(&services.db))
        .data(batch_loader(user::UserByUsernameLoader(services.db.clone())))
        .data(current_row_loader::<entities::authorization::Entity>(&services))
        .data(services)
        .finish()
}

/// Returns the SDL that the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, Subscription>()
}
