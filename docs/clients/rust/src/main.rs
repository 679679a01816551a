//! Agora with graphql_client and reqwest. The types of all operations are generated from the schema, so a wrong field or argument
//! does not compile.
//!
//! ```sh
//! agora demo
//! AGORA_URL=http://127.0.0.1:4000 cargo run
//! ```

mod agora;
mod operations;

use std::error::Error;

use uuid::Uuid;

use agora::{Agora, AgoraError};
use operations::{Books, Buy, Renew, SignIn, StockChanged, books, buy, renew, sign_in, stock_changed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut agora = Agora::from_environment();

    let sign_in = sign_in::Variables {
        login: "ada".to_owned(),
        password: "agora-demo-2026".to_owned(),
    };
    let session = agora.execute::<SignIn>(sign_in).await?.login;
    println!("signed in as {}, until {}", session.user.username, session.expires_at);
    agora.token = Some(session.token);

    // A list comes in pages. The cursor of one page is the argument of the next.
    let mut after = None;
    loop {
        let page = agora.execute::<Books>(books::Variables { after }).await?.books;
        for book in page.nodes {
            println!("{}: {} ({})", book.id, book.title, book.price);
        }
        if !page.page_info.has_next_page {
            break;
        }
        after = page.page_info.end_cursor;
    }

    // Subscribe first and buy then: a subscription has no events from before it began.
    let mut changes = agora.subscribe::<StockChanged>(stock_changed::Variables).await?;

    // The key makes it safe to send the order again when no answer arrives: it is executed once.
    let key = Uuid::new_v4();
    let order = agora.execute::<Buy>(buy_shares(key, 1)).await?.place_order;
    let again = agora.execute::<Buy>(buy_shares(key, 1)).await?.place_order;
    println!("bought once: {}", order.id == again.id);

    let stock = changes.next().await?.ok_or("the subscription has ended")?.stock_changed;
    println!("{}: {} shares at {}", stock.name, stock.quantity, stock.price);
    // Ends the request, and with it the subscription.
    drop(changes);

    // A program reacts to the code of an error, never to its message.
    match agora.execute::<Buy>(buy_shares(Uuid::new_v4(), 1_000_000)).await {
        Err(AgoraError::Graphql { code, .. }) if code == "INSUFFICIENT_STOCK" => {
            println!("not that many shares are left");
        }
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("the order was executed".into()),
    }

    // A refresh token is valid once. It is sent without `Authorization`, because an expired token there would be refused.
    agora.token = None;
    let renew = renew::Variables {
        token: session.refresh_token,
    };
    agora.token = Some(agora.execute::<Renew>(renew).await?.refresh.token);
    println!("renewed the session");
    Ok(())
}

fn buy_shares(key: Uuid, quantity: i64) -> buy::Variables {
    buy::Variables {
        key: key.to_string(),
        input: buy::PlaceOrderInput {
            stock: "stock_3".to_owned(),
            side: buy::Side::BUY,
            quantity,
            authorization: None,
            automated: None,
            expires_at: None,
            limit_price: None,
        },
    }
}
