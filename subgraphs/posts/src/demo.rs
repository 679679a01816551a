//! Sample data: six posts by four people in three communities.

use contract::{DemoPeople, Result, Services};
use entities::community;
use entities::post::{self, NewPost};
use sea_orm::{EntityTrait, PaginatorTrait};

/// Microseconds in a minute.
const MINUTE_US: i64 = 60_000_000;

/// Fills a database that has never had a post. Changes nothing in any other database.
pub async fn seed(services: &Services, people: DemoPeople) -> Result<()> {
    let now_us = services.clock.now_us();
    let posts = sample_posts(people);
    services
        .db
        .write(async move |tx| {
            // A community outlives its posts, so it shows that the database has had one.
            if community::Entity::find().count(tx).await? > 0 {
                return Ok(());
            }
            for sample in &posts {
                let (username, id) = sample.author;
                let new = NewPost {
                    title: sample.title.to_owned(),
                    text: sample.text.to_owned(),
                    community: sample.community.to_owned(),
                    url: sample.url.map(str::to_owned),
                    username: username.to_owned(),
                    author_id: Some(id),
                    at_us: now_us - sample.minutes_ago * MINUTE_US,
                };
                post::add(tx, new, now_us).await?;
            }
            Ok(())
        })
        .await
}

struct SamplePost {
    minutes_ago: i64,
    author: (&'static str, i64),
    community: &'static str,
    title: &'static str,
    text: &'static str,
    url: Option<&'static str>,
}

fn sample_posts(
    DemoPeople {
        ada, ben, cleo, dan, ..
    }: DemoPeople,
) -> [SamplePost; 6] {
    let [ada, ben, cleo, dan] = [("ada", ada), ("ben", ben), ("cleo", cleo), ("dan", dan)];
    let post = |minutes_ago, author, community, title, text| SamplePost {
        minutes_ago,
        author,
        community,
        title,
        text,
        url: None,
    };
    [
        post(
            8_600,
            cleo,
            "Books",
            "What are you reading?",
            "I am on the second half of the one about remote procedure calls. No spoilers, please.",
        ),
        post(
            7_100,
            dan,
            "Books",
            "The undergrad cookbook, tested",
            "Cooked my way through the first three chapters.\nChapter one works without a kitchen.",
        ),
        SamplePost {
            url: Some("https://example.com/pioneer-valley/trails"),
            ..post(
                4_300,
                cleo,
                "Outdoors",
                "Which trail for a first spring walk?",
                "The map shows five of them. Which one is dry in April?",
            )
        },
        post(
            2_950,
            ada,
            "Markets",
            "MenhirCo below ten",
            "Is anybody else surprised? I have not sold a single share.",
        ),
        post(
            1_420,
            ben,
            "Markets",
            "How a broker's fee is counted",
            "It is taken of the trade, not of your balance. Ask before you sign.",
        ),
        post(
            55,
            dan,
            "Outdoors",
            "Lost: one grey glove",
            "Left hand, at the bridge. The right one misses it.",
        ),
    ]
}
