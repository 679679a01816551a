//! The sample data.

use contract::DemoPeople;
use serde_json::json;
use votes::demo::seed;

use crate::support::{CLEAR, DOWNVOTE, TOP_POSTS, TOP_VOTED, VotesDomain, member};

const PEOPLE: DemoPeople = DemoPeople {
    ada: 1,
    ben: 2,
    cleo: 3,
    dan: 4,
    admin: 0,
};

#[tokio::test]
async fn the_sample_votes_are_seeded_once_where_no_vote_ever_was() {
    let domain = VotesDomain::with_people(4).await;
    for author in [3, 4, 3, 1, 2, 4] {
        domain.post(Some(author)).await;
    }
    for _ in 0..2 {
        seed(&domain.services, PEOPLE).await.unwrap();
        let ranked = [(3, 4), (1, 3), (2, 1), (6, 0), (4, 0), (5, -2)];
        assert_eq!(domain.list(TOP_POSTS, json!({})).await, ranked);
        assert_eq!(domain.karma(3).await, 0, "cleo's karma is what her account began with");
    }
    for post in 1..=6 {
        for person in 1..=4 {
            domain.vote(&member(person), CLEAR, post).await;
        }
    }
    seed(&domain.services, PEOPLE).await.unwrap();
    assert_eq!(domain.list(TOP_VOTED, json!({})).await, []);

    let taken = VotesDomain::with_people(4).await;
    taken.post(Some(1)).await;
    taken.vote(&member(2), DOWNVOTE, 77).await;
    seed(&taken.services, PEOPLE).await.unwrap();
    assert_eq!(taken.list(TOP_VOTED, json!({})).await, [(77, -1)]);
}
