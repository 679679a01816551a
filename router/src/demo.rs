//! The sample data of `agora demo`: users, the default books, products and stocks, a few messages, posts and votes,
//! money, shares and orders.

use contract::{Result, Services};

/// The demo's users, whom GraphiQL's sign-in offers.
pub const PEOPLE: &[&str] = &["ada", "ben", "cleo", "dan", "admin"];

/// Their password. It is public, so the demo listens on loopback addresses only.
pub const PASSWORD: &str = accounts::demo::PASSWORD;

/// Inserts the sample data where it is missing; running it again changes nothing.
pub async fn seed(services: &Services) -> Result<()> {
    let people = accounts::demo::seed(services).await?;
    bookstore::demo::seed(services).await?;
    bookstore::demo::seed_sales(services, people).await?;
    exchange::demo::seed(services).await?;
    messages::demo::seed(services, people).await?;
    posts::demo::seed(services, people).await?;
    votes::demo::seed(services, people).await?;
    shop::demo::seed(services, people).await?;
    wallet::demo::seed(services, people).await?;
    brokerage::demo::seed(services, people).await
}
