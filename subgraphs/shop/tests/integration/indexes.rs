//! Each list is read through an index that contains only its rows.

use entities::shop_order::{self, Column};
use sea_orm::{ConnectionTrait, DbBackend, QueryOrder, QueryTrait};

use crate::support::{ADA, ShopDomain};

#[tokio::test]
async fn the_orders_of_a_user_are_found_by_an_index() {
    let shop = ShopDomain::new().await;
    let mut statement = shop_order::for_user(ADA)
        .order_by_asc(Column::Id)
        .build(DbBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = shop.services.db.read().query_all_raw(statement).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
    assert_eq!(
        steps.collect::<Vec<_>>(),
        ["SEARCH shop_order USING INDEX shop_order_user (user_id=?)"]
    );
}
