//! Rankings of posts by score.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{
    BY_SCORE, CLEAR, DOWNVOTE, ENTITIES, MY_VOTE, POST_VOTES, TOP_POSTS, TOP_VOTED, UPVOTE, VotesDomain,
    ids_and_scores, member, service, votes,
};

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
    domain.count(UPVOTE, &[(1, 2), (4, 6), (5, 3), (6, 2), (90, 3)]).await;
    domain.count(DOWNVOTE, &[(2, 1), (4, 1), (5, 1), (91, 2)]).await;
    domain
}

const TOP: [(i64, i64); 6] = [(4, 5), (6, 2), (5, 2), (1, 2), (3, 0), (2, -1)];

#[tokio::test]
async fn posts_are_sorted_by_score_and_id_in_one_or_all_communities() {
    let domain = ranked().await;
    assert_eq!(domain.list(TOP_POSTS, json!({})).await, TOP);
    assert_eq!(domain.list(TOP_POSTS, json!({ "first": 2 })).await, TOP[..2]);
    assert_eq!(domain.list(TOP_POSTS, json!({ "last": 2 })).await, TOP[4..]);
    let news = [(5, 2), (1, 2), (2, -1)];
    for name in ["news", "NEWS", " News "] {
        assert_eq!(domain.list(TOP_POSTS, json!({ "community": name })).await, news);
    }
    for name in ["new", "", " "] {
        assert_eq!(domain.list(TOP_POSTS, json!({ "community": name })).await, []);
    }
}

#[tokio::test]
async fn every_page_between_two_cursors_is_a_slice_of_the_list() {
    let domain = ranked().await;
    let all = domain.member(1).query(TOP_POSTS, json!({})).await;
    let cursors = all.all("list.edges.*.cursor");
    for after in 0..TOP.len() {
        for before in after + 1..TOP.len() {
            let between = &TOP[after + 1..before];
            let within = |count: &str| {
                let mut args = json!({ "after": cursors[after], "before": cursors[before] });
                args[count] = json!(2);
                args
            };
            let first = domain.list(TOP_POSTS, within("first")).await;
            assert_eq!(first, between[..between.len().min(2)], "{after} {before}");
            let last = domain.list(TOP_POSTS, within("last")).await;
            assert_eq!(last, between[between.len().saturating_sub(2)..], "{after} {before}");
        }
    }
}

#[tokio::test]
async fn a_page_continues_after_its_cursor_despite_new_votes() {
    let domain = ranked().await;
    let page = domain.member(1).query(TOP_POSTS, json!({ "first": 3 })).await;
    assert_eq!(ids_and_scores(page.at("list.nodes")), TOP[..3]);
    // A post after the page rises and a post on the page falls. Neither shifts the other rows.
    domain.count(UPVOTE, &[(5, 9)]).await;
    domain.count(DOWNVOTE, &[(6, 1)]).await;
    let rest = json!({ "after": page.at("list.pageInfo.endCursor") });
    assert_eq!(domain.list(TOP_POSTS, rest).await, [(1, 2), (6, 1), (3, 0), (2, -1)]);
}

#[tokio::test]
async fn ids_with_votes_are_listed_with_or_without_a_post() {
    let domain = ranked().await;
    let voted = [(4, 5), (90, 3), (6, 2), (5, 2), (1, 2), (2, -1), (91, -2)];
    assert_eq!(domain.list(TOP_VOTED, json!({})).await, voted);
    assert_eq!(domain.list(TOP_VOTED, json!({ "last": 1 })).await, voted[6..]);
    let edges = domain.anonymous().query(TOP_VOTED, json!({ "first": 2 })).await;
    let edges = edges.at("list");
    assert_eq!(edges["edges"][1]["node"], json!({ "id": "post_90", "score": 3 }));
    assert_eq!(edges["edges"][1]["cursor"], edges["pageInfo"]["endCursor"]);
    assert_eq!(edges["pageInfo"]["hasNextPage"], true);
    let rest = json!({ "after": edges["pageInfo"]["endCursor"] });
    assert_eq!(domain.list(TOP_VOTED, rest).await, voted[2..]);
    // Votes that cancel each other still count as votes; cleared votes do not.
    domain.count(DOWNVOTE, &[(90, 3)]).await;
    domain.vote(&member(1), UPVOTE, 92).await;
    domain.vote(&member(1), CLEAR, 92).await;
    assert!(domain.list(TOP_VOTED, json!({})).await.contains(&(90, 0)));
    assert!(!domain.list(TOP_VOTED, json!({})).await.contains(&(92, 0)));
}

#[tokio::test]
async fn given_posts_are_sorted_by_score_without_duplicates() {
    let domain = ranked().await;
    for (ids, wanted) in [
        (json!(["1", "2", "4"]), vec![(4, 5), (1, 2), (2, -1)]),
        (json!([5, 6, 5, 1, 6]), vec![(6, 2), (5, 2), (1, 2)]),
        // An id without votes counts as 0.
        (
            json!([77, 91, 3, 76, 90]),
            vec![(90, 3), (77, 0), (76, 0), (3, 0), (91, -2)],
        ),
    ] {
        let found = domain.anonymous().query(BY_SCORE, json!({ "ids": ids })).await;
        assert_eq!(ids_and_scores(found.at("list")), wanted, "{ids}");
    }
    for (ids, wanted) in [
        (json!(vec!["1"; 100]), "OK"),
        (json!(vec!["1"; 101]), "INVALID_INPUT"),
        (json!([]), "INVALID_INPUT"),
        (json!([1, "x"]), "INVALID_INPUT"),
        (json!(["1.5"]), "INVALID_INPUT"),
    ] {
        let answer = domain.service().query(BY_SCORE, json!({ "ids": ids })).await;
        assert_eq!(answer.code(), wanted, "{ids}");
        if wanted != "OK" {
            assert_eq!(answer["errors"][0]["extensions"]["field"], "ids");
        }
    }
}

#[tokio::test]
async fn an_id_has_votes_when_it_has_votes_or_a_post() {
    let domain = ranked().await;
    let read = async |id: &str| {
        let read = domain.anonymous().query(POST_VOTES, json!({ "post": id })).await;
        read.at("votes").clone()
    };
    assert_eq!(read("4").await, votes(4, 6, 1));
    assert_eq!(read("3").await, votes(3, 0, 0), "a post without votes");
    assert_eq!(read("91").await, votes(91, 0, 2), "votes without a post");
    for id in ["77", "x", "04"] {
        assert_eq!(read(id).await, Value::Null);
    }
    domain.vote(&member(1), UPVOTE, 77).await;
    assert_eq!(read("77").await, votes(77, 1, 0));
    domain.vote(&member(1), CLEAR, 77).await;
    assert_eq!(read("77").await, Value::Null);
}

#[tokio::test]
async fn a_new_post_starts_without_the_old_votes_on_its_id() {
    let domain = ranked().await;
    domain.vote(&member(1), DOWNVOTE, 90).await;
    domain.begin(90, "sports").await;
    let fresh = json!({ "upvotes": 0, "downvotes": 0, "score": 0, "myVote": null });
    let read = domain.member(1).query(MY_VOTE, json!({ "post": 90 })).await;
    assert_eq!(read, json!({ "data": { "votes": fresh } }));
    let last = json!({ "community": "sports", "last": 2 });
    assert_eq!(domain.list(TOP_POSTS, last).await, [(90, 0), (3, 0)]);
    assert!(!domain.list(TOP_VOTED, json!({})).await.contains(&(90, 0)));
    // The earlier vote on the id is gone, so this is the person's first vote on the post.
    assert_eq!(domain.vote(&member(1), DOWNVOTE, 90).await, votes(90, 0, 1));
    domain.forget(90).await;
    let read = domain.member(1).query(POST_VOTES, json!({ "post": 90 })).await;
    assert_eq!(read, json!({ "data": { "votes": null } }));
    assert_eq!(domain.list(TOP_POSTS, json!({})).await, TOP);
    let entity = domain.entities(&member(1), &[90]).await;
    assert_eq!(
        (entity.at("_entities.0.score"), entity.at("_entities.0.myVote")),
        (&json!(0), &Value::Null)
    );
    assert_eq!(domain.vote(&member(1), DOWNVOTE, 90).await, votes(90, 0, 1));
    assert_eq!(
        domain.list(TOP_POSTS, json!({})).await,
        TOP,
        "a vote on its id does not bring it back"
    );
}

#[tokio::test]
async fn post_references_resolve_to_votes_one_by_one() {
    let domain = ranked().await;
    domain.vote(&member(1), DOWNVOTE, 4).await;
    let post = |id: &str| json!({ "__typename": "Post", "id": id });
    let of = json!([post("77"), post("4"), post("x")]);
    let answer = domain.member(1).query(ENTITIES, json!({ "of": of })).await;
    assert_eq!(
        answer["data"]["_entities"],
        json!([
            { "id": "post_77", "upvotes": 0, "downvotes": 0, "score": 0, "myVote": null },
            { "id": "post_4", "upvotes": 6, "downvotes": 2, "score": 4, "myVote": "DOWN" },
            null,
        ])
    );
    for viewer in [Viewer::Anonymous, service(), member(2)] {
        let others = domain.entities(&viewer, &[4]).await;
        let (score, mine) = (others.at("_entities.0.score"), others.at("_entities.0.myVote"));
        assert_eq!((score, mine), (&json!(4), &Value::Null), "{viewer:?}");
    }
}
