//! Accounts: people, their sign-in, the authorizations that investors grant to brokers, and the closing of accounts.

use std::sync::Arc;

use async_graphql::{MergedObject, MergedSubscription, Schema};
use contract::{InvalidationSubscription, Services, federated, federated_sdl, loader, rows, settled_rows};

mod authorization;
mod create_user;
pub mod demo;
mod departure;
mod grant;
mod joined;
mod karma;
mod password;
mod person;
mod profile;
mod session;
mod settings;
mod setup;
mod sign_in;
mod throttle;
mod user;

pub use session::{EndedSession, ended_sessions};
pub use settings::{Settings, SettingsFlags};
pub use setup::create_admin;

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
    departure::DepartureMutation,
    grant::GrantMutation,
);

/// The fields that a client can subscribe to.
// Accounts serves the invalidations of all domains, which arrive over the event bus.
#[derive(MergedSubscription, Default)]
pub struct Subscription(InvalidationSubscription);

/// The domain's schema.
pub type AccountsSchema = Schema<Query, Mutation, Subscription>;

/// Builds the domain's executable schema with the default [`Settings`].
pub fn schema(services: Services) -> AccountsSchema {
    schema_with(services, Settings::default())
}

/// Builds the domain's executable schema.
pub fn schema_with(services: Services, settings: Settings) -> AccountsSchema {
    federated()
        .data(Arc::new(session::SignInDesk::new(settings)))
        .data(rows::<entities::user::Entity>(&services.db))
        .data(loader(user::ByUsername(services.db.clone())))
        .data(settled_rows::<entities::authorization::Entity>(&services))
        .data(services)
        .finish()
}

/// Returns the SDL that the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, Subscription>()
}
