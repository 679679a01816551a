//! The cost of a trade does not grow with the number of trades.

use entities::exchange_order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::Market;

#[tokio::test]
async fn the_next_number_is_found_at_the_end_of_the_key() {
    let market = Market::new().await;
    let sql = format!("EXPLAIN QUERY PLAN {}", exchange_order::APPEND);
    let values = [1, 2, 3, 4, 5, 6, 7, 8].map(sea_orm::Value::from);
    let explain = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
    let rows = market.services.db.read().query_all_raw(explain).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
    assert!(
        steps.iter().any(|step| step.starts_with("SEARCH exchange_order")),
        "{steps:?}"
    );
    assert!(
        !steps.iter().any(|step| step.starts_with("SCAN exchange_order")),
        "{steps:?}"
    );
}
