//! The scenarios, one for each mount.

use std::env;
use std::error::Error;

const NAME: &str = "rust";
/// The password of everyone in the sample data.
const PASSWORD: &str = "agora-demo-2026";

type Result = std::result::Result<(), Box<dyn Error>>;

/// Returns the address of a mount.
fn address(mount: &str) -> String {
    let server = env::var("AGORA_URL").unwrap_or_else(|_| "http://127.0.0.1:4000".to_owned());
    format!("{}/{mount}", server.trim_end_matches('/'))
}

/// Returns the status and the typed body of a request that has to fail. Each client has an error type of its own.
macro_rules! failure {
    ($client:ident, $request:expr) => {
        match $request.await {
            Err($client::apis::Error::ResponseError(response)) => {
                let body: $client::models::ErrorBody = serde_json::from_str(&response.content)?;
                (response.status.as_u16(), body)
            }
            other => return Err(format!("no error response: {other:?}").into()),
        }
    };
}

pub async fn trade_at_the_bazaar() -> Result {
    use bazaar::apis::configuration::Configuration;
    use bazaar::apis::front_api::{get_order, get_stock, place_order};
    use bazaar::models::{ErrorBody, ErrorDetails, Order, Trade, order, trade};

    let bazaar = Configuration {
        base_path: address("bazaar"),
        ..Configuration::new()
    };
    let before = get_stock(&bazaar, "GameStart").await?.data.quantity;
    let trade = Trade::new("GameStart".to_owned(), 2, trade::Type::Buy);
    let bought = place_order(&bazaar, trade.clone(), Some("rust-buy")).await?.data;
    let again = place_order(&bazaar, trade.clone(), Some("rust-buy")).await?.data;
    assert_eq!(again, bought);
    assert_eq!(bought.transaction_number, bought.order_number);
    let recorded = get_order(&bazaar, bought.order_number).await?.data;
    let expected = Order::new("GameStart".to_owned(), bought.order_number, 2, order::Type::Buy);
    assert_eq!(*recorded, expected);
    assert_eq!(get_stock(&bazaar, "GameStart").await?.data.quantity, before - 2);
    let sale = Trade {
        r#type: trade::Type::Sell,
        ..trade
    };
    place_order(&bazaar, sale, None).await?;
    assert_eq!(get_stock(&bazaar, "GameStart").await?.data.quantity, before);

    let details = ErrorDetails::new(404, "stock not found".to_owned());
    let missing = failure!(bazaar, get_stock(&bazaar, "Nothing"));
    assert_eq!(missing, (404, ErrorBody::new(details)));
    Ok(())
}

pub async fn sell_a_book() -> Result {
    use bookstore::apis::catalog_api::{add_book, delete_book, update_book};
    use bookstore::apis::configuration::Configuration;
    use bookstore::apis::front_api::{get_book_info, purchase_book, search_books};
    use bookstore::apis::order_api::get_order;
    use bookstore::models::{Book, BookChange, BookFound, BoughtBook, NewBook};

    let bookstore = Configuration {
        base_path: address("bookstore"),
        ..Configuration::new()
    };
    let title = "Typed Tales".to_owned();
    let new_book = NewBook::new(15.99, 3, title.clone(), NAME.to_owned());
    let book = add_book(&bookstore, new_book, None).await?;
    let found = search_books(&bookstore, NAME, None).await?;
    assert_eq!(found, [BookFound::new(book.id, title.clone())]);
    let change = BookChange {
        price: Some(12.5),
        ..BookChange::new()
    };
    let changed = update_book(&bookstore, book.id, change).await?;
    let (id, expected) = (book.id, Book { price: 12.5, ..book });
    assert_eq!(changed, expected);
    let bought = purchase_book(&bookstore, id, Some("rust-purchase")).await?;
    assert_eq!(*bought.book, BoughtBook::new(id, 12.5, 2, title));
    let order = get_order(&bookstore, bought.order_id).await?;
    assert_eq!((order.book_id, order.price), (id, 12.5));
    delete_book(&bookstore, id).await?;

    let (status, body) = failure!(bookstore, get_book_info(&bookstore, id));
    assert_eq!((status, body.message), (404, body.error));
    Ok(())
}

pub async fn trade_and_lend() -> Result {
    use brokerage::apis::configuration::Configuration;
    use brokerage::apis::stock_api::{cancel_order, get_order, list_stockholdings, place_order};
    use brokerage::apis::user_api::{
        create_authorization, get_authorization, login, register_user, revoke_authorization,
    };
    use brokerage::apis::wallet_api::{create_transaction, get_balance, get_transaction};
    use brokerage::models::{
        CapitalGrant, Credentials, NewAuthorization, NewOrder, NewTransaction, NewUser, OrderChange, StockHoldingGrant,
        authorization, capital_grant, new_order, new_transaction, new_user, order, order_change, stock_holding_grant,
    };

    let anyone = Configuration {
        base_path: address("brokerage"),
        ..Configuration::new()
    };
    let credentials = Credentials::new("ada@example.com".to_owned(), PASSWORD.to_owned());
    let ada = Configuration {
        bearer_access_token: Some(login(&anyone, credentials).await?.token),
        ..anyone.clone()
    };

    let before = get_balance(&ada).await?.balance;
    let deposit = NewTransaction::new(40.5, new_transaction::Type::Deposit);
    let transaction = create_transaction(&ada, deposit, None).await?;
    assert_eq!(get_transaction(&ada, transaction.id).await?, transaction);
    assert!((get_balance(&ada).await?.balance - before - 40.5).abs() < 0.001);

    let new_order = NewOrder {
        automated: Some(true),
        limit_price: Some(Some(1.0)),
        ..NewOrder::new(1, 4, new_order::Type::Purchase)
    };
    let placed = place_order(&ada, new_order, None).await?;
    assert_eq!((placed.order_price, placed.broker_id), (1.0, None));
    assert_eq!(get_order(&ada, placed.id).await?, placed);
    let change = OrderChange::new(order_change::Status::Cancelled);
    let cancelled = cancel_order(&ada, placed.id, change).await?;
    assert_eq!(cancelled.status, order::Status::Cancelled);

    // Both variants of one body, with a day and with a time.
    let grant = CapitalGrant::new(10.25, 2, "2030-12-31".to_owned(), capital_grant::Type::Capital);
    let money = create_authorization(&ada, NewAuthorization::CapitalGrant(Box::new(grant)), None).await?;
    assert_eq!(money.r#type, authorization::Type::Capital);
    let holdings = list_stockholdings(&ada, None).await?;
    let holding = holdings.iter().find(|holding| holding.amount > 0).ok_or("no shares")?;
    let end = "2031-01-31T12:30:00Z".to_owned();
    let grant = StockHoldingGrant::new(1, 2, end, holding.id, stock_holding_grant::Type::Stockholding);
    let shares = create_authorization(&ada, NewAuthorization::StockHoldingGrant(Box::new(grant)), None).await?;
    assert_eq!(shares.stock_holding_id, Some(holding.id));
    assert_eq!(get_authorization(&ada, shares.id).await?, shares);
    assert!(!revoke_authorization(&ada, shares.id).await?.active);
    assert!(!revoke_authorization(&ada, money.id).await?.active);

    let person = NewUser {
        brokerage_fee: Some(Some(1.5)),
        ..NewUser::new(
            format!("{NAME}@example.com"),
            "Eve".to_owned(),
            "correct horse".to_owned(),
            "Lindt".to_owned(),
            new_user::Type::Broker,
        )
    };
    let person = register_user(&anyone, person, None).await?;
    assert_eq!(
        (person.brokerage_fee, person.phone_no, person.address),
        (Some(1.5), None, None)
    );

    let (status, body) = failure!(brokerage, get_order(&ada, 999_999));
    assert_eq!((status, body.error.reason.as_str()), (404, "NOT_FOUND"));
    Ok(())
}

pub async fn post_and_vote() -> Result {
    use community::apis::configuration::Configuration;
    use community::apis::messages_api::{delete_message, favorite_message, send_message};
    use community::apis::posts_api::{create_post, delete_post, get_post};
    use community::apis::users_api::{create_user, deactivate_user, get_user, update_email};
    use community::apis::votes_api::{get_votes, list_votes, upvote_post};
    use community::models::{Message, NewEmail, NewMessage, NewPost, NewUser};

    let community = Configuration {
        base_path: address("community"),
        ..Configuration::new()
    };
    let new_user = NewUser::new(format!("{NAME}@example.net"), NAME.to_owned());
    let user = create_user(&community, new_user, None).await?;
    assert_eq!(get_user(&community, NAME).await?, user);
    let email = format!("{NAME}@example.org");
    let updated = update_email(&community, NAME, NewEmail::new(email.clone())).await?;
    assert_eq!(updated.email, Some(email));
    let new_post = NewPost {
        date: Some("2026-01-31".to_owned()),
        ..NewPost::new(
            "Books".to_owned(),
            "Or coffee.".to_owned(),
            "Tea?".to_owned(),
            NAME.to_owned(),
        )
    };
    let post = create_post(&community, new_post, None).await?;
    assert_eq!(post.date.to_rfc3339(), "2026-01-31T00:00:00+00:00");
    assert_eq!(post.url, None);
    assert_eq!(get_post(&community, post.id).await?, post);
    assert_eq!(upvote_post(&community, post.id, None).await?.upvotes, 1);
    let votes = get_votes(&community, post.id).await?;
    assert_eq!(list_votes(&community, vec![post.id]).await?, [votes]);
    let contents = "I found your glove.".to_owned();
    let new_message = NewMessage::new(contents, NAME.to_owned(), "dan".to_owned());
    let message = send_message(&community, new_message, None).await?;
    let (id, expected) = (
        message.id,
        Message {
            favorite: true,
            ..message
        },
    );
    assert_eq!(favorite_message(&community, id).await?, expected);
    delete_message(&community, id).await?;
    delete_post(&community, post.id).await?;
    deactivate_user(&community, NAME).await?;

    let (status, body) = failure!(community, get_post(&community, post.id));
    assert_eq!((status, body.error.as_str()), (404, "Not Found"));
    Ok(())
}

pub async fn order_at_the_shop() -> Result {
    use shop::apis::configuration::Configuration;
    use shop::apis::order_api::{delete_order, get_order, list_orders_of_user, place_order, update_order};
    use shop::apis::user_api::{add_user, delete_user, get_user, login, update_user};
    use shop::models::{Credentials, ErrorBody, ErrorMessage, NewOrder, NewUser, Order, OrderChange, UserChange};

    let shop = Configuration {
        base_path: address("shop"),
        ..Configuration::new()
    };
    let name = format!("{NAME}-shop");
    let new_user = NewUser::new("2 Old Street".to_owned(), name.clone(), PASSWORD.to_owned());
    add_user(&shop, new_user, None).await?;
    let credentials = Credentials::new(name.clone(), PASSWORD.to_owned());
    let user_id = login(&shop, credentials).await?.user_id;
    let address = "1 New Street".to_owned();
    let change = UserChange {
        address: Some(address.clone()),
        ..UserChange::new()
    };
    update_user(&shop, user_id, change).await?;
    let shown = get_user(&shop, user_id).await?;
    assert_eq!((shown.name, shown.address), (name, Some(address)));
    let new_order = NewOrder::new("2026-11-28".parse()?, 1, 2, user_id);
    let date = new_order.date;
    place_order(&shop, new_order, None).await?;
    let orders = list_orders_of_user(&shop, user_id, None).await?;
    let id = orders.first().ok_or("no order")?.id;
    assert_eq!(orders, [Order::new(date, id, 1, 2, user_id)]);
    let change = OrderChange {
        quantity: Some(3),
        ..OrderChange::new()
    };
    update_order(&shop, id, change).await?;
    assert_eq!(get_order(&shop, id).await?, Order::new(date, id, 1, 3, user_id));
    delete_order(&shop, id).await?;
    delete_user(&shop, user_id).await?;

    let message = ErrorMessage::new("Order not found.".to_owned());
    let missing = failure!(shop, get_order(&shop, id));
    assert_eq!(missing, (404, ErrorBody::ErrorMessage(Box::new(message))));
    Ok(())
}
