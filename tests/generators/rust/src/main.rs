//! The clients of `openapi-generator -g rust`: each mount's main job, then an error.
//!
//! Only generated functions and types are used. AGORA_URL is the address of a demo server.

mod scenarios;

use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    scenarios::trade_at_the_bazaar().await?;
    println!("rust bazaar: passed");
    scenarios::sell_a_book().await?;
    println!("rust bookstore: passed");
    scenarios::trade_and_lend().await?;
    println!("rust brokerage: passed");
    scenarios::post_and_vote().await?;
    println!("rust community: passed");
    scenarios::order_at_the_shop().await?;
    println!("rust shop: passed");
    Ok(())
}
