//! Rankings of posts by score.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{VotesDomain, code, ids_and_scores, member, service, votes};

/// Creates posts 1 to 6 with these scores: news 1 (2), 2 (-1), 5 (2) and sports 3 (0), 4 (5), 6 (2). The ids 90 (3)
/// and 91 (-2) have votes but no post.
async fn ranked() -> VotesDomain {
    let domain = VotesDomain::with_people(1).await;
    for (post, community) in [
        (1, "news"),
        (2, "news"),
        (3, "sports"),
        (4, "sports"),
        (5, "news"),
        (6, "sports"),
    ] {
        domain.begin(post, community).await;
    }
    domain.count("upvote", &[(1, 2), (4, 6), (5, 3), (6, 2), (90, 3)]).await;
    domain.count("downvote", &[(2, 1), (4, 1), (5, 1), (91, 2)]).await;
    domain
}

const TOP: [(i64, i64); 6] = [(4, 5), (6, 2), (5, 2), (1, 2), (3, 0), (2, -1)];

#[tokio::test]
async fn posts_are_sorted_by_score_and_id_in_one_or_all_communities() {
    let domain = ranked().await;
    assert_eq!(domain.list("topPosts").await, TOP);
    assert_eq!(domain.list("topPosts(first: 2)").await, TOP[..2]);
    assert_eq!(domain.list("topPosts(last: 2)").await, TOP[4..]);
    let news = [(5, 2), (1, 2), (2, -1)];
    for name in ["news", "NEWS", " News "] {
        assert_eq!(domain.list(&format!(r#"topPosts(community: "{name}")"#)).await, news);
    }
    for name in ["new", "", " "] {
        assert_eq!(domain.list(&format!(r#"topPosts(community: "{name}")"#)).await, []);
    }
}

#[tokio::test]
async fn every_page_between_two_cursors_is_a_slice_of_the_list() {
    let domain = ranked().await;
    let all = domain.read(&member(1), "topPosts { edges { cursor } }").await;
    let cursor = |index: usize| all["edges"][index]["cursor"].to_string();
    for after in 0..TOP.len() {
        for before in after + 1..TOP.len() {
            let between = &TOP[after + 1..before];
            let cursors = format!("after: {}, before: {}", cursor(after), cursor(before));
            let first = domain.list(&format!("topPosts(first: 2, {cursors})")).await;
            assert_eq!(first, between[..between.len().min(2)], "{after} {before}");
            let last = domain.list(&format!("topPosts(last: 2, {cursors})")).await;
            assert_eq!(last, between[between.len().saturating_sub(2)..], "{after} {before}");
        }
    }
}

#[tokio::test]
async fn a_page_continues_after_its_cursor_despite_new_votes() {
    let domain = ranked().await;
    let page = domain
        .read(
            &member(1),
            "topPosts(first: 3) { nodes { id score } pageInfo { endCursor } }",
        )
        .await;
    assert_eq!(ids_and_scores(&page["nodes"]), TOP[..3]);
    // A post after the page rises and a post on the page falls. Neither shifts the other rows.
    domain.count("upvote", &[(5, 9)]).await;
    domain.count("downvote", &[(6, 1)]).await;
    let rest = format!("topPosts(after: {})", page["pageInfo"]["endCursor"]);
    assert_eq!(domain.list(&rest).await, [(1, 2), (6, 1), (3, 0), (2, -1)]);
}

#[tokio::test]
async fn ids_with_votes_are_listed_with_or_without_a_post() {
    let domain = ranked().await;
    let voted = [(4, 5), (90, 3), (6, 2), (5, 2), (1, 2), (2, -1), (91, -2)];
    assert_eq!(domain.list("topVoted").await, voted);
    assert_eq!(domain.list("topVoted(last: 1)").await, voted[6..]);
    let edges = domain
        .read(
            &Viewer::Anonymous,
            "topVoted(first: 2) { edges { cursor node { id score } } pageInfo { endCursor hasNextPage } }",
        )
        .await;
    assert_eq!(edges["edges"][1]["node"], json!({ "id": "90", "score": 3 }));
    assert_eq!(edges["edges"][1]["cursor"], edges["pageInfo"]["endCursor"]);
    assert_eq!(edges["pageInfo"]["hasNextPage"], true);
    let rest = format!("topVoted(after: {})", edges["pageInfo"]["endCursor"]);
    assert_eq!(domain.list(&rest).await, voted[2..]);
    // Votes that cancel each other still count as votes; cleared votes do not.
    domain.count("downvote", &[(90, 3)]).await;
    domain.vote(&member(1), "upvote", 92).await;
    domain.vote(&member(1), "clearVote", 92).await;
    assert!(domain.list("topVoted").await.contains(&(90, 0)));
    assert!(!domain.list("topVoted").await.contains(&(92, 0)));
}

#[tokio::test]
async fn given_posts_are_sorted_by_score_without_duplicates() {
    let domain = ranked().await;
    for (ids, wanted) in [
        (r#"["1", "2", "4"]"#, vec![(4, 5), (1, 2), (2, -1)]),
        ("[5, 6, 5, 1, 6]", vec![(6, 2), (5, 2), (1, 2)]),
        // An id without votes counts as 0.
        ("[77, 91, 3, 76, 90]", vec![(90, 3), (77, 0), (76, 0), (3, 0), (91, -2)]),
    ] {
        let found = domain
            .read(&Viewer::Anonymous, &format!("postsByScore(ids: {ids}) {{ id score }}"))
            .await;
        assert_eq!(ids_and_scores(&found), wanted, "{ids}");
    }
    let hundred = vec!["1"; 100].join(", ");
    let too_many = vec!["1"; 101].join(", ");
    for (ids, wanted) in [
        (hundred.as_str(), "OK"),
        (&too_many, "INVALID_INPUT"),
        ("", "INVALID_INPUT"),
        (r#"1, "x""#, "INVALID_INPUT"),
        (r#""1.5""#, "INVALID_INPUT"),
    ] {
        let answer = domain
            .ask(&service(), &format!("{{ postsByScore(ids: [{ids}]) {{ id }} }}"))
            .await;
        assert_eq!(code(&answer), wanted, "{ids}");
        if wanted != "OK" {
            assert_eq!(answer["errors"][0]["extensions"]["field"], "ids");
        }
    }
}

#[tokio::test]
async fn an_id_has_votes_when_it_has_votes_or_a_post() {
    let domain = ranked().await;
    let read = async |id: &str| {
        let query = format!(r#"postVotes(postId: "{id}") {{ id upvotes downvotes score }}"#);
        domain.read(&Viewer::Anonymous, &query).await
    };
    assert_eq!(read("4").await, votes(4, 6, 1));
    assert_eq!(read("3").await, votes(3, 0, 0), "a post without votes");
    assert_eq!(read("91").await, votes(91, 0, 2), "votes without a post");
    for id in ["77", "x", "04"] {
        assert_eq!(read(id).await, Value::Null);
    }
    domain.vote(&member(1), "upvote", 77).await;
    assert_eq!(read("77").await, votes(77, 1, 0));
    domain.vote(&member(1), "clearVote", 77).await;
    assert_eq!(read("77").await, Value::Null);
}

#[tokio::test]
async fn a_new_post_starts_without_the_old_votes_on_its_id() {
    let domain = ranked().await;
    domain.vote(&member(1), "downvote", 90).await;
    domain.begin(90, "sports").await;
    assert_eq!(
        domain.read(&member(1), "postVotes(postId: 90) { score myVote }").await,
        json!({ "score": 0, "myVote": null })
    );
    assert_eq!(
        domain.list(r#"topPosts(community: "sports", last: 2)"#).await,
        [(90, 0), (3, 0)]
    );
    assert!(!domain.list("topVoted").await.contains(&(90, 0)));
    // The earlier vote on the id is gone, so this is the person's first vote on the post.
    assert_eq!(domain.vote(&member(1), "downvote", 90).await, votes(90, 0, 1));
    domain.forget(90).await;
    assert_eq!(
        domain.read(&member(1), "postVotes(postId: 90) { id }").await,
        Value::Null
    );
    assert_eq!(domain.list("topPosts").await, TOP);
    assert_eq!(
        domain.entities(&member(1), &[90], "score myVote").await,
        json!([{ "score": 0, "myVote": null }])
    );
    assert_eq!(domain.vote(&member(1), "downvote", 90).await, votes(90, 0, 1));
    assert_eq!(
        domain.list("topPosts").await,
        TOP,
        "a vote on its id does not bring it back"
    );
}

#[tokio::test]
async fn post_references_resolve_to_votes_one_by_one() {
    let domain = ranked().await;
    domain.vote(&member(1), "downvote", 4).await;
    let answer = domain
        .ask(
            &member(1),
            r#"{ _entities(representations: [
                { __typename: "Post", id: "77" }, { __typename: "Post", id: "4" }, { __typename: "Post", id: "x" }
            ]) { ... on Post { id upvotes downvotes score myVote } } }"#,
        )
        .await;
    assert_eq!(
        answer["data"]["_entities"],
        json!([
            { "id": "77", "upvotes": 0, "downvotes": 0, "score": 0, "myVote": null },
            { "id": "4", "upvotes": 6, "downvotes": 2, "score": 4, "myVote": "DOWN" },
            null,
        ])
    );
    for viewer in [Viewer::Anonymous, service(), member(2)] {
        let others = domain.entities(&viewer, &[4], "score myVote").await;
        assert_eq!(others, json!([{ "score": 4, "myVote": null }]), "{viewer:?}");
    }
}
