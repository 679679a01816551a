//! Casting, moving and clearing votes.

use contract::{Audience, Event, Viewer};
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{VOTES, VotesDomain, code, member, service, votes};

#[tokio::test]
async fn a_user_has_one_vote_on_a_post() {
    let domain = VotesDomain::with_people(3).await;
    for (voter, how, up, down) in [
        (1, "upvote", 1, 0),
        (1, "upvote", 1, 0),
        (2, "upvote", 2, 0),
        (3, "downvote", 2, 1),
        (3, "downvote", 2, 1),
        // Moved, and moved back.
        (1, "downvote", 1, 2),
        (1, "upvote", 2, 1),
        // Cleared, also when the person has no vote.
        (3, "clearVote", 2, 0),
        (3, "clearVote", 2, 0),
        (3, "upvote", 3, 0),
        (1, "clearVote", 2, 0),
        (2, "clearVote", 1, 0),
        (3, "clearVote", 0, 0),
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
        assert_eq!(domain.vote(&member(1), "upvote", post).await, votes(post, 1, 0));
    }
    assert_eq!(domain.vote(&member(1), "clearVote", -1).await, votes(-1, 0, 0));
    let left = domain.entities(&member(1), &[1, -1, 2], "upvotes myVote").await;
    let one = |up: i64, my: Value| json!({ "upvotes": up, "myVote": my });
    assert_eq!(
        left,
        json!([one(1, json!("UP")), one(0, Value::Null), one(0, Value::Null)])
    );
}

#[tokio::test]
async fn each_vote_of_a_service_counts_again_without_an_owner() {
    let domain = VotesDomain::with_people(1).await;
    domain.vote(&member(1), "upvote", 7).await;
    domain.count("upvote", &[(7, 2)]).await;
    domain.count("downvote", &[(7, 3)]).await;
    assert_eq!(
        domain.read(&service(), "postVotes(postId: 7) { myVote }").await,
        json!({ "myVote": null })
    );
    let answer = domain.ask(&service(), "mutation { clearVote(postId: 7) { id } }").await;
    assert_eq!(
        code(&answer),
        "UNAUTHENTICATED",
        "there is no vote of a program to take back"
    );
    // The person's own vote is one of these, and clearing removes only that one.
    assert_eq!(domain.vote(&member(1), "clearVote", 7).await, votes(7, 2, 3));
}

#[tokio::test]
async fn voting_requires_a_signed_in_active_user() {
    let domain = VotesDomain::with_people(1).await;
    domain.deactivate(1).await;
    // A person's token may be older than the deactivation.
    for viewer in [Viewer::Anonymous, member(1), member(2)] {
        for how in ["upvote", "downvote"] {
            let answer = domain
                .ask(&viewer, &format!("mutation {{ {how}(postId: 7) {{ id }} }}"))
                .await;
            assert_eq!(code(&answer), "UNAUTHENTICATED", "{how} {viewer:?}");
        }
    }
    let answer = domain
        .ask(&Viewer::Anonymous, "mutation { clearVote(postId: 7) { id } }")
        .await;
    assert_eq!(code(&answer), "UNAUTHENTICATED");
    assert_eq!(
        domain.read(&service(), "postVotes(postId: 7) { id }").await,
        Value::Null
    );
}

#[tokio::test]
async fn an_invalid_post_id_is_refused_by_name() {
    let domain = VotesDomain::with_people(1).await;
    for id in ["x", "", "1.0", "01", "+1", " 1", "9223372036854775808"] {
        for how in ["upvote", "downvote", "clearVote"] {
            let document = format!(r#"mutation {{ {how}(postId: "{id}") {{ id }} }}"#);
            let answer = domain.ask(&member(1), &document).await;
            assert_eq!(code(&answer), "INVALID_INPUT", "{id:?}");
            assert_eq!(answer["errors"][0]["extensions"]["field"], "postId");
        }
    }
    assert_eq!(domain.list("topVoted").await, []);
}

#[tokio::test]
async fn only_changes_are_announced() {
    let domain = VotesDomain::with_people(1).await;
    let mut events = domain.services.bus.subscribe();
    let told = |version| Event::Invalidated {
        typename: "Post",
        key: "7".to_owned(),
        version,
        audience: Audience::Everyone,
    };
    for (viewer, how, wanted) in [
        (member(1), "clearVote", vec![]),
        (member(1), "upvote", vec![told(1)]),
        (member(1), "upvote", vec![]),
        (member(1), "downvote", vec![told(2)]),
        (service(), "downvote", vec![told(3)]),
        (member(1), "clearVote", vec![told(4)]),
        (member(1), "clearVote", vec![]),
    ] {
        domain.vote(&viewer, how, 7).await;
        assert_eq!(received_events(&mut events), wanted, "{how}");
    }
    // The version continues when a post is created or deleted.
    assert_eq!(domain.begin(7, "news").await.version, 5);
    assert_eq!(domain.forget(7).await.version, 6);
    domain.vote(&member(1), "upvote", 7).await;
    assert_eq!(received_events(&mut events), [told(7)]);
}

#[tokio::test]
async fn a_key_fits_one_vote_and_repeats_its_response() {
    let domain = VotesDomain::with_people(1).await;
    let mut events = domain.services.bus.subscribe();
    let vote = async |viewer: &Viewer, how: &str, post: i64| {
        let fields = "upvotes downvotes";
        let document = format!(r#"mutation {{ {how}(postId: {post}, idempotencyKey: "k") {{ {fields} }} }}"#);
        domain.ask(viewer, &document).await
    };
    let first = vote(&service(), "upvote", 7).await;
    assert_eq!(first["data"]["upvote"], json!({ "upvotes": 1, "downvotes": 0 }));
    let hers = vote(&member(1), "upvote", 7).await;
    assert_eq!(hers["data"]["upvote"], json!({ "upvotes": 2, "downvotes": 0 }));
    domain.vote(&member(1), "clearVote", 7).await;
    assert_eq!(received_events(&mut events).len(), 3);
    assert_eq!(vote(&service(), "upvote", 7).await, first);
    assert_eq!(vote(&member(1), "upvote", 7).await, hers);
    for viewer in [service(), member(1)] {
        assert_eq!(code(&vote(&viewer, "upvote", 8).await), "IDEMPOTENCY_MISMATCH");
    }
    assert_eq!(received_events(&mut events), []);
    assert_eq!(domain.list("topVoted").await, [(7, 1)]);
    // A key is bound to one mutation.
    let down = vote(&service(), "downvote", 7).await;
    assert_eq!(down["data"]["downvote"], json!({ "upvotes": 1, "downvotes": 1 }));
}

#[tokio::test]
async fn a_vote_counts_after_its_voter_disconnected() {
    use futures_util::FutureExt;
    use futures_util::stream::StreamExt;
    let domain = VotesDomain::with_people(1).await;
    let mut changes = domain
        .watch(
            &Viewer::Anonymous,
            "subscription { voteChanged(postId: 7) { upvotes } }",
        )
        .await;
    let voter = member(1);
    let voting = domain.ask(&voter, "mutation { upvote(postId: 7) { id } }");
    assert_eq!(voting.now_or_never(), None, "it was sent off, not answered");
    assert_eq!(
        changes.next().await.unwrap()["data"]["voteChanged"],
        json!({ "upvotes": 1 })
    );
}

#[tokio::test]
async fn votes_above_the_count_limit_are_refused_without_an_effect() {
    const MAX: i64 = 2_147_483_647;
    let domain = VotesDomain::with_people(2).await;
    domain.vote(&member(1), "upvote", 7).await;
    for (up, down, refused, taken) in [(MAX, 0, "upvote", "downvote"), (1, MAX, "downvote", "upvote")] {
        let full = format!("UPDATE post_votes SET upvotes = {up}, downvotes = {down}, score = {up} - {down}");
        domain.execute(&full).await;
        for voter in [member(2), service()] {
            let document = format!("mutation {{ {refused}(postId: 7) {{ score }} }}");
            let answer = domain.ask(&voter, document).await;
            assert_eq!(code(&answer), "CONFLICT", "{answer}");
        }
        let read = domain
            .read(&member(2), &format!("postVotes(postId: 7) {{ {VOTES} myVote }}"))
            .await;
        assert_eq!((&read["upvotes"], &read["downvotes"]), (&json!(up), &json!(down)));
        assert_eq!(read["myVote"], json!(null), "the refused vote is not kept");
        // The other direction still has room, and the vote can be cleared.
        domain.vote(&member(2), taken, 7).await;
        domain.vote(&member(2), "clearVote", 7).await;
    }
    // A vote cannot move to the side whose count is full.
    domain
        .execute(&format!(
            "UPDATE post_votes SET upvotes = 1, downvotes = {MAX}, score = 1 - {MAX}"
        ))
        .await;
    let moved = domain
        .ask(&member(1), "mutation { downvote(postId: 7) { score } }")
        .await;
    assert_eq!(code(&moved), "CONFLICT", "{moved}");
    let read = domain.read(&member(1), "postVotes(postId: 7) { upvotes myVote }").await;
    assert_eq!(read, json!({ "upvotes": 1, "myVote": "UP" }));
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
