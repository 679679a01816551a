//! A posts subgraph on its own database file, with four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;
use std::time::Duration;

use contract::Viewer;
use entities::authority::Authority;
use entities::user_change;
use serde_json::{Value, json};
use testing::{Answer, NEW_YEAR_US, TestDomain, TestServices};
pub use testing::{admin, member, service};

/// Creates a post: `input`, and perhaps an idempotency key.
pub const CREATE: &str = "mutation($input: PostInput!, $key: String) {
    createPost(input: $input, idempotencyKey: $key) {
        id title text url community { name } username author { id } at
    }
}";

/// Reads a post: `id`.
pub const POST: &str = "query($id: ID!) {
    post(id: $id) { id title text url community { name } username author { id } at }
}";

/// Deletes a post: `id`.
pub const DELETE: &str = "mutation($id: ID!) { deletePost(id: $id) }";

/// A page of the recent posts, by any of the list's arguments.
pub const RECENT: &str = "query($community: String, $first: Int, $last: Int, $after: String, $before: String) {
        recentPosts(community: $community, first: $first, last: $last, after: $after, before: $before) {
            nodes { title } edges { cursor } pageInfo { hasNextPage endCursor }
        }
    }";

/// A page of the posts of a person: `of`, and perhaps `first` and `after`.
pub const POSTS_OF_PERSON: &str = "query($of: [_Any!]!, $first: Int, $after: String) {
    _entities(representations: $of) { ... on User {
        id
        posts(first: $first, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } }
    } }
}";

/// All communities.
pub const COMMUNITIES: &str = "{ communities { nodes { name } } }";

pub const ADA: i64 = 1;
pub const BEN: i64 = 2;
pub const CLEO: i64 = 3;
pub const DAN: i64 = 4;

pub struct PostsDomain(TestDomain);

impl Deref for PostsDomain {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl PostsDomain {
    /// A database without posts.
    pub async fn new() -> Self {
        Self::with_bus(contract::InProcessBus::EVENTS_MAX).await
    }

    /// A database without posts, whose subscribers may lag that many events.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::with_events_max(NEW_YEAR_US, capacity).await;
        let domain = Self(TestDomain::new(services, posts::schema));
        for name in ["Ada", "ben", "cleo", "dan"] {
            domain.add_user(name).await;
        }
        domain
    }

    /// Erases the person.
    pub async fn erase(&self, id: i64) {
        self.services
            .db
            .write(async move |tx| Ok(user_change::erase(tx, &Authority::Full, id, NEW_YEAR_US).await?))
            .await
            .unwrap();
    }

    /// Creates a post without moving the clock and returns its id.
    pub async fn post_at_once(&self, author: i64, community: &str, title: &str) -> String {
        let input = json!({ "title": title, "text": format!("about {title}"), "community": community });
        let made = create(self, &member(author), &input).await;
        made.text("createPost.id").to_owned()
    }

    /// Like [`post_at_once`](Self::post_at_once), but moves the clock by one second first.
    pub async fn post(&self, author: i64, community: &str, title: &str) -> String {
        self.clock.advance(Duration::from_secs(1));
        self.post_at_once(author, community, title).await
    }

    /// Deletes the post as an administrator.
    pub async fn delete(&self, id: &str) {
        let gone = self.admin().query(DELETE, json!({ "id": id })).await;
        assert_eq!(gone, json!({ "data": { "deletePost": true } }));
    }

    /// Returns the titles of the recent posts, by these arguments of the list.
    pub async fn titles(&self, args: Value) -> Vec<String> {
        let answer = self.anonymous().query(RECENT, args).await;
        titles(answer.at("recentPosts"))
    }

    /// Returns the posts of a person, by any arguments of the list.
    pub async fn posts_of(&self, id: i64, mut args: Value) -> Answer {
        args["of"] = json!([{ "__typename": "User", "id": id.to_string() }]);
        self.anonymous().query(POSTS_OF_PERSON, args).await
    }
}

/// Creates a post and returns the whole response.
pub async fn create(domain: &PostsDomain, viewer: &Viewer, input: &Value) -> Answer {
    domain.client(viewer).query(CREATE, json!({ "input": input })).await
}

/// Like [`create`], with an idempotency key.
pub async fn create_with_key(domain: &PostsDomain, viewer: &Viewer, input: &Value, key: &str) -> Answer {
    let args = json!({ "input": input, "key": key });
    domain.client(viewer).query(CREATE, args).await
}

/// Returns the titles of a connection's nodes.
pub fn titles(connection: &Value) -> Vec<String> {
    let nodes = connection["nodes"].as_array();
    nodes
        .unwrap_or_else(|| panic!("{connection}"))
        .iter()
        .map(|post| post["title"].as_str().unwrap().to_owned())
        .collect()
}
