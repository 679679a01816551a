//! A messages subgraph on its own database file, with four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;
use std::time::Duration;

use contract::Viewer;
use serde_json::{Value, json};
use testing::{Answer, NEW_YEAR_US, TestDomain, TestServices};
pub use testing::{admin, member, service};

/// Sends a message by any of the mutation's arguments.
pub const SEND: &str = "mutation($to: String!, $contents: String!, $flag: String, $from: String, $key: String) {
        sendMessage(to: $to, contents: $contents, flag: $flag, from: $from, idempotencyKey: $key) {
            id contents flag favorite read at from { id } to { id }
        }
    }";

/// Reads a message: `id`.
pub const MESSAGE: &str =
    "query($id: ID!) { message(id: $id) { id contents flag favorite read at from { id } to { id } } }";

/// Marks a message as a favourite: `id`.
pub const FAVORITE: &str = "mutation($id: ID!) { favoriteMessage(id: $id) { favorite } }";

/// Marks messages as read: `ids`.
pub const MARK_READ: &str = "mutation($ids: [ID!]!) { markRead(ids: $ids) }";

/// Deletes a message: `id`.
pub const DELETE: &str = "mutation($id: ID!) { deleteMessage(id: $id) }";

/// A person's received messages, by any of the list's arguments.
pub const INBOX: &str = "query($of: [_Any!]!, $favorite: Boolean, $unread: Boolean,
        $first: Int, $last: Int, $after: String, $before: String) {
    _entities(representations: $of) { ... on User {
        id
        inbox(favorite: $favorite, unread: $unread, first: $first, last: $last, after: $after, before: $before) {
            nodes { contents } edges { cursor } pageInfo { hasNextPage endCursor }
        }
    } }
}";

/// The messages that a person sent.
pub const SENT: &str = "query($of: [_Any!]!) {
    _entities(representations: $of) { ... on User { id sent { nodes { contents } } } }
}";

/// The number of messages that a person has not read.
pub const UNREAD: &str = "query($of: [_Any!]!) {
    _entities(representations: $of) { ... on User { id unreadCount } }
}";

pub const ADA: i64 = 1;
pub const BEN: i64 = 2;
pub const CLEO: i64 = 3;
pub const DAN: i64 = 4;

pub struct MessagesDomain(TestDomain);

impl Deref for MessagesDomain {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl MessagesDomain {
    /// A database without messages.
    pub async fn new() -> Self {
        Self::with_bus(contract::InProcessBus::EVENTS_MAX).await
    }

    /// A database without messages, whose subscribers may lag that many events.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::with_events_max(NEW_YEAR_US, capacity).await;
        let domain = Self(TestDomain::new(services, messages::schema));
        for name in ["Ada", "ben", "cleo", "dan"] {
            domain.add_user(name).await;
        }
        domain
    }

    /// Moves the clock by one second, sends a message and returns its id.
    pub async fn send(&self, from: i64, to: &str, contents: &str) -> String {
        self.clock.advance(Duration::from_secs(1));
        let message = json!({ "to": to, "contents": contents });
        let sent = self.member(from).query(SEND, message).await;
        sent.text("sendMessage.id").to_owned()
    }

    /// Executes a document about one person, such as [`INBOX`], as that viewer.
    pub async fn of_person(&self, viewer: &Viewer, id: i64, document: &str, mut args: Value) -> Answer {
        args["of"] = json!([{ "__typename": "User", "id": id.to_string() }]);
        self.client(viewer).query(document, args).await
    }

    /// Returns the contents of the person's inbox, by these arguments of the list.
    pub async fn inbox(&self, owner: i64, args: Value) -> Vec<String> {
        let inbox = self.of_person(&member(owner), owner, INBOX, args).await;
        texts(inbox.all("_entities.0.inbox.nodes.*.contents"))
    }

    /// Returns the contents of the messages that the person sent.
    pub async fn sent(&self, owner: i64) -> Vec<String> {
        let sent = self.of_person(&member(owner), owner, SENT, json!({})).await;
        texts(sent.all("_entities.0.sent.nodes.*.contents"))
    }

    /// Returns the number of messages that the person has not read.
    pub async fn unread(&self, owner: i64) -> i64 {
        let unread = self.of_person(&member(owner), owner, UNREAD, json!({})).await;
        unread.at("_entities.0.unreadCount").as_i64().unwrap()
    }
}

/// Returns strings as such.
pub fn texts(values: Vec<&Value>) -> Vec<String> {
    let texts = values.into_iter().map(|value| value.as_str().unwrap());
    texts.map(str::to_owned).collect()
}
