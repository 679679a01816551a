//! Sample data: the seven default books of the contract (docs/rest-contract/bookstore.md#default-books).

use contract::{DemoPeople, Result, Services};
use entities::{book, book_purchase};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

/// The copies of each book.
const QUANTITY: i64 = 10;

/// Title, topic and price in dollars, in the order of their ids.
const BOOKS: [(&str, &str, i64); 7] = [
    (
        "How to get a good grade in DOS in 40 minutes a day",
        "distributed systems",
        40,
    ),
    ("RPCs for Noobs", "distributed systems", 50),
    (
        "Xen and the Art of Surviving Undergraduate School",
        "undergraduate school",
        60,
    ),
    ("Cooking for the Impatient Undergrad", "undergraduate school", 30),
    ("How to finish Project 3 on time", "new arrivals", 15),
    ("Why theory classes are so hard", "new arrivals", 15),
    ("Spring in the Pioneer Valley", "new arrivals", 15),
];

/// Fills a store that has never had a book or a sale. Changes nothing in any other store.
pub async fn seed(services: &Services) -> Result<()> {
    let now_us = services.clock.now_us();
    services
        .db
        .write(async move |tx| {
            let rows = book::Entity::find().count(tx).await? + book_purchase::Entity::find().count(tx).await?;
            if rows > 0 {
                return Ok(());
            }
            for (title, topic, dollars) in BOOKS {
                let new = book::NewBook {
                    title: title.to_owned(),
                    topic: topic.to_owned(),
                    price_minor: dollars * 100,
                    currency: "USD".to_owned(),
                    quantity: QUANTITY,
                };
                book::add(tx, new, now_us).await?;
            }
            Ok(())
        })
        .await
}

/// Records two purchases of a day ago as sample data. Changes nothing in a store that has already sold a book.
///
/// The sales do not reduce the copies left, which stay at the documented number.
pub async fn seed_sales(services: &Services, people: DemoPeople) -> Result<()> {
    let yesterday_us = services.clock.now_us() - 24 * 3600 * 1_000_000;
    let sales = [
        (people.cleo, "Why theory classes are so hard"),
        (people.ada, "RPCs for Noobs"),
    ];
    services
        .db
        .write(async move |tx| {
            if book_purchase::Entity::find().count(tx).await? > 0 {
                return Ok(());
            }
            for (buyer, title) in sales {
                let sold = book::Entity::find()
                    .filter(book::Column::Title.eq(title))
                    .one(tx)
                    .await?;
                if let Some(book) = sold {
                    book_purchase::record(tx, &book, Some(buyer), yesterday_us).await?;
                }
            }
            Ok(())
        })
        .await
}
