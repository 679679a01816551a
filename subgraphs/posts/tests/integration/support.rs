//! A posts subgraph on its own database file, with four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;
use std::time::Duration;

use contract::Viewer;
use entities::authority::Authority;
use entities::{user, user_change};
use posts::PostsSchema;
use serde_json::Value;
pub use testing::{NEW_YEAR_US, admin, code, member, service};
use testing::{TestDomain, TestServices};

pub const ADA: i64 = 1;
pub const BEN: i64 = 2;
pub const CLEO: i64 = 3;
pub const DAN: i64 = 4;

pub struct PostsDomain(TestDomain<PostsSchema>);

impl Deref for PostsDomain {
    type Target = TestDomain<PostsSchema>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl PostsDomain {
    /// A database without posts.
    pub async fn new() -> Self {
        Self::with_bus(1_024).await
    }

    /// A database without posts, whose subscribers may lag that many events.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::new(NEW_YEAR_US, capacity).await;
        let domain = Self(TestDomain::new(services, posts::schema));
        for name in ["Ada", "ben", "cleo", "dan"] {
            domain.add_user(name).await;
        }
        domain
    }

    /// Adds a person, who gets the next id.
    pub async fn add_user(&self, username: &'static str) {
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
        let input = format!(r#"title: "{title}", text: "about {title}", community: "{community}""#);
        let made = create(self, &member(author), &input).await;
        made["data"]["createPost"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{made}"))
            .to_owned()
    }

    /// Like [`post_at_once`](Self::post_at_once), but moves the clock by one second first.
    pub async fn post(&self, author: i64, community: &str, title: &str) -> String {
        self.clock.advance(Duration::from_secs(1));
        self.post_at_once(author, community, title).await
    }

    /// Deletes the post as an administrator.
    pub async fn delete(&self, id: &str) {
        let gone = self
            .ask(&admin(), &format!("mutation {{ deletePost(id: {id}) }}"))
            .await;
        assert_eq!(gone["data"]["deletePost"], true, "{gone}");
    }

    /// Returns the titles of a list of posts, such as `recentPosts(first: 2)`.
    pub async fn titles(&self, list: &str) -> Vec<String> {
        let answer = self
            .ask(
                &Viewer::Anonymous,
                &format!("{{ list: {list} {{ nodes {{ title }} }} }}"),
            )
            .await;
        titles(&answer["data"]["list"])
    }

    /// Returns `fields` of a person, with the code of the first error.
    pub async fn of_person(&self, id: i64, fields: &str) -> (Value, String) {
        let document = format!(
            r#"{{ _entities(representations: [{{ __typename: "User", id: "{id}" }}]) {{ ... on User {{ {fields} }} }} }}"#
        );
        let answer = self.ask(&Viewer::Anonymous, &document).await;
        (answer["data"]["_entities"][0].clone(), code(&answer).to_owned())
    }
}

/// Creates a post from these fields of the input and returns the whole response.
pub async fn create(domain: &PostsDomain, viewer: &Viewer, input: &str) -> Value {
    create_with(domain, viewer, input, "").await
}

/// Like [`create`], with more arguments.
pub async fn create_with(domain: &PostsDomain, viewer: &Viewer, input: &str, more: &str) -> Value {
    let fields = "id title text url community { name } username author { id } at";
    let document = format!("mutation {{ createPost(input: {{ {input} }}{more}) {{ {fields} }} }}");
    domain.ask(viewer, &document).await
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
