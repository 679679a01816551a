//! Casting, moving and clearing votes.

use contract::{Audience, Event, Viewer};
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{CLEAR, DOWNVOTE, MY_VOTE, POST_VOTES, TOP_VOTED, UPVOTE, VotesDomain, member, service, votes};

#[tokio::test]
async fn a_user_has_one_vote_on_a_post() {
    let domain = VotesDomain::with_people(3).await;
    for (voter, how, up, down) in [
        (1, UPVOTE, 1, 0),
        (1, UPVOTE, 1, 0),
        (2, UPVOTE, 2, 0),
        (3, DOWNVOTE, 2, 1),
        (3, DOWNVOTE, 2, 1),
        // Moved, and moved back.
        (1, DOWNVOTE, 1, 2),
        (1, UPVOTE, 2, 1),
        // Cleared, also when the person has no vote.
        (3, CLEAR, 2, 0),
        (3, CLEAR, 2, 0),
        (3, UPVOTE, 3, 0),
        (1, CLEAR, 2, 0),
        (2, CLEAR, 1, 0),
        (3, CLEAR, 0, 0),
    ] {
        assert_eq!(
            domain.vote(&member(voter), how, 7).await,
            votes(7, up, down),
            "{voter} {how}"
        );
    }
}

#[tokio::test]
async fn votes_are_kept_apart_by_post() {
    let domain = VotesDomain::with_people(1).await;
    for post in [1, -1, i64::MAX, i64::MIN] {
        assert_eq!(domain.vote(&member(1), UPVOTE, post).await, votes(post, 1, 0));
    }
    assert_eq!(domain.vote(&member(1), CLEAR, -1).await, votes(-1, 0, 0));
    let left = domain.entities(&member(1), &[1, -1, 2]).await;
    assert_eq!(left.all("_entities.*.upvotes"), [1, 0, 0]);
    let mine = [json!("UP"), Value::Null, Value::Null];
    assert_eq!(left.all("_entities.*.myVote"), mine.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn each_vote_of_a_service_counts_again_without_an_owner() {
    let domain = VotesDomain::with_people(1).await;
    domain.vote(&member(1), UPVOTE, 7).await;
    domain.count(UPVOTE, &[(7, 2)]).await;
    domain.count(DOWNVOTE, &[(7, 3)]).await;
    let seen = domain.service().query(MY_VOTE, json!({ "post": 7 })).await;
    assert_eq!(seen.at("votes.myVote"), &Value::Null);
    let answer = domain.service().query(CLEAR, json!({ "post": 7 })).await;
    assert_eq!(
        answer.code(),
        "UNAUTHENTICATED",
        "there is no vote of a program to take back"
    );
    // The person's own vote is one of these, and clearing removes only that one.
    assert_eq!(domain.vote(&member(1), CLEAR, 7).await, votes(7, 2, 3));
}

#[tokio::test]
async fn voting_requires_a_signed_in_active_user() {
    let domain = VotesDomain::with_people(1).await;
    domain.deactivate(1).await;
    // A person's token may be older than the deactivation.
    for viewer in [Viewer::Anonymous, member(1), member(2)] {
        for how in [UPVOTE, DOWNVOTE] {
            let answer = domain.client(&viewer).query(how, json!({ "post": 7 })).await;
            assert_eq!(answer.code(), "UNAUTHENTICATED", "{how} {viewer:?}");
        }
    }
    let answer = domain.anonymous().query(CLEAR, json!({ "post": 7 })).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    let none = domain.service().query(POST_VOTES, json!({ "post": 7 })).await;
    assert_eq!(none, json!({ "data": { "votes": null } }));
}

#[tokio::test]
async fn an_invalid_post_id_is_refused_by_name() {
    let domain = VotesDomain::with_people(1).await;
    for id in ["x", "", "1.0", "01", "+1", " 1", "9223372036854775808"] {
        for how in [UPVOTE, DOWNVOTE, CLEAR] {
            let answer = domain.member(1).query(how, json!({ "post": id })).await;
            assert_eq!(answer.code(), "INVALID_INPUT", "{id:?}");
            assert_eq!(answer["errors"][0]["extensions"]["field"], "postId");
        }
    }
    assert_eq!(domain.list(TOP_VOTED, json!({})).await, []);
}

#[tokio::test]
async fn only_changes_are_announced() {
    let domain = VotesDomain::with_people(1).await;
    let mut events = domain.services.bus.subscribe();
    let told = |version| Event::Invalidated {
        typename: "Post",
        key: "post_7".to_owned(),
        version,
        audience: Audience::Everyone,
    };
    for (viewer, how, wanted) in [
        (member(1), CLEAR, vec![]),
        (member(1), UPVOTE, vec![told(1)]),
        (member(1), UPVOTE, vec![]),
        (member(1), DOWNVOTE, vec![told(2)]),
        (service(), DOWNVOTE, vec![told(3)]),
        (member(1), CLEAR, vec![told(4)]),
        (member(1), CLEAR, vec![]),
    ] {
        domain.vote(&viewer, how, 7).await;
        assert_eq!(received_events(&mut events), wanted, "{how}");
    }
    // The version continues when a post is created or deleted.
    assert_eq!(domain.begin(7, "news").await.version, 5);
    assert_eq!(domain.forget(7).await.version, 6);
    domain.vote(&member(1), UPVOTE, 7).await;
    assert_eq!(received_events(&mut events), [told(7)]);
}

#[tokio::test]
async fn a_key_fits_one_vote_and_repeats_its_response() {
    let domain = VotesDomain::with_people(1).await;
    let mut events = domain.services.bus.subscribe();
    let vote = async |viewer: &Viewer, how: &str, post: i64| {
        let args = json!({ "post": post.to_string(), "key": "k" });
        domain.client(viewer).query(how, args).await
    };
    let first = vote(&service(), UPVOTE, 7).await;
    assert_eq!(first, json!({ "data": { "votes": votes(7, 1, 0) } }));
    let hers = vote(&member(1), UPVOTE, 7).await;
    assert_eq!(hers, json!({ "data": { "votes": votes(7, 2, 0) } }));
    domain.vote(&member(1), CLEAR, 7).await;
    assert_eq!(received_events(&mut events).len(), 3);
    assert_eq!(vote(&service(), UPVOTE, 7).await, first);
    assert_eq!(vote(&member(1), UPVOTE, 7).await, hers);
    for viewer in [service(), member(1)] {
        assert_eq!(vote(&viewer, UPVOTE, 8).await.code(), "IDEMPOTENCY_MISMATCH");
    }
    assert_eq!(received_events(&mut events), []);
    assert_eq!(domain.list(TOP_VOTED, json!({})).await, [(7, 1)]);
    // A key is bound to one mutation.
    let down = vote(&service(), DOWNVOTE, 7).await;
    assert_eq!(down, json!({ "data": { "votes": votes(7, 1, 1) } }));
}

#[tokio::test]
async fn a_vote_counts_after_its_voter_disconnected() {
    use futures_util::FutureExt;
    use futures_util::stream::StreamExt;
    const CHANGES: &str = "subscription { voteChanged(postId: 7) { upvotes } }";
    let domain = VotesDomain::with_people(1).await;
    let mut changes = domain.anonymous().subscribe(CHANGES, json!({})).await;
    let voter = domain.member(1);
    let voting = voter.query(UPVOTE, json!({ "post": 7 }));
    assert_eq!(voting.now_or_never(), None, "it was sent off, not answered");
    assert_eq!(
        changes.next().await.unwrap(),
        json!({ "data": { "voteChanged": { "upvotes": 1 } } })
    );
}

#[tokio::test]
async fn votes_above_the_count_limit_are_refused_without_an_effect() {
    const MAX: i64 = 2_147_483_647;
    let domain = VotesDomain::with_people(2).await;
    domain.vote(&member(1), UPVOTE, 7).await;
    for (up, down, refused, taken) in [(MAX, 0, UPVOTE, DOWNVOTE), (1, MAX, DOWNVOTE, UPVOTE)] {
        let full = format!("UPDATE post_votes SET upvotes = {up}, downvotes = {down}, score = {up} - {down}");
        domain.execute(&full).await;
        for voter in [member(2), service()] {
            let answer = domain.client(&voter).query(refused, json!({ "post": 7 })).await;
            assert_eq!(answer.code(), "CONFLICT", "{answer}");
        }
        let read = domain.member(2).query(MY_VOTE, json!({ "post": 7 })).await;
        assert_eq!(
            (read.at("votes.upvotes"), read.at("votes.downvotes")),
            (&json!(up), &json!(down))
        );
        assert_eq!(read.at("votes.myVote"), &Value::Null, "the refused vote is not kept");
        // The other direction still has room, and the vote can be cleared.
        domain.vote(&member(2), taken, 7).await;
        domain.vote(&member(2), CLEAR, 7).await;
    }
    // A vote cannot move to the side whose count is full.
    domain
        .execute(&format!(
            "UPDATE post_votes SET upvotes = 1, downvotes = {MAX}, score = 1 - {MAX}"
        ))
        .await;
    let moved = domain.member(1).query(DOWNVOTE, json!({ "post": 7 })).await;
    assert_eq!(moved.code(), "CONFLICT", "{moved}");
    let read = domain.member(1).query(MY_VOTE, json!({ "post": 7 })).await;
    assert_eq!(
        (read.at("votes.upvotes"), read.at("votes.myVote")),
        (&json!(1), &json!("UP"))
    );
}

#[tokio::test]
async fn vote_with_an_unknown_direction_is_an_error() {
    let domain = VotesDomain::with_people(1).await;
    let vote = "INSERT INTO vote (post_id, user_id, direction, at_us) VALUES (5, 1, 'up', 0)";
    domain.corrupt(vote).await;
    let reason = r#"Type Error: table vote, post_id 5 and user_id 1: column direction has the unknown value "up""#;
    for document in [
        "mutation { clearVote(postId: 5) { score } }",
        r#"{ _entities(representations: [{ __typename: "Post", id: "5" }]) { ... on Post { myVote } } }"#,
    ] {
        let failure = domain.failure(&member(1), document).await;
        assert_eq!(failure, ("INTERNAL", reason.to_owned()), "{document}");
    }
}
