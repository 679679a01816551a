//! Sample data: votes of the four people of the demo on its posts.

use contract::{DemoPeople, Result, Services};
use entities::vote::Direction::{self, Down, Up};
use entities::{post, post_votes, voting};
use sea_orm::{EntityTrait, QueryOrder, QuerySelect};

/// Casts votes on the oldest posts of a database that has never had a vote. Changes nothing in any other database.
pub async fn seed(services: &Services, people: DemoPeople) -> Result<()> {
    let now_us = services.clock.now_us();
    let sample_votes = sample_votes(people);
    services
        .db
        .write(async move |tx| {
            if post_votes::has_any_vote(tx).await? {
                return Ok(());
            }
            let oldest = post::Entity::find()
                .select_only()
                .column(post::Column::Id)
                .order_by_asc(post::Column::Id)
                .limit(sample_votes.len() as u64);
            let posts: Vec<i64> = oldest.into_tuple().all(tx).await?;
            for (post_id, sample_votes) in posts.iter().zip(&sample_votes) {
                for &(person, direction) in sample_votes {
                    // Without karma: the sample accounts already have the karma that these votes would give.
                    voting::cast(tx, *post_id, person, direction, false, now_us).await?;
                }
            }
            Ok(())
        })
        .await
}

/// Returns each person's vote on the first post, the second and so on.
fn sample_votes(
    DemoPeople {
        ada, ben, cleo, dan, ..
    }: DemoPeople,
) -> [Vec<(i64, Direction)>; 6] {
    [
        vec![(ada, Up), (ben, Up), (dan, Up)],
        vec![(ada, Up), (cleo, Up), (ben, Down)],
        vec![(ada, Up), (ben, Up), (dan, Up), (cleo, Up)],
        vec![(ben, Down), (cleo, Up)],
        vec![(ada, Down), (dan, Down)],
        vec![],
    ]
}
