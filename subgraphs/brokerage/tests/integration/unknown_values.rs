//! Rows with a value that the program never stores: reading one is an error, and never gives another value.

use contract::Tx;
use entities::{
    authorization, brokerage_order, exchange_order, hold, ledger_entry, ledger_transaction, reservation, user, vote,
};
use sea_orm::EntityTrait;

use crate::support::{ADA, BEN, FISH, Floor, automated, person};

#[tokio::test]
async fn order_with_an_unknown_value_is_an_error_in_reads_and_writes() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 10).await;
    let ada = person(ADA);
    floor.placed(&ada, &automated("SELL", 4, "21.00")).await;
    for (column, value) in [("side", "'SELL'"), ("status", "'PENDING'"), ("reason", "NULL")] {
        floor
            .corrupt(&format!("UPDATE brokerage_order SET {column} = 'x'"))
            .await;
        let reason = format!(r#"Type Error: table brokerage_order, id 1: column {column} has the unknown value "x""#);
        for document in [
            "{ brokerageOrder(id: 1) { side status reason } }",
            "mutation { cancelOrder(id: 1) { side status reason } }",
        ] {
            let failure = floor.failure(&ada, document).await;
            assert_eq!(failure, ("INTERNAL", reason.clone()), "{document}");
        }
        floor
            .corrupt(&format!("UPDATE brokerage_order SET {column} = {value}"))
            .await;
    }
    floor.cancel(&ada, "1").await;
    assert_eq!(floor.statuses().await, ["CANCELLED"]);
}

#[tokio::test]
async fn person_with_an_unknown_role_places_no_order() {
    let floor = Floor::new().await;
    floor.corrupt("UPDATE account SET role = 'investor' WHERE id = 1").await;
    let order = r#"mutation { placeOrder(input: { side: BUY, stock: "1", quantity: 1 }) { id } }"#;
    let reason = r#"Type Error: table account, id 1: column role has the unknown value "investor""#;
    assert_eq!(
        floor.failure(&person(ADA), order).await,
        ("INTERNAL", reason.to_owned())
    );
}

/// Checks the error of reading the table outside of a write and inside one, after that change.
async fn assert_unreadable<E: EntityTrait>(floor: &Floor, change: &str, wanted: &str) {
    floor.corrupt(change).await;
    let read = E::find().all(floor.services.db.read()).await.err();
    let in_write = async |tx: &Tx| Ok(E::find().all(tx).await.err());
    let in_write = floor.services.db.write(in_write).await.unwrap();
    for error in [read, in_write] {
        let error = error.expect(change).to_string();
        assert_eq!(
            error,
            format!(r#"Type Error: table {wanted} has the unknown value "x""#)
        );
    }
}

#[tokio::test]
async fn error_of_an_unknown_value_names_table_key_and_column() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.lend_money(ADA, BEN, 100).await;

    let role = "UPDATE account SET role = 'x' WHERE id = 2";
    assert_unreadable::<user::Entity>(&floor, role, "account, id 2: column role").await;

    let end = "UPDATE broker_authorization SET ended_by = 'x'";
    let wanted = "broker_authorization, id 1: column ended_by";
    assert_unreadable::<authorization::Entity>(&floor, end, wanted).await;
    let kind = "UPDATE broker_authorization SET kind = 'x'";
    assert_unreadable::<authorization::Entity>(&floor, kind, "broker_authorization, id 1: column kind").await;

    let order = "INSERT INTO exchange_order (number, stock_id, side, quantity, price_minor, currency, at_us)
                 VALUES (7, 1, 'x', 1, 1999, 'USD', 0)";
    assert_unreadable::<exchange_order::Entity>(&floor, order, "exchange_order, number 7: column side").await;

    let order = "INSERT INTO brokerage_order
                     (id, side, stock_id, quantity, status, currency, investor_id, placed_at_us, changed_at_us, version)
                 VALUES (9, 'x', 1, 1, 'PENDING', 'USD', 1, 0, 0, 1)";
    assert_unreadable::<brokerage_order::Entity>(&floor, order, "brokerage_order, id 9: column side").await;

    let reserve = "INSERT INTO reservation
                       (id, attempt, log_key, binding, stock_id, side, quantity, price_minor, currency, at_us, state)
                   VALUES (9, 'a', 'a', 1, 1, 'BUY', 1, 1999, 'USD', 0, 'x')";
    assert_unreadable::<reservation::Entity>(&floor, reserve, "reservation, id 9: column state").await;
    let side = "UPDATE reservation SET side = 'x'";
    assert_unreadable::<reservation::Entity>(&floor, side, "reservation, id 9: column side").await;

    let hold = "INSERT INTO hold (id, wallet_id, amount_minor, state, placed_at_us) VALUES (9, 1, 1, 'x', 0)";
    assert_unreadable::<hold::Entity>(&floor, hold, "hold, id 9: column state").await;

    let transaction = "INSERT INTO ledger_movement (id, kind, currency, at_us) VALUES (99, 'x', 'USD', 0)";
    let wanted = "ledger_movement, id 99: column kind";
    assert_unreadable::<ledger_transaction::Entity>(&floor, transaction, wanted).await;
    let kind = "INSERT INTO ledger_entry (id, movement_id, kind, account, amount_minor, at_us)
                VALUES (99, 99, 'x', 'OUTSIDE', 1, 0)";
    assert_unreadable::<ledger_entry::Entity>(&floor, kind, "ledger_entry, id 99: column kind").await;
    let account = "INSERT INTO ledger_entry (id, movement_id, kind, account, amount_minor, at_us)
                   VALUES (98, 99, 'SALE', 'x', 1, 0)";
    assert_unreadable::<ledger_entry::Entity>(&floor, account, "ledger_entry, id 98: column account").await;

    let vote = "INSERT INTO vote (post_id, user_id, direction, at_us) VALUES (5, 2, 'x', 0)";
    assert_unreadable::<vote::Entity>(&floor, vote, "vote, post_id 5 and user_id 2: column direction").await;
}
