//! The sample data of `agora demo`: users, the default books, products and stocks, a few messages, posts and votes,
//! money, shares and orders.

use contract::{Result, Services};

/// The demo's users, whom GraphiQL's sign-in offers.
pub const PEOPLE: &[&str] = &["ada", "ben", "cleo", "dan", "admin"];

/// Their password. It is public, so the demo listens on loopback addresses only.
pub const PASSWORD: &str = accounts::demo::PASSWORD;

/// Inserts the sample data where it is missing; running it again changes nothing.
pub async fn seed(services: &Services) -> Result<()> {
    let accounts::demo::People {
        ada, ben, cleo, dan, ..
    } = accounts::demo::seed(services).await?;
    bookstore::demo::seed(services).await?;
    bookstore::demo::seed_sales(services, bookstore::demo::People { ada, cleo }).await?;
    exchange::demo::seed(services).await?;
    messages::demo::seed(services, messages::demo::People { ada, ben, cleo, dan }).await?;
    posts::demo::seed(services, posts::demo::People { ada, ben, cleo, dan }).await?;
    votes::demo::seed(services, votes::demo::People { ada, ben, cleo, dan }).await?;
    shop::demo::seed(services, shop::demo::People { ada, cleo, dan }).await?;
    wallet::demo::seed(services, wallet::demo::People { ada, ben, cleo, dan }).await?;
    brokerage::demo::seed(services, brokerage::demo::People { ada, ben }).await
}
