//! A votes subgraph on its own database file, and people with the ids 1 to `people`.

use std::ops::Deref;

use contract::Viewer;
use entities::authority::Authority;
use entities::post::{self, NewPost};
use entities::{post_votes, user, user_change};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use testing::{Answer, NEW_YEAR_US, TestDomain, TestServices};
pub use testing::{member, service};

/// Votes for a post: `post`, and perhaps an idempotency key.
pub const UPVOTE: &str = "mutation($post: ID!, $key: String) {
    votes: upvote(postId: $post, idempotencyKey: $key) { id upvotes downvotes score }
}";

/// Votes against a post: `post`, and perhaps an idempotency key.
pub const DOWNVOTE: &str = "mutation($post: ID!, $key: String) {
    votes: downvote(postId: $post, idempotencyKey: $key) { id upvotes downvotes score }
}";

/// Clears the vote on a post: `post`.
pub const CLEAR: &str = "mutation($post: ID!) {
    votes: clearVote(postId: $post) { id upvotes downvotes score }
}";

/// Reads the votes on a post: `post`.
pub const POST_VOTES: &str = "query($post: ID!) {
    votes: postVotes(postId: $post) { id upvotes downvotes score }
}";

/// The score of a post, and the caller's vote on it: `post`.
pub const MY_VOTE: &str = "query($post: ID!) { votes: postVotes(postId: $post) { upvotes downvotes score myVote } }";

/// A page of the posts by score, by any of the list's arguments.
pub const TOP_POSTS: &str = "query($community: String, $first: Int, $last: Int, $after: String, $before: String) {
        list: topPosts(community: $community, first: $first, last: $last, after: $after, before: $before) {
            nodes { id score } edges { cursor } pageInfo { endCursor }
        }
    }";

/// A page of the ids with votes.
pub const TOP_VOTED: &str = "query($first: Int, $last: Int, $after: String) {
    list: topVoted(first: $first, last: $last, after: $after) {
        nodes { id score } edges { cursor node { id score } } pageInfo { endCursor hasNextPage }
    }
}";

/// These posts by score: `ids`.
pub const BY_SCORE: &str = "query($ids: [ID!]!) { list: postsByScore(ids: $ids) { id score } }";

/// The votes on posts as other subgraphs refer to them: `of`.
pub const ENTITIES: &str = "query($of: [_Any!]!) {
    _entities(representations: $of) { ... on Post { id upvotes downvotes score myVote } }
}";

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

    /// Runs [`UPVOTE`], [`DOWNVOTE`] or [`CLEAR`] and returns the post's votes from the response.
    pub async fn vote(&self, viewer: &Viewer, how: &str, post: i64) -> Value {
        let answer = self
            .client(viewer)
            .query(how, json!({ "post": post.to_string() }))
            .await;
        answer.at("votes").clone()
    }

    /// Repeats a program's vote on each id the given number of times.
    pub async fn count(&self, how: &str, posts: &[(i64, usize)]) {
        for &(post, times) in posts {
            for _ in 0..times {
                self.vote(&service(), how, post).await;
            }
        }
    }

    /// Returns the ids and scores of a list, [`TOP_POSTS`] or [`TOP_VOTED`], by these arguments.
    pub async fn list(&self, list: &str, args: Value) -> Vec<(i64, i64)> {
        let answer = self.anonymous().query(list, args).await;
        ids_and_scores(answer.at("list.nodes"))
    }

    /// Resolves posts through `_entities`, as other subgraphs refer to them.
    pub async fn entities(&self, viewer: &Viewer, ids: &[i64]) -> Answer {
        let of = ids
            .iter()
            .map(|id| json!({ "__typename": "Post", "id": id.to_string() }));
        let of: Value = of.collect();
        self.client(viewer).query(ENTITIES, json!({ "of": of })).await
    }
}

/// Returns the ids and scores of `{ id score }` nodes.
pub fn ids_and_scores(posts: &Value) -> Vec<(i64, i64)> {
    let number = |id: &Value| testing::number_of(id.as_str().unwrap());
    let posts = posts.as_array().unwrap().iter();
    posts
        .map(|post| (number(&post["id"]), post["score"].as_i64().unwrap()))
        .collect()
}

/// Returns the JSON of a post's votes.
pub fn votes(post: i64, upvotes: i64, downvotes: i64) -> Value {
    json!({ "id": format!("post_{post}"), "upvotes": upvotes, "downvotes": downvotes, "score": upvotes - downvotes })
}
