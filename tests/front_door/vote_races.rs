//! A thousand votes on one post at once: the counts follow each person's last vote, and the author's karma follows
//! the counts.

use std::collections::HashMap;

use contract::Role;
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::json;
use tests::{HttpClient, TestApp};

const PEOPLE: usize = 200;
/// The votes of each person.
const VOTES: usize = 5;

const CREATE_USER: &str = "mutation($input: CreateUserInput!) { createUser(input: $input) { id } }";
const UPVOTE: &str = "mutation($post: ID!) { upvote(postId: $post) { score } }";
const DOWNVOTE: &str = "mutation($post: ID!) { downvote(postId: $post) { score } }";
const CLEAR: &str = "mutation($post: ID!) { clearVote(postId: $post) { score } }";
const CHANGES: &str = "subscription($post: ID!) { voteChanged(postId: $post) { upvotes downvotes } }";

/// The mutations on a post's votes, and the votes for and against it that each leaves.
const MUTATIONS: [(&str, (i64, i64)); 3] = [(UPVOTE, (1, 0)), (DOWNVOTE, (0, 1)), (CLEAR, (0, 0))];

/// A post of cleo, a program and many voters.
struct Crowd {
    app: TestApp,
    cleo: HttpClient,
    service: HttpClient,
    people: Vec<HttpClient>,
    post: String,
    karma_before: i64,
}

impl Crowd {
    async fn gather() -> Self {
        let app = TestApp::new().await;
        let cleo = app.signed_in("cleo").await;
        let service = app.anonymous().with_token(&app.service_credential("races"));
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            let input = json!({ "username": format!("voter {number}"), "email": format!("voter{number}@example.com") });
            let created = service.query(CREATE_USER, json!({ "input": input })).await;
            let token = app.long_lived_token(created.id("createUser.id"), Role::Member, false);
            people.push(app.anonymous().with_token(&token));
        }
        let create =
            r#"mutation { createPost(input: { title: "A race", text: "On your marks", community: "Races" }) { id } }"#;
        let post = cleo.query(create, json!({})).await.id("createPost.id").to_string();
        let karma_before = karma(&cleo).await;
        Self {
            post,
            app,
            cleo,
            service,
            people,
            karma_before,
        }
    }

    /// Executes `UPVOTE`, `DOWNVOTE` or `CLEAR`.
    async fn vote(&self, person: &HttpClient, mutation: &str) {
        let voted = person.query(mutation, json!({ "post": self.post })).await;
        assert_eq!(voted.code(), "OK", "{voted}");
    }

    /// Returns the number of people whose own vote is up, and of those whose vote is down.
    async fn own_votes(&self) -> (i64, i64) {
        let query = "query($post: ID!) { post(id: $post) { myVote } }";
        let asked = self
            .people
            .iter()
            .map(|person| person.query(query, json!({ "post": self.post })));
        let mut tally = HashMap::new();
        for answer in join_all(asked).await {
            *tally.entry(answer.at("post.myVote").to_string()).or_default() += 1;
        }
        let of = |vote: &str| tally.get(vote).copied().unwrap_or(0);
        (of("\"UP\""), of("\"DOWN\""))
    }

    /// Fails unless every query shows these votes for the post, and its author has the karma of them.
    async fn assert_counts(&self, up: i64, down: i64) {
        let query = "query($post: ID!, $ids: [ID!]!) { post(id: $post) { upvotes downvotes score }
            postVotes(postId: $post) { upvotes downvotes score } postsByScore(ids: $ids) { upvotes downvotes score }
            topPosts(community: \"races\") { nodes { upvotes downvotes score } } }";
        let asked = json!({ "post": self.post, "ids": [self.post] });
        let found = self.app.anonymous().query(query, asked).await;
        let wanted = json!({ "upvotes": up, "downvotes": down, "score": up - down });
        for place in ["post", "postVotes", "postsByScore.0", "topPosts.nodes.0"] {
            assert_eq!(found.at(place), &wanted, "{place}");
        }
        assert_eq!(karma(&self.cleo).await, self.karma_before + up - down);
        tests::Audit::open(&self.app.data_folder()).assert_balanced();
    }
}

async fn karma(person: &HttpClient) -> i64 {
    let me = person.query("{ me { karma } }", json!({})).await;
    me.at("me.karma").as_i64().expect("a number")
}

/// Returns the mutation that a person runs at that turn.
fn mutation_of(person: usize, turn: usize) -> (&'static str, (i64, i64)) {
    MUTATIONS[(person + turn * (1 + person % 2)) % 3]
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_votes_leave_the_counts_of_the_last_votes() {
    let crowd = Crowd::gather().await;
    let mut changes = crowd.cleo.subscribe(CHANGES, json!({ "post": crowd.post })).await;

    join_all(crowd.people.iter().enumerate().map(async |(place, person)| {
        for turn in 0..VOTES {
            crowd.vote(person, mutation_of(place, turn).0).await;
        }
    }))
    .await;

    let last = (0..PEOPLE).map(|place| mutation_of(place, VOTES - 1).1);
    let (up, down) = last.fold((0, 0), |(up, down), (u, d)| (up + u, down + d));
    assert!(
        up > 0 && down > 0 && up + down < PEOPLE as i64,
        "all three are said last"
    );
    assert_eq!(crowd.own_votes().await, (up, down));
    crowd.assert_counts(up, down).await;
    // A subscriber ends with the same counts, even when several changes arrive as one.
    crowd.vote(&crowd.cleo, UPVOTE).await;
    let wanted = json!({ "upvotes": up + 1, "downvotes": down });
    loop {
        let change = changes.next().await.expect("the last change arrives");
        if change["data"]["voteChanged"] == wanted {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unordered_votes_leave_counts_that_match_every_own_vote() {
    let crowd = Crowd::gather().await;
    // Each person sends four votes at once. Each vote of a program counts.
    let theirs = crowd.people.iter().enumerate().flat_map(|(place, person)| {
        let crowd = &crowd;
        (1..VOTES).map(move |turn| crowd.vote(person, mutation_of(place, turn).0))
    });
    let of_service = (0..PEOPLE).map(|turn| {
        let mutation = if turn % 4 == 0 { DOWNVOTE } else { UPVOTE };
        crowd.vote(&crowd.service, mutation)
    });
    tokio::join!(join_all(theirs), join_all(of_service));

    let (up, down) = crowd.own_votes().await;
    let quarter = PEOPLE as i64 / 4;
    crowd.assert_counts(up + 3 * quarter, down + quarter).await;
}
