//! Query plans: indexes find the rows, so no query reads rows that it does not return.

use entities::blocked::{self, OrderCandidates};
use entities::brokerage_order::{self, Column, OrderStatus};
use entities::expiry;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryOrder, QueryTrait, Select, Statement};

use crate::support::{ADA, BEN, Floor, buy, person};

/// Returns SQLite's query plan.
async fn plan<E: EntityTrait>(floor: &Floor, select: Select<E>) -> String {
    explained(floor, select.build(DbBackend::Sqlite)).await
}

async fn explained(floor: &Floor, mut statement: Statement) -> String {
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
    floor.placed(&person(BEN), &buy(1).under(capital)).await;
    for (status, indexes) in [
        (
            None,
            [
                "brokerage_order_investor (investor_id=?)",
                "brokerage_order_broker (broker_id=?)",
            ],
        ),
        (
            Some(OrderStatus::Pending),
            [
                "brokerage_order_pending (investor_id=?)",
                "brokerage_order_broker (broker_id=?)",
            ],
        ),
    ] {
        for (theirs, index) in brokerage_order::for_party(BEN, None, status).into_iter().zip(indexes) {
            assert_eq!(
                plan(&floor, theirs.order_by_desc(Column::Id)).await,
                format!("SEARCH brokerage_order USING INDEX {index}")
            );
        }
    }
    let triggered = plan(&floor, brokerage_order::triggered(3, 10)).await;
    assert_eq!(
        triggered,
        "SEARCH brokerage_order USING INDEX brokerage_order_fired (id>?)"
    );
    let waits = plan(&floor, brokerage_order::pending_for(ADA)).await;
    assert_eq!(
        waits,
        "SEARCH brokerage_order USING INDEX brokerage_order_pending (investor_id=?)"
    );
    let due = plan(&floor, brokerage_order::overdue(5, 10)).await;
    assert_eq!(
        due,
        "SEARCH brokerage_order USING INDEX brokerage_order_due (expires_at_us<?)"
    );
    let next = explained(&floor, Statement::from_string(DbBackend::Sqlite, expiry::NEXT_DUE)).await;
    assert_eq!(
        next,
        "SCAN CONSTANT ROW; SCALAR SUBQUERY 1; SEARCH broker_authorization USING INDEX authorization_due; \
         SCALAR SUBQUERY 2; SEARCH brokerage_order USING INDEX brokerage_order_due (expires_at_us>?)"
    );
}

#[tokio::test]
async fn orders_waiting_for_room_are_found_by_an_index() {
    let floor = Floor::new().await;
    let plan = async |candidates: OrderCandidates<'static>| {
        let (sql, values) = blocked::executable_orders(candidates, 5).unwrap();
        explained(
            &floor,
            Statement::from_sql_and_values(DbBackend::Sqlite, sql.replace('$', "?"), values),
        )
        .await
    };
    let by_price = |sign: char| {
        format!("SEARCH o USING INDEX brokerage_order_limit (stock_id=? AND side=? AND limit_minor{sign}?)")
    };
    let by_investor = "SEARCH o USING INDEX brokerage_order_pending (investor_id=?)";
    let holding = "SEARCH h USING INDEX holding_user (user_id=? AND stock_id=?)";
    let wallet = "SEARCH w USING INDEX wallet_user (user_id=? AND currency=?)";
    for (candidates, steps) in [
        (
            OrderCandidates::All,
            [
                "SCAN s".to_owned(),
                by_price('>'),
                holding.into(),
                by_price('<'),
                wallet.into(),
            ],
        ),
        (
            OrderCandidates::AffectedBy {
                stocks: &[1, 2],
                investors: &[],
            },
            [
                "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)".to_owned(),
                by_price('>'),
                holding.into(),
                by_price('<'),
                wallet.into(),
            ],
        ),
        (
            OrderCandidates::AffectedBy {
                stocks: &[],
                investors: &[ADA],
            },
            [
                "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)".to_owned(),
                by_investor.into(),
                holding.into(),
                by_investor.into(),
                wallet.into(),
            ],
        ),
    ] {
        let plan = plan(candidates).await;
        for step in steps {
            assert!(plan.contains(&step), "{step}: {plan}");
        }
        assert_eq!(
            plan.matches("SCAN").count(),
            if matches!(candidates, OrderCandidates::All) {
                2
            } else {
                0
            },
            "{plan}"
        );
    }
    assert!(
        blocked::executable_orders(
            OrderCandidates::AffectedBy {
                stocks: &[],
                investors: &[]
            },
            5
        )
        .is_none()
    );
}
