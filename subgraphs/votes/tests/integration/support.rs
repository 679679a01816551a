//! A votes subgraph on its own database file, and people with the ids 1 to `people`.

use std::ops::Deref;

use contract::Viewer;
use entities::authority::Authority;
use entities::post::{self, NewPost};
use entities::{post_votes, user, user_change};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
pub use testing::{NEW_YEAR_US, code, member, service};
use testing::{TestDomain, TestServices};

/// The fields of a post's votes.
pub const VOTES: &str = "id upvotes downvotes score";

pub struct VotesDomain(TestDomain);

impl Deref for VotesDomain {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl VotesDomain {
    /// A database without votes.
    pub async fn with_people(people: usize) -> Self {
        Self::with(people, contract::InProcessBus::EVENTS_MAX, votes::Settings::default()).await
    }

    /// A database without votes, with these settings, whose subscribers may lag that many events.
    pub async fn with(people: usize, events_max: usize, settings: votes::Settings) -> Self {
        let services = TestServices::with_events_max(NEW_YEAR_US, events_max).await;
        let domain = Self(TestDomain::new(services, |services| {
            votes::schema_with(services, settings)
        }));
        let joined = domain.services.db.write(async move |tx| {
            for number in 1..=people {
                let person = user::Model::with_username(format!("person {number}"), NEW_YEAR_US);
                assert!(user::insert(tx, person).await?.is_ok());
            }
            Ok(())
        });
        joined.await.unwrap();
        domain
    }

    /// Creates the post with that id in that community.
    pub async fn begin(&self, post: i64, community: &'static str) -> post_votes::Model {
        let begin = async move |tx: &contract::Tx| Ok(post_votes::begin(tx, post, community, NEW_YEAR_US).await?);
        self.services.db.write(begin).await.unwrap()
    }

    /// Deletes the post with that id.
    pub async fn forget(&self, post: i64) -> post_votes::Model {
        let forget = async move |tx: &contract::Tx| Ok(post_votes::forget(tx, post, NEW_YEAR_US).await?);
        self.services.db.write(forget).await.unwrap()
    }

    /// Creates a post by that person, or by an author without an account. Returns its id.
    pub async fn post(&self, author: Option<i64>) -> i64 {
        let new = NewPost {
            title: "A title".to_owned(),
            text: "What it says".to_owned(),
            community: "News".to_owned(),
            url: None,
            username: "author".to_owned(),
            author_id: author,
            at_us: NEW_YEAR_US,
        };
        let add = async move |tx: &contract::Tx| Ok(post::add(tx, new.clone(), NEW_YEAR_US).await?);
        self.services.db.write(add).await.unwrap().0.id
    }

    /// Deletes the post with that id, if it exists.
    pub async fn delete(&self, post: i64) {
        let remove = async move |tx: &contract::Tx| Ok(post::remove(tx, post, NEW_YEAR_US).await?);
        self.services.db.write(remove).await.unwrap();
    }

    /// Deactivates the person's account.
    pub async fn deactivate(&self, person: i64) {
        let leave = async move |tx: &contract::Tx| {
            Ok(user_change::deactivate(tx, &Authority::Full, person, NEW_YEAR_US).await?)
        };
        self.services.db.write(leave).await.unwrap();
    }

    /// Replaces the settings.
    pub fn set(&mut self, settings: votes::Settings) {
        self.0.schema = votes::schema_with(self.0.services.clone(), settings);
    }

    /// Executes SQL directly and bypasses the rules of the domain.
    pub async fn execute(&self, sql: &str) {
        let sql = sql.to_owned();
        let execute = async move |tx: &contract::Tx| Ok(tx.execute_unprepared(&sql).await?);
        self.services.db.write(execute).await.unwrap();
    }

    /// Sets the person's karma.
    pub async fn set_karma(&self, person: i64, karma: i64) {
        self.execute(&format!("UPDATE account SET karma = {karma} WHERE id = {person}"))
            .await;
    }

    /// Returns the person's karma.
    pub async fn karma(&self, person: i64) -> i64 {
        user::by_id(self.services.db.read(), person)
            .await
            .unwrap()
            .unwrap()
            .karma
    }

    /// Runs `upvote`, `downvote` or `clearVote` and returns the post's votes from the response.
    pub async fn vote(&self, viewer: &Viewer, how: &str, post: i64) -> Value {
        let document = format!("mutation {{ {how}(postId: {post}) {{ {VOTES} }} }}");
        let answer = self.ask(viewer, &document).await;
        assert_eq!(code(&answer), "OK", "{answer}");
        answer["data"][how].clone()
    }

    /// Repeats a program's vote on each id the given number of times.
    pub async fn count(&self, how: &str, posts: &[(i64, usize)]) {
        for &(post, times) in posts {
            for _ in 0..times {
                self.vote(&service(), how, post).await;
            }
        }
    }

    /// Returns the result of `query`, which must succeed.
    pub async fn read(&self, viewer: &Viewer, query: &str) -> Value {
        let answer = self.ask(viewer, &format!("{{ it: {query} }}")).await;
        assert_eq!(code(&answer), "OK", "{answer}");
        answer["data"]["it"].clone()
    }

    /// Returns the ids and scores of a list, such as `topPosts(first: 3)`.
    pub async fn list(&self, list: &str) -> Vec<(i64, i64)> {
        let nodes = self
            .read(&Viewer::Anonymous, &format!("{list} {{ nodes {{ id score }} }}"))
            .await;
        ids_and_scores(&nodes["nodes"])
    }

    /// Resolves fields of posts through `_entities`, as other subgraphs refer to them.
    pub async fn entities(&self, viewer: &Viewer, ids: &[i64], fields: &str) -> Value {
        let represented: Vec<String> = ids
            .iter()
            .map(|id| format!(r#"{{ __typename: "Post", id: "{id}" }}"#))
            .collect();
        let represented = represented.join(", ");
        self.read(
            viewer,
            &format!("_entities(representations: [{represented}]) {{ ... on Post {{ {fields} }} }}"),
        )
        .await
    }
}

/// Returns the ids and scores of `{ id score }` nodes.
pub fn ids_and_scores(posts: &Value) -> Vec<(i64, i64)> {
    let number = |id: &Value| id.as_str().unwrap().parse().unwrap();
    let posts = posts.as_array().unwrap().iter();
    posts
        .map(|post| (number(&post["id"]), post["score"].as_i64().unwrap()))
        .collect()
}

/// Returns the JSON of a post's votes.
pub fn votes(post: i64, upvotes: i64, downvotes: i64) -> Value {
    json!({ "id": post.to_string(), "upvotes": upvotes, "downvotes": downvotes, "score": upvotes - downvotes })
}
