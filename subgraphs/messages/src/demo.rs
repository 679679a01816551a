//! Sample data: a few messages among four people.

use contract::{DemoPeople, Result, Services};
use entities::message;
use sea_orm::{EntityTrait, PaginatorTrait};

/// Microseconds in a minute.
const MINUTE_US: i64 = 60_000_000;

/// Fills a database that has no messages. Changes nothing in any other database.
pub async fn seed(services: &Services, people: DemoPeople) -> Result<()> {
    let now_us = services.clock.now_us();
    let messages = sample_messages(people);
    services
        .db
        .write(async move |tx| {
            if message::Entity::find().count(tx).await? > 0 {
                return Ok(());
            }
            for sample in &messages {
                let at_us = now_us - sample.minutes_ago * MINUTE_US;
                let contents = sample.contents.to_owned();
                let flag = sample.flag.map(str::to_owned);
                let new = message::Model::new(0, sample.from, sample.to, at_us, contents, flag);
                let (favorite, read) = (sample.favorite, sample.read);
                message::add(tx, message::Model { favorite, read, ..new }).await?;
            }
            Ok(())
        })
        .await
}

struct SampleMessage {
    minutes_ago: i64,
    from: i64,
    to: i64,
    contents: &'static str,
    flag: Option<&'static str>,
    favorite: bool,
    read: bool,
}

fn sample_messages(
    DemoPeople {
        ada, ben, cleo, dan, ..
    }: DemoPeople,
) -> [SampleMessage; 8] {
    let unread = |minutes_ago, from, to, contents| SampleMessage {
        minutes_ago,
        from,
        to,
        contents,
        flag: None,
        favorite: false,
        read: false,
    };
    let read = |minutes_ago, from, to, contents| SampleMessage {
        read: true,
        ..unread(minutes_ago, from, to, contents)
    };
    [
        read(2_900, cleo, dan, "Have you seen what is new in the bookstore?"),
        SampleMessage {
            favorite: true,
            ..read(2_880, dan, cleo, "Yes! I am halfway through \"RPCs for Noobs\".")
        },
        read(1_500, cleo, dan, "Tell me how it ends."),
        SampleMessage {
            flag: Some("question"),
            ..read(1_440, ada, ben, "What do you think of MenhirCo at this price?")
        },
        unread(
            1_380,
            ben,
            ada,
            "Wait for the morning, then we talk.\nMy fee stays at 1 %.",
        ),
        unread(240, dan, cleo, "It ends with a timeout."),
        SampleMessage {
            flag: Some("urgent"),
            ..unread(95, ada, cleo, "Could you lend me the one about project 3? I am late.")
        },
        unread(30, ben, dan, "You left your notes at my desk."),
    ]
}
