//! The sample data.

use contract::DemoPeople;
use serde_json::json;

use crate::support::{ADA, BEN, CLEO, DAN, PostsDomain};

const POSTS: &str = "{ recentPosts { nodes { id username author { id } community { name } } } }";

#[tokio::test]
async fn the_sample_data_is_seeded_where_no_post_ever_was() {
    let people = DemoPeople {
        ada: ADA,
        ben: BEN,
        cleo: CLEO,
        dan: DAN,
        admin: 0,
    };
    let domain = PostsDomain::new().await;
    for _ in 0..2 {
        posts::demo::seed(&domain.services, people).await.unwrap();
    }
    let answer = domain.member(DAN).query(POSTS, json!({})).await;
    let nodes = answer.all("recentPosts.nodes.*");
    assert_eq!(nodes.len(), 6);
    for (number, id) in [("post_1", "user_3"), ("post_6", "user_4")] {
        let post = nodes.iter().find(|post| post["id"] == number).unwrap();
        assert_eq!(post["author"]["id"], id, "{post}");
    }
    assert_eq!(nodes[0]["community"], json!({ "name": "Outdoors" }));

    // An operator who deleted every post does not want the sample posts back.
    let bare = PostsDomain::new().await;
    let id = bare.post(CLEO, "Books", "one").await;
    bare.delete(&id).await;
    posts::demo::seed(&bare.services, people).await.unwrap();
    assert!(bare.titles(json!({})).await.is_empty());
}
