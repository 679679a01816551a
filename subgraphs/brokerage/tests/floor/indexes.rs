//! Nothing is found by reading what is not in it.

use entities::brokerage_order::{self, Column};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryOrder, QueryTrait, Select};

use crate::support::{ADA, BEN, BOB, Floor, person};

/// How SQLite goes about it, in its own words.
async fn plan<E: EntityTrait>(floor: &Floor, select: Select<E>) -> String {
    let mut statement = select.build(DbBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = floor.services.db.read().query_all_raw(statement).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
    steps.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn every_list_has_its_index() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let capital = floor.lend_money(ADA, BEN, 4_100).await;
    floor
        .placed(
            &person(BEN),
            &format!(r#"side: BUY, quantity: 1, authorization: "{capital}""#),
        )
        .await;
    let db = floor.services.db.read();
    for (party, index) in [
        (ADA, "brokerage_order_investor (investor_id=?)"),
        (BEN, "brokerage_order_broker (broker_id=?)"),
        (BOB, "brokerage_order_investor (investor_id=?)"),
    ] {
        let theirs = brokerage_order::of_party(db, party)
            .await
            .unwrap()
            .order_by_desc(Column::Id);
        assert_eq!(
            plan(&floor, theirs).await,
            format!("SEARCH brokerage_order USING INDEX {index}")
        );
    }
    let fired = plan(&floor, brokerage_order::fired(3, 10)).await;
    assert_eq!(fired, "SEARCH brokerage_order USING INDEX brokerage_order_fired (id>?)");
    let due = plan(&floor, brokerage_order::due(5, 10)).await;
    assert_eq!(
        due,
        "SEARCH brokerage_order USING INDEX brokerage_order_due (expires_at_us<?)"
    );
    let waiting = plan(&floor, brokerage_order::waiting_for_shares(Some(&[1, 2]))).await;
    assert_eq!(
        waiting,
        "SEARCH stock USING INTEGER PRIMARY KEY (rowid=?); \
         SEARCH brokerage_order EXISTS USING INDEX brokerage_order_limit (stock_id=? AND side=? AND limit_minor>?)"
    );
}
