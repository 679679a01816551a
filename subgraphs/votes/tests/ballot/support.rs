//! A ballot on a file of its own, and people with the ids 1 to as many.

use std::ops::Deref;

use contract::Viewer;
use entities::authority::Authority;
use entities::post::{self, NewPost};
use entities::{post_votes, user};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
pub use testing::{NEW_YEAR_US, code, member, service};
use testing::{TestDomain, TestServices};
use votes::VotesSchema;

/// What a post's votes are asked by.
pub const VOTES: &str = "id upvotes downvotes score";

pub struct Ballot(TestDomain<VotesSchema>);

impl Deref for Ballot {
    type Target = TestDomain<VotesSchema>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Ballot {
    /// Nobody voted yet.
    pub async fn of(people: usize) -> Self {
        Self::with(people, 1_024, votes::Settings::default()).await
    }

    /// Nobody voted yet, subscribers may fall that many events behind, and these are the settings.
    pub async fn with(people: usize, events_max: usize, settings: votes::Settings) -> Self {
        let services = TestServices::new(NEW_YEAR_US, events_max).await;
        let ballot = Self(TestDomain::new(services, |services| {
            votes::schema_with(services, settings)
        }));
        let joined = ballot.services.db.write(async move |tx| {
            for number in 1..=people {
                let person = user::Model::named(format!("person {number}"), NEW_YEAR_US);
                assert!(user::join(tx, person).await?.is_ok());
            }
            Ok(())
        });
        joined.await.unwrap();
        ballot
    }

    /// A post with that id is made in that community.
    pub async fn begin(&self, post: i64, community: &'static str) -> post_votes::Model {
        let begin = async move |tx: &contract::Tx| Ok(post_votes::begin(tx, post, community, NEW_YEAR_US).await?);
        self.services.db.write(begin).await.unwrap()
    }

    /// The post with that id is deleted.
    pub async fn forget(&self, post: i64) -> post_votes::Model {
        let forget = async move |tx: &contract::Tx| Ok(post_votes::forget(tx, post, NEW_YEAR_US).await?);
        self.services.db.write(forget).await.unwrap()
    }

    /// A post of that person, or of nobody who has an account; its id.
    pub async fn post(&self, author: Option<i64>) -> i64 {
        let new = NewPost {
            title: "A title".to_owned(),
            text: "What it says".to_owned(),
            community: "News".to_owned(),
            url: None,
            username: "somebody".to_owned(),
            author_id: author,
            at_us: NEW_YEAR_US,
        };
        let add = async move |tx: &contract::Tx| Ok(post::add(tx, new.clone(), NEW_YEAR_US).await?);
        self.services.db.write(add).await.unwrap().0.id
    }

    /// The post with that id is deleted, if there is one.
    pub async fn delete(&self, post: i64) {
        let remove = async move |tx: &contract::Tx| Ok(post::remove(tx, post, NEW_YEAR_US).await?);
        self.services.db.write(remove).await.unwrap();
    }

    /// The person's account ends.
    pub async fn leave(&self, person: i64) {
        let leave =
            async move |tx: &contract::Tx| Ok(user::deactivate(tx, &Authority::Full, person, NEW_YEAR_US).await?);
        self.services.db.write(leave).await.unwrap();
    }

    /// The same ballot from now on with other settings.
    pub fn set(&mut self, settings: votes::Settings) {
        self.0.schema = votes::schema_with(self.0.services.clone(), settings);
    }

    /// Changes the tables past every rule.
    pub async fn execute(&self, sql: &str) {
        let sql = sql.to_owned();
        let execute = async move |tx: &contract::Tx| Ok(tx.execute_unprepared(&sql).await?);
        self.services.db.write(execute).await.unwrap();
    }

    /// From now on that person has that karma.
    pub async fn set_karma(&self, person: i64, karma: i64) {
        self.execute(&format!("UPDATE account SET karma = {karma} WHERE id = {person}"))
            .await;
    }

    /// What others think of that person.
    pub async fn karma(&self, person: i64) -> i64 {
        user::by_id(self.services.db.read(), person)
            .await
            .unwrap()
            .unwrap()
            .karma
    }

    /// `upvote`, `downvote` or `clearVote`: what is answered of the post's votes.
    pub async fn vote(&self, viewer: &Viewer, how: &str, post: i64) -> Value {
        let document = format!("mutation {{ {how}(postId: {post}) {{ {VOTES} }} }}");
        let answer = self.ask(viewer, &document).await;
        assert_eq!(code(&answer), "OK", "{answer}");
        answer["data"][how].clone()
    }

    /// The same vote for each of these ids, by a program, as often as it says.
    pub async fn count(&self, how: &str, posts: &[(i64, usize)]) {
        for &(post, times) in posts {
            for _ in 0..times {
                self.vote(&service(), how, post).await;
            }
        }
    }

    /// The part of a query under `it`; nothing went wrong.
    pub async fn read(&self, viewer: &Viewer, query: &str) -> Value {
        let answer = self.ask(viewer, &format!("{{ it: {query} }}")).await;
        assert_eq!(code(&answer), "OK", "{answer}");
        answer["data"]["it"].clone()
    }

    /// The ids of a list, with the scores: `topPosts(first: 3)`.
    pub async fn list(&self, list: &str) -> Vec<(i64, i64)> {
        let nodes = self
            .read(&Viewer::Anonymous, &format!("{list} {{ nodes {{ id score }} }}"))
            .await;
        ids_and_scores(&nodes["nodes"])
    }

    /// The fields of posts that other domains refer to.
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

/// What `{ id score }` of posts came to.
pub fn ids_and_scores(posts: &Value) -> Vec<(i64, i64)> {
    let number = |id: &Value| id.as_str().unwrap().parse().unwrap();
    let posts = posts.as_array().unwrap().iter();
    posts
        .map(|post| (number(&post["id"]), post["score"].as_i64().unwrap()))
        .collect()
}

/// Votes as they are answered.
pub fn votes(post: i64, upvotes: i64, downvotes: i64) -> Value {
    json!({ "id": post.to_string(), "upvotes": upvotes, "downvotes": downvotes, "score": upvotes - downvotes })
}
