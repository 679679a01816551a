//! The subscription `voteChanged`.

use futures_util::FutureExt;
use futures_util::stream::StreamExt;
use serde_json::json;

use testing::Answer;

use crate::support::{CLEAR, DOWNVOTE, UPVOTE, VotesDomain, member, service};

const SEVEN: &str = "subscription { voteChanged(postId: 7) { id upvotes downvotes } }";

fn changed(upvotes: i64, downvotes: i64) -> Option<Answer> {
    let post = json!({ "id": "post_7", "upvotes": upvotes, "downvotes": downvotes });
    Some(Answer::new(json!({ "data": { "voteChanged": post } })))
}

#[tokio::test]
async fn shows_a_post_after_each_later_change_of_its_votes() {
    let domain = VotesDomain::with_people(2).await;
    domain.vote(&member(1), UPVOTE, 7).await;
    let mut changes = domain.anonymous().subscribe(SEVEN, json!({})).await;
    domain.vote(&member(2), UPVOTE, 7).await;
    assert_eq!(changes.next().await, changed(2, 0));
    // Neither a repeated vote nor a vote on another post is a change of this post.
    domain.vote(&member(2), UPVOTE, 7).await;
    domain.vote(&member(2), UPVOTE, 8).await;
    domain.vote(&member(2), DOWNVOTE, 7).await;
    assert_eq!(changes.next().await, changed(1, 1));
    domain.vote(&member(2), CLEAR, 7).await;
    assert_eq!(changes.next().await, changed(1, 0));
    assert_eq!(changes.next().now_or_never(), None);
}

#[tokio::test]
async fn shows_the_first_vote_on_an_id() {
    let domain = VotesDomain::with_people(1).await;
    let mut changes = domain.member(1).subscribe(SEVEN, json!({})).await;
    domain.vote(&service(), DOWNVOTE, 7).await;
    assert_eq!(changes.next().await, changed(0, 1));
}

#[tokio::test]
async fn votes_in_quick_succession_are_coalesced_and_never_repeated() {
    let domain = VotesDomain::with_people(9).await;
    let mut changes = domain.member(1).subscribe(SEVEN, json!({})).await;
    for voter in 1..=9 {
        domain.vote(&member(voter), UPVOTE, 7).await;
    }
    assert_eq!(changes.next().await, changed(9, 0));
    domain.vote(&member(1), CLEAR, 7).await;
    assert_eq!(changes.next().await, changed(8, 0));
}

#[tokio::test]
async fn a_subscriber_with_lost_events_misses_nothing() {
    let domain = VotesDomain::with(3, 2, votes::Settings::default()).await;
    let mut changes = domain.member(1).subscribe(SEVEN, json!({})).await;
    domain.vote(&member(1), UPVOTE, 7).await;
    // More events of another post than the bus keeps.
    domain.count(UPVOTE, &[(8, 9)]).await;
    assert_eq!(changes.next().await, changed(1, 0));
    domain.vote(&member(2), DOWNVOTE, 7).await;
    assert_eq!(changes.next().await, changed(1, 1));
}

#[tokio::test]
async fn votes_on_an_id_are_shown_also_after_its_post_was_deleted() {
    let domain = VotesDomain::with_people(2).await;
    domain.begin(7, "news").await;
    domain.vote(&member(1), UPVOTE, 7).await;
    domain.vote(&member(2), UPVOTE, 7).await;
    let mut changes = domain.member(1).subscribe(SEVEN, json!({})).await;
    domain.forget(7).await;
    domain.vote(&member(1), DOWNVOTE, 7).await;
    assert_eq!(changes.next().await, changed(0, 1));
}

#[tokio::test]
async fn an_invalid_post_id_is_refused_by_name() {
    let domain = VotesDomain::with_people(1).await;
    let document = r#"subscription { voteChanged(postId: "x") { id } }"#;
    let answers = domain.member(1).subscribe(document, json!({})).await;
    let answers: Vec<Answer> = answers.collect().await;
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].code(), "INVALID_INPUT");
    assert_eq!(answers[0]["errors"][0]["extensions"]["field"], "postId");
}
