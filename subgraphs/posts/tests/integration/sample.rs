//! The sample data.

use serde_json::json;

use crate::support::{ADA, BEN, CLEO, DAN, PostsDomain, member};

#[tokio::test]
async fn the_sample_data_is_seeded_where_no_post_ever_was() {
    let people = posts::demo::People {
        ada: ADA,
        ben: BEN,
        cleo: CLEO,
        dan: DAN,
    };
    let domain = PostsDomain::new().await;
    for _ in 0..2 {
        posts::demo::seed(&domain.services, people).await.unwrap();
    }
    let answer = domain
        .ask(
            &member(DAN),
            "{ recentPosts { nodes { id username author { id } community { name } } } }",
        )
        .await;
    let nodes = answer["data"]["recentPosts"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 6);
    for (number, id) in [("1", "3"), ("6", "4")] {
        let post = nodes.iter().find(|post| post["id"] == number).unwrap();
        assert_eq!(post["author"]["id"], id, "{post}");
    }
    assert_eq!(nodes[0]["community"], json!({ "name": "Outdoors" }));

    // An operator who deleted every post does not want the sample posts back.
    let bare = PostsDomain::new().await;
    let id = bare.post(CLEO, "Books", "one").await;
    bare.delete(&id).await;
    posts::demo::seed(&bare.services, people).await.unwrap();
    assert!(bare.titles("recentPosts").await.is_empty());
}
