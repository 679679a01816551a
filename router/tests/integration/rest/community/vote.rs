//! The voting service.

use super::app::{CommunityApp, NEW_POST, assert_names, said};

fn votes(post: i64, upvotes: i64, downvotes: i64) -> String {
    let score = upvotes - downvotes;
    format!(r#"{{"postId":{post},"upvotes":{upvotes},"downvotes":{downvotes},"score":{score}}}"#)
}

#[tokio::test]
async fn each_anonymous_vote_counts_again() {
    let community = CommunityApp::open().await;
    for (line, expected) in [
        ("POST /votes/6/upvotes", votes(6, 1, 0)),
        ("POST /votes/6/upvotes", votes(6, 2, 0)),
        ("POST /votes/6/downvotes", votes(6, 2, 1)),
        ("POST /votes/3/downvotes", votes(3, 4, 1)),
    ] {
        let voted = community.call(line, "").await;
        assert_eq!(voted.line(), format!("201 {expected}"), "{line}");
        let location = voted.header("location");
        assert_eq!(location, format!("/community{}", line[5..].rsplit_once('/').unwrap().0));
        let read = community.app.call(&format!("GET {location}")).await;
        assert_eq!(read.line(), format!("200 {expected}"), "{line}");
    }
}

#[tokio::test]
async fn a_users_token_casts_that_users_single_vote() {
    let community = CommunityApp::open().await;
    let cleo = community.app.person(3);
    for (line, expected) in [
        ("POST /votes/6/upvotes", votes(6, 1, 0)),
        ("POST /votes/6/upvotes", votes(6, 1, 0)),
        ("POST /votes/6/downvotes", votes(6, 0, 1)),
    ] {
        let voted = community.with_token(&cleo, line, "").await;
        assert_eq!(voted.line(), format!("201 {expected}"), "{line}");
    }
    // A vote of a service belongs to no user, so each one counts.
    let service = community.app.service();
    for upvotes in 1..=2 {
        let voted = community.with_token(&service, "POST /votes/6/upvotes", "").await;
        assert_eq!(voted.line(), format!("201 {}", votes(6, upvotes, 1)));
    }
}

#[tokio::test]
async fn votes_on_an_unknown_id_are_reset_when_its_post_is_created() {
    let community = CommunityApp::open().await;
    assert_eq!(
        community.get("/votes/7").await.line(),
        said(404, "neither votes nor a post with this id")
    );
    for id in [7, 99, -1] {
        let voted = community.call(&format!("POST /votes/{id}/upvotes"), "").await;
        assert_eq!(voted.line(), format!("201 {}", votes(id, 1, 0)));
        assert_eq!(
            community.get(&format!("/votes/{id}")).await.line(),
            format!("200 {}", votes(id, 1, 0))
        );
    }
    assert_eq!(community.call("POST /posts", NEW_POST).await.json()["id"], 7);
    assert_eq!(
        community.get("/votes/7").await.line(),
        format!("200 {}", votes(7, 0, 0))
    );
}

#[tokio::test]
async fn a_post_without_votes_has_zero_and_an_unknown_id_is_404() {
    let community = CommunityApp::open().await;
    assert_eq!(
        community.get("/votes/6").await.line(),
        format!("200 {}", votes(6, 0, 0))
    );
    for id in ["7", "0", "x", "6.0", "06", "9223372036854775808"] {
        let answered = community.get(&format!("/votes/{id}")).await;
        assert_eq!(
            answered.line(),
            said(404, "neither votes nor a post with this id"),
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_vote_requires_an_integer_id() {
    let community = CommunityApp::open().await;
    let before = community.everything().await;
    for id in ["x", "6.0", "06", "%20", "9223372036854775808", "-9223372036854775809"] {
        for way in ["upvotes", "downvotes"] {
            let answered = community.call(&format!("POST /votes/{id}/{way}"), "").await;
            assert_names(&answered, "postId ", &format!("{id}/{way}"));
        }
    }
    assert_eq!(community.everything().await, before);
}

#[tokio::test]
async fn the_top_list_is_by_score_and_id_and_includes_unknown_ids() {
    let community = CommunityApp::open().await;
    assert_eq!(community.list("/votes/top", "postId").await, [3, 1, 2, 4, 5]);
    assert_eq!(community.list("/votes/top", "score").await, [4, 3, 1, 0, -2]);
    for _ in 0..3 {
        community.call("POST /votes/99/upvotes", "").await;
    }
    assert_eq!(community.list("/votes/top?n=3", "postId").await, [3, 99, 1]);
    for id in 100..130 {
        community.call(&format!("POST /votes/{id}/downvotes"), "").await;
    }
    for (n, wanted) in [("", 25), ("?n=1", 1), ("?n=100", 36)] {
        assert_eq!(
            community.list(&format!("/votes/top{n}"), "postId").await.len(),
            wanted,
            "{n}"
        );
    }
    for n in ["0", "101", "x", "", "2.0", "9223372036854775808"] {
        assert_names(&community.get(&format!("/votes/top?n={n}")).await, "n ", n);
    }
}

#[tokio::test]
async fn given_posts_are_sorted_by_score_without_duplicates() {
    let community = CommunityApp::open().await;
    for (ids, wanted) in [
        ("5,4,3,2,1", vec![3, 1, 2, 4, 5]),
        ("1", vec![1]),
        ("1,3,1,3", vec![3, 1]),
        // An id without votes has score 0, whether or not there is such a post.
        ("5,6,2,77", vec![2, 77, 6, 5]),
        ("-7,0", vec![0, -7]),
        ("3%2C1", vec![3, 1]),
    ] {
        assert_eq!(
            community.list(&format!("/votes?ids={ids}"), "postId").await,
            wanted,
            "{ids}"
        );
    }
    let zeros = community.get("/votes?ids=77,5").await;
    assert_eq!(zeros.line(), format!("200 [{},{}]", votes(77, 0, 0), votes(5, 0, 2)));
    let hundred: Vec<String> = (1..=100).map(|id: i64| id.to_string()).collect();
    let hundred = hundred.join(",");
    assert_eq!(
        community.list(&format!("/votes?ids={hundred}"), "postId").await.len(),
        100
    );
    for query in [
        "",
        "?ids=",
        "?ids=1,",
        "?ids=,",
        "?ids=1,x",
        "?ids=1;2",
        "?ids=1.0",
        "?ids=[1]",
        "?ids=1&ids=2",
        "?ids=9223372036854775808",
        &format!("?ids={hundred},101"),
    ] {
        assert_names(&community.get(&format!("/votes{query}")).await, "ids ", query);
    }
}
