//! An author's karma follows the votes on their posts.

use contract::{Audience, Event};
use testing::received_events;
use votes::Settings;

use crate::support::{CLEAR, DOWNVOTE, UPVOTE, VotesDomain, member, service};

const AUTHOR: i64 = 1;

/// Returns the versions of the author that events announce.
fn told_of_author(events: &mut contract::EventStream) -> Vec<i64> {
    let versions = received_events(events).into_iter().filter_map(|event| match event {
        Event::Invalidated {
            typename: "User",
            key,
            version,
            audience,
        } => {
            assert_eq!((key, audience), (format!("user_{AUTHOR}"), Audience::Everyone));
            Some(version)
        }
        _ => None,
    });
    versions.collect()
}

#[tokio::test]
async fn each_vote_counts_once_for_the_author_and_is_announced() {
    let domain = VotesDomain::with_people(3).await;
    let post = domain.post(Some(AUTHOR)).await;
    let mut events = domain.services.bus.subscribe();
    // A new account has the version 1.
    for (voter, how, karma, told) in [
        (member(2), UPVOTE, 1, vec![2]),
        (member(2), UPVOTE, 1, vec![]),
        (member(3), DOWNVOTE, 0, vec![3]),
        (service(), UPVOTE, 1, vec![4]),
        (service(), UPVOTE, 2, vec![5]),
        (service(), DOWNVOTE, 1, vec![6]),
        // A moved vote takes its karma back and gives that of the other direction.
        (member(2), DOWNVOTE, -1, vec![7, 8]),
        (member(2), CLEAR, 0, vec![9]),
        (member(2), CLEAR, 0, vec![]),
        (member(3), CLEAR, 1, vec![10]),
        // The author's own vote is counted but gives no karma.
        (member(AUTHOR), UPVOTE, 1, vec![]),
        (member(AUTHOR), DOWNVOTE, 1, vec![]),
        (member(AUTHOR), CLEAR, 1, vec![]),
    ] {
        domain.vote(&voter, how, post).await;
        assert_eq!(domain.karma(AUTHOR).await, karma, "{how}");
        assert_eq!(told_of_author(&mut events), told, "{how}");
    }
    assert_eq!((domain.karma(2).await, domain.karma(3).await), (0, 0));
}

#[tokio::test]
async fn a_program_gives_karma_only_to_accounts_that_it_may_change() {
    let domain = VotesDomain::with_people(3).await;
    // The community's mount made the first account; the third is an administrator's.
    let sql = "UPDATE account SET made_via = 'community' WHERE id = 1; UPDATE account SET admin = true WHERE id = 3";
    domain.execute(sql).await;
    let mount = contract::Viewer::open_mount("community");
    for (author, voter, karma) in [
        (1, &mount, 1),
        (2, &mount, 0),
        (3, &mount, 0),
        (2, &service(), 1),
        (3, &service(), 0),
        (3, &member(2), 1),
    ] {
        let before = domain.karma(author).await;
        let post = domain.post(Some(author)).await;
        let votes = domain.vote(voter, UPVOTE, post).await;
        assert_eq!(votes["upvotes"], 1, "{voter:?}");
        assert_eq!(domain.karma(author).await - before, karma, "{author} {voter:?}");
    }
}

#[tokio::test]
async fn a_vote_on_a_post_without_an_author_changes_no_karma() {
    let domain = VotesDomain::with_people(2).await;
    let without_author = domain.post(None).await;
    let mut events = domain.services.bus.subscribe();
    for (voter, how) in [
        (member(2), UPVOTE),
        (service(), UPVOTE),
        (member(2), DOWNVOTE),
        (member(2), CLEAR),
    ] {
        for post in [without_author, 77] {
            domain.vote(&voter, how, post).await;
        }
    }
    assert_eq!(told_of_author(&mut events), Vec::<i64>::new());
    assert_eq!((domain.karma(1).await, domain.karma(2).await), (0, 0));
}

#[tokio::test]
async fn a_vote_from_before_its_post_is_dropped_completely() {
    let domain = VotesDomain::with_people(3).await;
    // The first post gets the id 1.
    domain.vote(&member(2), UPVOTE, 1).await;
    domain.vote(&member(3), UPVOTE, 1).await;
    assert_eq!(domain.post(Some(AUTHOR)).await, 1);
    domain.vote(&member(2), CLEAR, 1).await;
    assert_eq!(domain.karma(AUTHOR).await, 0, "there was nothing to take back");
    domain.vote(&member(3), DOWNVOTE, 1).await;
    assert_eq!(domain.karma(AUTHOR).await, -1);
}

#[tokio::test]
async fn karma_given_by_votes_on_a_deleted_post_stays() {
    let domain = VotesDomain::with_people(3).await;
    let post = domain.post(Some(AUTHOR)).await;
    domain.vote(&member(2), UPVOTE, post).await;
    domain.vote(&member(3), UPVOTE, post).await;
    domain.delete(post).await;
    assert_eq!(domain.karma(AUTHOR).await, 2);
    // The deleted post took its votes with it: their karma can be neither taken back nor given again.
    domain.vote(&member(2), CLEAR, post).await;
    domain.vote(&member(3), DOWNVOTE, post).await;
    assert_eq!(domain.karma(AUTHOR).await, 2);
}

#[tokio::test]
async fn disabled_karma_votes_only_take_back_earlier_credits() {
    let follows = |karma_follows_votes| Settings { karma_follows_votes };
    let mut domain = VotesDomain::with_people(5).await;
    let post = domain.post(Some(AUTHOR)).await;
    domain.vote(&member(2), UPVOTE, post).await;
    domain.vote(&member(3), UPVOTE, post).await;
    domain.set(follows(false));
    for voter in [member(4), member(5), service()] {
        domain.vote(&voter, UPVOTE, post).await;
    }
    assert_eq!(domain.karma(AUTHOR).await, 2);
    domain.vote(&member(2), DOWNVOTE, post).await;
    assert_eq!(domain.karma(AUTHOR).await, 1, "taken back, and nothing given instead");
    domain.vote(&member(3), CLEAR, post).await;
    assert_eq!(domain.karma(AUTHOR).await, 0);
    // A vote that gave no karma when it was cast takes none back when it is cleared.
    domain.set(follows(true));
    domain.vote(&member(4), CLEAR, post).await;
    assert_eq!(domain.karma(AUTHOR).await, 0);
    domain.vote(&member(5), DOWNVOTE, post).await;
    assert_eq!(domain.karma(AUTHOR).await, -1);
}

#[tokio::test]
async fn a_deactivated_author_keeps_the_karma() {
    let domain = VotesDomain::with_people(4).await;
    let post = domain.post(Some(AUTHOR)).await;
    domain.vote(&member(2), UPVOTE, post).await;
    domain.vote(&member(3), UPVOTE, post).await;
    domain.deactivate(AUTHOR).await;
    let mut events = domain.services.bus.subscribe();
    domain.vote(&member(2), DOWNVOTE, post).await;
    domain.vote(&member(3), CLEAR, post).await;
    domain.vote(&member(4), UPVOTE, post).await;
    assert_eq!(domain.karma(AUTHOR).await, 2);
    assert_eq!(told_of_author(&mut events), Vec::<i64>::new());
}

#[tokio::test]
async fn an_old_self_vote_takes_back_its_karma_and_gives_none() {
    let domain = VotesDomain::with_people(2).await;
    let post = domain.post(Some(AUTHOR)).await;
    domain.vote(&member(AUTHOR), UPVOTE, post).await;
    // Earlier versions stored the author's own vote like this.
    let sql = format!("UPDATE vote SET credited_id = {AUTHOR}; UPDATE account SET karma = 1 WHERE id = {AUTHOR}");
    domain.execute(&sql).await;
    domain.vote(&member(AUTHOR), DOWNVOTE, post).await;
    assert_eq!(domain.karma(AUTHOR).await, 0);
    domain.vote(&member(AUTHOR), UPVOTE, post).await;
    assert_eq!(domain.karma(AUTHOR).await, 0);
}

#[tokio::test]
async fn a_vote_counts_without_karma_at_the_bound_of_the_author() {
    for (bound, beyond, back, after_back) in [
        (2_147_483_647, UPVOTE, DOWNVOTE, 2_147_483_646),
        (-2_147_483_648, DOWNVOTE, UPVOTE, -2_147_483_647),
    ] {
        let domain = VotesDomain::with_people(3).await;
        let post = domain.post(Some(AUTHOR)).await;
        domain.set_karma(AUTHOR, bound).await;
        let mut events = domain.services.bus.subscribe();
        let counted = domain.vote(&member(2), beyond, post).await;
        assert_eq!(counted["score"].as_i64().unwrap().abs(), 1, "the vote counts");
        assert_eq!(domain.karma(AUTHOR).await, bound);
        assert_eq!(told_of_author(&mut events), Vec::<i64>::new());
        // The vote gave no karma, so none is taken back.
        domain.vote(&member(2), CLEAR, post).await;
        assert_eq!(domain.karma(AUTHOR).await, bound);
        domain.vote(&member(2), beyond, post).await;
        domain.vote(&member(2), back, post).await;
        assert_eq!(domain.karma(AUTHOR).await, after_back);
        domain.vote(&member(2), CLEAR, post).await;
        assert_eq!(domain.karma(AUTHOR).await, bound);
    }
}
