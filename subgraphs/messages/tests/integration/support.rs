//! A messages subgraph on its own database file, with four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;
use std::time::Duration;

use contract::Viewer;
use entities::authority::Authority;
use entities::{user, user_change};
use messages::MessagesSchema;
use serde_json::Value;
pub use testing::{NEW_YEAR_US, admin, code, member, service};
use testing::{TestDomain, TestServices};

pub const ADA: i64 = 1;
pub const BEN: i64 = 2;
pub const CLEO: i64 = 3;
pub const DAN: i64 = 4;

pub struct MessagesDomain(TestDomain<MessagesSchema>);

impl Deref for MessagesDomain {
    type Target = TestDomain<MessagesSchema>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl MessagesDomain {
    /// A database without messages.
    pub async fn new() -> Self {
        Self::with_bus(1_024).await
    }

    /// A database without messages, whose subscribers may lag that many events.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::new(NEW_YEAR_US, capacity).await;
        let domain = Self(TestDomain::new(services, messages::schema));
        for name in ["Ada", "ben", "cleo", "dan"] {
            domain.add_user(name).await;
        }
        domain
    }

    async fn add_user(&self, username: &'static str) {
        let joined = self
            .services
            .db
            .write(async move |tx| Ok(user::insert(tx, user::Model::with_username(username, NEW_YEAR_US)).await?))
            .await;
        assert!(joined.unwrap().is_ok());
    }

    /// Deactivates the person's account.
    pub async fn deactivate(&self, id: i64) {
        self.services
            .db
            .write(async move |tx| Ok(user_change::deactivate(tx, &Authority::Full, id, NEW_YEAR_US).await?))
            .await
            .unwrap();
    }

    /// Moves the clock by one second, sends a message and returns its id.
    pub async fn send(&self, from: i64, to: &str, contents: &str) -> String {
        self.clock.advance(Duration::from_secs(1));
        let document = format!(r#"mutation {{ sendMessage(to: "{to}", contents: "{contents}") {{ id }} }}"#);
        let sent = self.ask(&member(from), &document).await;
        sent["data"]["sendMessage"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{sent}"))
            .to_owned()
    }

    /// Returns `fields` of a person as the viewer sees them, with the code of the first error.
    pub async fn of_person(&self, viewer: &Viewer, id: i64, fields: &str) -> (Value, String) {
        let document = format!(
            r#"{{ _entities(representations: [{{ __typename: "User", id: "{id}" }}]) {{ ... on User {{ {fields} }} }} }}"#
        );
        let answer = self.ask(viewer, &document).await;
        (answer["data"]["_entities"][0].clone(), code(&answer).to_owned())
    }

    /// Returns the contents of a person's list, such as `inbox(first: 2)`.
    pub async fn list(&self, owner: i64, list: &str) -> Vec<String> {
        let fields = format!("list: {list} {{ nodes {{ contents }} }}");
        let (person, _) = self.of_person(&member(owner), owner, &fields).await;
        let nodes = person["list"]["nodes"].as_array();
        nodes
            .unwrap_or_else(|| panic!("{person}"))
            .iter()
            .map(|message| message["contents"].as_str().unwrap().to_owned())
            .collect()
    }
}
