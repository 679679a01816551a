//! Each list is read through an index that contains only its rows, and no page reads the rows before it.

use contract::{PageArgs, Paginate};
use entities::post_votes::{self, Column, Entity};
use entities::{is_among, vote};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, Order, QueryFilter, QueryTrait, Select};

use crate::support::VotesDomain;

/// Returns SQLite's query plan.
async fn plan<E: EntityTrait>(domain: &VotesDomain, select: Select<E>) -> String {
    let mut statement = select.build(DbBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = domain.services.db.read().query_all_raw(statement).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
    steps.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn every_page_starts_in_its_index_among_equal_scores() {
    let domain = VotesDomain::with_people(0).await;
    let behind = || Some("5-7".to_owned());
    let pages = [
        (PageArgs::new(Some(25), None, None, None), ""),
        (PageArgs::new(None, None, Some(25), None), ""),
        (PageArgs::new(Some(25), behind(), None, None), "(score,post_id)<(?,?)"),
        (PageArgs::new(None, None, Some(25), behind()), "(score,post_id)>(?,?)"),
    ];
    type List = (fn() -> Select<Entity>, &'static str, &'static str);
    let lists: [List; 3] = [
        (post_votes::voted, "post_votes_voted", ""),
        (|| post_votes::posts(None), "post_votes_top", ""),
        (
            || post_votes::posts(Some("news")),
            "post_votes_community",
            "community_key=?",
        ),
    ];
    for (list, index, within) in lists {
        for (args, from) in pages.clone() {
            let sorted = list().sorted_by(&[Column::Score, Column::PostId], Order::Desc);
            let select = sorted.page_statement(args).unwrap();
            let range: Vec<&str> = [within, from].into_iter().filter(|part| !part.is_empty()).collect();
            let wanted = if range.is_empty() {
                format!("SCAN post_votes USING INDEX {index}")
            } else {
                format!("SEARCH post_votes USING INDEX {index} ({})", range.join(" AND "))
            };
            assert_eq!(plan(&domain, select).await, wanted);
        }
    }
}

#[tokio::test]
async fn the_votes_of_a_user_are_read_by_their_key() {
    let domain = VotesDomain::with_people(0).await;
    let asked = vote::Entity::find()
        .filter(is_among(vote::Column::PostId, [1, 2]))
        .filter(vote::Column::UserId.eq(7));
    let plan = plan(&domain, asked).await;
    let search = "SEARCH vote USING PRIMARY KEY (post_id=? AND user_id=?); LIST SUBQUERY";
    assert!(plan.starts_with(search), "{plan}");
}
