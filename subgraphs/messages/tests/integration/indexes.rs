//! Each list is read through an index that contains only its rows.

use entities::message::{self, Column, Entity};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, QueryFilter, QueryOrder, QueryTrait, Select, Statement};

use crate::support::{ADA, CLEO, MessagesDomain};

/// Returns SQLite's query plan.
async fn plan(domain: &MessagesDomain, select: Select<Entity>) -> String {
    plan_of(domain, select.build(DbBackend::Sqlite)).await
}

async fn plan_of(domain: &MessagesDomain, mut statement: Statement) -> String {
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = domain.services.db.read().query_all_raw(statement).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
    steps.collect::<Vec<_>>().join("; ")
}

fn newest_first(select: Select<Entity>) -> Select<Entity> {
    select.order_by_desc(Column::AtUs).order_by_desc(Column::Id)
}

#[tokio::test]
async fn every_list_has_its_index() {
    let domain = MessagesDomain::new().await;
    for (favorite, index) in [(true, "message_favorites"), (false, "message_others")] {
        let everybodys = newest_first(message::favorites(favorite));
        assert_eq!(
            plan(&domain, everybodys).await,
            format!("SCAN message USING INDEX {index}")
        );
        // Later pages use the index, too.
        let deep = newest_first(message::favorites(favorite).filter(Column::AtUs.lte(7)));
        let wanted = format!("SEARCH message USING INDEX {index} (at_us<?)");
        assert_eq!(plan(&domain, deep).await, wanted);
    }
    for (select, wanted) in [
        (
            newest_first(message::inbox(ADA, None, None)),
            "USING INDEX message_inbox (to_id=?)",
        ),
        (
            newest_first(message::inbox(ADA, None, Some(true))),
            "USING INDEX message_unread (to_id=?)",
        ),
        (
            newest_first(message::inbox(ADA, Some(true), None)),
            "USING INDEX message_favorite (to_id=?)",
        ),
        (newest_first(message::sent(ADA)), "USING INDEX message_sent (from_id=?)"),
        (
            message::received_after(ADA, 7),
            "USING INDEX message_received (to_id=? AND id>?)",
        ),
    ] {
        assert_eq!(plan(&domain, select).await, format!("SEARCH message {wanted}"));
    }
    let db = domain.services.db.read();
    let search = "SEARCH message USING COVERING INDEX message_unread (to_id=?)";
    let one = plan_of(&domain, message::UNREAD_COUNTS.statement(db, [ADA])).await;
    assert_eq!(one, search);
    let several = plan_of(&domain, message::UNREAD_COUNTS.statement(db, [ADA, CLEO])).await;
    assert!(several.contains(search), "{several}");
}
