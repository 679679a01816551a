//! The sample data of `agora demo`: people, the default books, products and stocks, a few messages, posts and votes,
//! money, shares and orders.

use contract::{Result, Services};

/// The demo's people, as the sign-in of GraphiQL offers them.
pub const PEOPLE: &[&str] = &["ada", "ben", "cleo", "dan", "admin"];

/// Their password: public, which is why the demo listens on loopback addresses only.
pub const PASSWORD: &str = accounts::demo::PASSWORD;

/// Puts the sample data in where it is not there yet; running it again changes nothing.
///
/// # Errors
/// When the database fails.
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
