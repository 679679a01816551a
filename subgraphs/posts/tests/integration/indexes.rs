//! Each list is read through an index that contains only its rows, in the order of the list.

use entities::post::{self, Column, Entity};
use sea_orm::{ConnectionTrait, DbBackend, QueryOrder, QueryTrait, Select};

use crate::support::{CLEO, PostsDomain};

/// Returns SQLite's query plan.
async fn plan(domain: &PostsDomain, select: Select<Entity>) -> String {
    let mut statement = select.build(DbBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = domain.services.db.read().query_all_raw(statement).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
    steps.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn every_list_has_its_index() {
    let domain = PostsDomain::new().await;
    let newest_first = |select: Select<Entity>| select.order_by_desc(Column::AtUs).order_by_desc(Column::Id);
    for (select, wanted) in [
        (newest_first(post::posted_in(None)), "SCAN post USING INDEX post_recent"),
        (
            newest_first(post::posted_in(Some("books"))),
            "SEARCH post USING INDEX post_community (community_key=?)",
        ),
        (
            newest_first(post::posted_by(CLEO)),
            "SEARCH post USING INDEX post_author (author_id=?)",
        ),
        (
            newest_first(post::without_text(post::posted_by(CLEO))),
            "SEARCH post USING INDEX post_author (author_id=?)",
        ),
        (
            post::posted_after(Some("books"), 7),
            "SEARCH post USING INDEX post_arrival (community_key=? AND id>?)",
        ),
        (
            post::posted_after(None, 7),
            "SEARCH post USING INTEGER PRIMARY KEY (rowid>?)",
        ),
    ] {
        assert_eq!(plan(&domain, select).await, wanted);
    }
}
