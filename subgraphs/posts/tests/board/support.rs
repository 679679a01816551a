//! A board on a file of its own, and four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;
use std::time::Duration;

use contract::Viewer;
use entities::authority::Authority;
use entities::user;
use posts::PostsSchema;
use serde_json::Value;
pub use testing::{NEW_YEAR_US, admin, code, member, service};
use testing::{TestDomain, TestServices};

pub const ADA: i64 = 1;
pub const BEN: i64 = 2;
pub const CLEO: i64 = 3;
pub const DAN: i64 = 4;

pub struct Board(TestDomain<PostsSchema>);

impl Deref for Board {
    type Target = TestDomain<PostsSchema>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Board {
    /// Nobody posted yet.
    pub async fn new() -> Self {
        Self::with_bus(1_024).await
    }

    /// Nobody posted yet, and subscribers may fall that many events behind.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::new(NEW_YEAR_US, capacity).await;
        let board = Self(TestDomain::new(services, posts::schema));
        for name in ["Ada", "ben", "cleo", "dan"] {
            board.join(name).await;
        }
        board
    }

    /// Somebody new, with the next id.
    pub async fn join(&self, username: &'static str) {
        let joined = self
            .services
            .db
            .write(async move |tx| Ok(user::join(tx, user::Model::named(username, NEW_YEAR_US)).await?))
            .await;
        assert!(joined.unwrap().is_ok());
    }

    /// The person's account ends.
    pub async fn deactivate(&self, id: i64) {
        self.services
            .db
            .write(async move |tx| Ok(user::deactivate(tx, &Authority::Full, id, NEW_YEAR_US).await?))
            .await
            .unwrap();
    }

    /// The person is erased.
    pub async fn erase(&self, id: i64) {
        self.services
            .db
            .write(async move |tx| Ok(user::erase(tx, &Authority::Full, id, NEW_YEAR_US).await?))
            .await
            .unwrap();
    }

    /// Posts at the same moment as whatever was before, and answers the post's id.
    pub async fn post_at_once(&self, author: i64, community: &str, title: &str) -> String {
        let input = format!(r#"title: "{title}", text: "about {title}", community: "{community}""#);
        let made = create(self, &member(author), &input).await;
        made["data"]["createPost"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{made}"))
            .to_owned()
    }

    /// As [`post_at_once`](Self::post_at_once), a second after whatever was before.
    pub async fn post(&self, author: i64, community: &str, title: &str) -> String {
        self.clock.advance(Duration::from_secs(1));
        self.post_at_once(author, community, title).await
    }

    /// Deletes it as an administrator.
    pub async fn delete(&self, id: &str) {
        let gone = self
            .ask(&admin(), &format!("mutation {{ deletePost(id: {id}) }}"))
            .await;
        assert_eq!(gone["data"]["deletePost"], true, "{gone}");
    }

    /// The titles of a list of posts: `recentPosts(first: 2)`.
    pub async fn titles(&self, list: &str) -> Vec<String> {
        let answer = self
            .ask(
                &Viewer::Anonymous,
                &format!("{{ list: {list} {{ nodes {{ title }} }} }}"),
            )
            .await;
        titles(&answer["data"]["list"])
    }

    /// What `fields` of a person are, with the code of the first error.
    pub async fn of_person(&self, id: i64, fields: &str) -> (Value, String) {
        let document = format!(
            r#"{{ _entities(representations: [{{ __typename: "User", id: "{id}" }}]) {{ ... on User {{ {fields} }} }} }}"#
        );
        let answer = self.ask(&Viewer::Anonymous, &document).await;
        (answer["data"]["_entities"][0].clone(), code(&answer).to_owned())
    }
}

/// Makes a post of these members of the input and answers the whole of it.
pub async fn create(board: &Board, viewer: &Viewer, input: &str) -> Value {
    create_with(board, viewer, input, "").await
}

/// As [`create`], with further arguments.
pub async fn create_with(board: &Board, viewer: &Viewer, input: &str, more: &str) -> Value {
    let fields = "id title text url community { name } username author { id } at";
    let document = format!("mutation {{ createPost(input: {{ {input} }}{more}) {{ {fields} }} }}");
    board.ask(viewer, &document).await
}

/// The titles of a connection's nodes.
pub fn titles(connection: &Value) -> Vec<String> {
    let nodes = connection["nodes"].as_array();
    nodes
        .unwrap_or_else(|| panic!("{connection}"))
        .iter()
        .map(|post| post["title"].as_str().unwrap().to_owned())
        .collect()
}
