//! Lists by pages, through a GraphQL schema.

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Request, Schema, Value, Variables, value};
use contract::{DomainSchema, Error, PageArgs, PageConnection, Paginate, Result, SortedSelect};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter};
use serde_json::json;

use crate::support::TestDb;

mod counter {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counter")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub value: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use counter::{Column, Entity, Model};

struct Query;

#[Object]
impl Query {
    /// By id, rising.
    async fn rising(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PageConnection<i64>> {
        let args = PageArgs::new(first, after, last, before);
        Entity::find().paginate(ctx, args, |row| row.id).await
    }

    /// By value, then id, both descending.
    async fn falling(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PageConnection<i64>> {
        let args = PageArgs::new(first, after, last, before);
        falling().paginate(ctx, args, |row| row.id).await
    }

    /// As [`falling`](Self::falling), read in pieces.
    async fn pieces(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PageConnection<i64>> {
        let args = PageArgs::new(first, after, last, before);
        let charge = |rows: &[Model]| match rows.len() {
            ..=26 => Ok(()),
            more => Err(Error::invalid("first", format!("{more} rows came at once"))),
        };
        falling().paginate_texts(ctx, args, charge, |row| row.id).await
    }

    /// Two lists that share rows, as one.
    async fn joined(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PageConnection<i64>> {
        let args = PageArgs::new(first, after, last, before);
        let rows = falling_with(Column::Value.lt(4)).or(Entity::find().filter(Column::Id.lt(20)));
        rows.paginate(ctx, args, |row| row.id).await
    }

    /// The rows of [`joined`](Self::joined), as one condition.
    async fn either(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PageConnection<i64>> {
        let args = PageArgs::new(first, after, last, before);
        let rows = falling_with(Column::Value.lt(4).or(Column::Id.lt(20)));
        rows.paginate(ctx, args, |row| row.id).await
    }

    /// A part of the rows, by their keys.
    async fn part(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PageConnection<i64>> {
        let args = PageArgs::new(first, after, last, before);
        let rows = Entity::find()
            .sorted_by(&[Column::Id], Order::Asc)
            .between(Some(9), Some(60));
        rows.paginate(ctx, args, |row| row.id).await
    }

    /// The rows of [`part`](Self::part), as a condition.
    async fn filtered(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<PageConnection<i64>> {
        let args = PageArgs::new(first, after, last, before);
        let rows = Entity::find().filter(Column::Id.gt(9)).filter(Column::Id.lt(60));
        rows.paginate(ctx, args, |row| row.id).await
    }
}

fn falling_with(condition: Expr) -> SortedSelect<Entity> {
    Entity::find()
        .filter(condition)
        .sorted_by(&[Column::Value, Column::Id], Order::Desc)
}

fn falling() -> SortedSelect<Entity> {
    Entity::find().sorted_by(&[Column::Value, Column::Id], Order::Desc)
}

/// A document that reads a page of that list, by any of its arguments.
macro_rules! page_of {
    ($list:literal) => {
        concat!(
            "query($first: Int, $last: Int, $after: String, $before: String) { list: ",
            $list,
            "(first: $first, last: $last, after: $after, before: $before) {
                edges { node cursor } pageInfo { hasPreviousPage hasNextPage startCursor endCursor }
            } }"
        )
    };
}

const RISING: &str = page_of!("rising");
const FALLING: &str = page_of!("falling");
const PIECES: &str = page_of!("pieces");
const JOINED: &str = page_of!("joined");
const EITHER: &str = page_of!("either");
const PART: &str = page_of!("part");
const FILTERED: &str = page_of!("filtered");

struct Lists {
    schema: DomainSchema,
    db: TestDb,
}

/// One page of an answer.
#[derive(Debug, PartialEq)]
struct ListPage {
    nodes: Vec<i64>,
    /// The first cursor and the last.
    ends: Option<(String, String)>,
    previous: bool,
    next: bool,
}

impl Lists {
    /// A list of these rows: ids with their values.
    async fn of(rows: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let db = TestDb::new().await;
        let schema = Schema::build(Query, EmptyMutation, EmptySubscription)
            .data(db.services())
            .finish();
        let schema = DomainSchema::new(schema);
        let lists = Self { schema, db };
        for (id, value) in rows {
            lists.insert(id, value).await;
        }
        lists
    }

    async fn insert(&self, id: i64, value: i64) {
        let statement = format!("INSERT INTO counter (id, value) VALUES ({id}, {value})");
        self.db.run(statement).await;
    }

    async fn query(&self, list: &str, args: &serde_json::Value) -> async_graphql::Response {
        let variables = Variables::from_json(args.clone());
        self.schema.execute(Request::new(list).variables(variables)).await
    }

    async fn page(&self, list: &str, args: serde_json::Value) -> ListPage {
        let response = self.query(list, &args).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        let data = response.data.into_json().unwrap();
        let (edges, info) = (data["list"]["edges"].as_array().unwrap(), &data["list"]["pageInfo"]);
        let cursor = |edge: &serde_json::Value| edge["cursor"].as_str().unwrap().to_owned();
        let ends = edges
            .first()
            .zip(edges.last())
            .map(|(first, last)| (cursor(first), cursor(last)));
        let told = |name: &str| info[name].as_str().map(str::to_owned);
        assert_eq!(ends, told("startCursor").zip(told("endCursor")));
        ListPage {
            nodes: edges.iter().map(|edge| edge["node"].as_i64().unwrap()).collect(),
            ends,
            previous: info["hasPreviousPage"].as_bool().unwrap(),
            next: info["hasNextPage"].as_bool().unwrap(),
        }
    }

    /// Returns the code and the named argument of the error that the request returns instead of a page.
    async fn refusal(&self, list: &str, args: serde_json::Value) -> (Value, Value) {
        let response = self.query(list, &args).await;
        let [error] = &*response.errors else {
            panic!("{args}: {response:?}")
        };
        let extensions = error.extensions.as_ref().unwrap();
        (
            extensions.get("code").unwrap().clone(),
            extensions.get("field").unwrap().clone(),
        )
    }

    /// Reads the whole list, page by page from the front, and runs `between` between two pages.
    async fn forwards(&self, list: &str, size: usize, between: impl AsyncFn(usize)) -> Vec<i64> {
        let (mut all, mut pages) = (Vec::new(), 0);
        let mut answer = self.page(list, json!({ "first": size })).await;
        loop {
            all.extend(&answer.nodes);
            let Some((_, end)) = answer.ends.filter(|_| answer.next) else {
                return all;
            };
            between(pages).await;
            pages += 1;
            answer = self.page(list, json!({ "first": size, "after": end })).await;
        }
    }

    /// Reads the whole list, page by page from the end.
    async fn backwards(&self, list: &str, size: usize) -> Vec<i64> {
        let mut all = Vec::new();
        let mut answer = self.page(list, json!({ "last": size })).await;
        loop {
            all.splice(0..0, answer.nodes.iter().copied());
            let Some((start, _)) = answer.ends.filter(|_| answer.previous) else {
                return all;
            };
            answer = self.page(list, json!({ "last": size, "before": start })).await;
        }
    }
}

/// Returns ids with few different values, so that the first column of the key alone does not order them.
fn tied() -> impl Iterator<Item = (i64, i64)> {
    (1..=23).map(|id| (id, id % 4))
}

#[tokio::test]
async fn every_page_size_lists_each_row_once_in_both_directions() {
    let lists = Lists::of(tied()).await;
    let rising: Vec<i64> = (1..=23).collect();
    let mut falling: Vec<(i64, i64)> = tied().map(|(id, value)| (value, id)).collect();
    falling.sort_unstable_by(|a, b| b.cmp(a));
    let falling: Vec<i64> = falling.into_iter().map(|(_, id)| id).collect();

    for size in [1, 2, 5, 22, 23, 24, 100] {
        for (list, expected) in [(RISING, &rising), (FALLING, &falling)] {
            assert_eq!(
                &lists.forwards(list, size, async |_| {}).await,
                expected,
                "{list} by {size}"
            );
            assert_eq!(
                &lists.backwards(list, size).await,
                expected,
                "{list} by {size} from the end"
            );
        }
    }
}

#[tokio::test]
async fn a_page_says_whether_others_precede_and_follow_it() {
    let lists = Lists::of((1..=5).map(|id| (id, 0))).await;

    let first = lists.page(RISING, json!({ "first": 2 })).await;
    assert_eq!((&*first.nodes, first.previous, first.next), (&[1, 2][..], false, true));
    let (_, end) = first.ends.unwrap();
    let middle = lists.page(RISING, json!({ "first": 2, "after": end })).await;
    assert_eq!(
        (&*middle.nodes, middle.previous, middle.next),
        (&[3, 4][..], true, true)
    );
    let (start, end) = middle.ends.unwrap();
    let last = lists.page(RISING, json!({ "first": 2, "after": end })).await;
    assert_eq!((&*last.nodes, last.previous, last.next), (&[5][..], true, false));
    let back = lists.page(RISING, json!({ "last": 2, "before": start })).await;
    assert_eq!((&*back.nodes, back.previous, back.next), (&[1, 2][..], false, true));
    let between = lists.page(RISING, json!({ "after": start, "before": end })).await;
    assert_eq!(between.nodes, [] as [i64; 0]);
    let none = lists.page(RISING, json!({ "first": 0 })).await;
    assert_eq!((none.nodes.len(), none.ends, none.next), (0, None, true));
}

#[tokio::test]
async fn an_empty_list_is_an_empty_page() {
    let lists = Lists::of([]).await;

    for (list, args) in [
        (RISING, json!({})),
        (RISING, json!({ "first": 3 })),
        (FALLING, json!({ "last": 3 })),
    ] {
        let page = lists.page(list, args).await;
        assert_eq!(
            (page.nodes.len(), page.ends, page.previous, page.next),
            (0, None, false, false),
            "{list}"
        );
    }
}

#[tokio::test]
async fn the_default_page_size_is_bounded() {
    let lists = Lists::of((1..=30).map(|id| (id, 0))).await;

    let page = lists.page(RISING, json!({})).await;

    assert_eq!((page.nodes.len(), page.next), (25, true));
}

#[tokio::test]
async fn concurrent_inserts_and_deletes_neither_repeat_nor_hide_rows() {
    let lists = Lists::of((1..=20).map(|id| (id * 10, 0))).await;

    // Before each next page, one row is added in front of it and one far behind, and the cursor's own row is
    // deleted.
    let told = lists
        .forwards(RISING, 3, async |page| {
            let page = page as i64;
            lists.insert(1 + page, 0).await;
            lists.insert(1001 + page, 0).await;
            lists
                .db
                .run(format!("DELETE FROM counter WHERE id = {}", (page + 1) * 30))
                .await;
        })
        .await;

    let old: Vec<i64> = told.iter().copied().filter(|id| *id <= 200).collect();
    assert_eq!(old, (1..=20).map(|id| id * 10).collect::<Vec<_>>());
    assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
    assert!(told.contains(&1001), "what came behind the cursor is told");
}

#[tokio::test]
async fn keys_of_any_size_have_cursors() {
    let ids = [i64::MIN, -1, 0, 1, i64::MAX];
    let lists = Lists::of(ids.map(|id| (id, 0))).await;

    assert_eq!(lists.forwards(RISING, 1, async |_| {}).await, ids);
    assert_eq!(lists.backwards(RISING, 1).await, ids);
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let lists = Lists::of((1..=5).map(|id| (id, 0))).await;
    for cursor in [
        "",
        " ",
        "-",
        "g",
        "1-2",
        "1-",
        "-1",
        "+1",
        "01",
        "0x1",
        "A",
        "1 ",
        "ffffffffffffffff0",
        "é",
        "1\0",
    ] {
        for argument in ["after", "before"] {
            let refusal = lists.refusal(RISING, json!({ argument: cursor })).await;
            assert_eq!(refusal, (value!("INVALID_INPUT"), value!(argument)), "{cursor:?}");
        }
    }
    for cursor in ["1", "1-2-3"] {
        let (_, field) = lists.refusal(FALLING, json!({ "after": cursor })).await;
        assert_eq!(field, value!("after"), "{cursor:?}");
    }
}

#[tokio::test]
async fn invalid_counts_are_refused() {
    let lists = Lists::of([]).await;
    for (args, field) in [
        (json!({ "first": -1 }), "first"),
        (json!({ "last": -1 }), "last"),
        (json!({ "first": 101 }), "first"),
        (json!({ "last": 101 }), "last"),
        (json!({ "first": i32::MAX }), "first"),
        (json!({ "first": i32::MIN }), "first"),
        (json!({ "first": 1, "last": 1 }), "last"),
    ] {
        let refusal = lists.refusal(RISING, args.clone()).await;
        assert_eq!(refusal, (value!("INVALID_INPUT"), value!(field)), "{args}");
    }
}

#[tokio::test]
async fn rows_read_in_chunks_make_the_same_pages() {
    let lists = Lists::of((0..70).map(|id| (id, id / 7))).await;
    let cursors = lists.page(FALLING, json!({ "first": 60 })).await.ends.expect("cursors");
    let (after, before) = cursors;
    for size in [0, 1, 25, 26, 27, 51, 52, 53, 59, 60, 69, 70, 71, 100] {
        for args in [
            json!({ "first": size }),
            json!({ "last": size }),
            json!({ "first": size, "after": after }),
            json!({ "first": size, "before": before }),
            json!({ "last": size, "after": after }),
            json!({ "last": size, "before": before }),
            json!({ "last": size, "after": after, "before": before }),
        ] {
            let whole = lists.page(FALLING, args.clone()).await;
            let pieces = lists.page(PIECES, args.clone()).await;
            assert_eq!(whole, pieces, "{args}");
        }
    }
}

#[tokio::test]
async fn lists_of_several_statements_make_the_same_pages() {
    let lists = Lists::of((0..70).map(|id| (id, id / 7))).await;
    for (list, expected, cursors_of) in [(JOINED, EITHER, FALLING), (PART, FILTERED, RISING)] {
        // Cursors inside of the list and outside.
        for (first, last) in [(60, 10), (3, 3)] {
            let front = lists.page(cursors_of, json!({ "first": first })).await;
            let end = lists.page(cursors_of, json!({ "last": last })).await;
            let (after, before) = (front.ends.unwrap().1, end.ends.unwrap().0);
            for size in [0, 1, 10, 26, 40, 49, 50, 51, 100] {
                for args in [
                    json!({ "first": size }),
                    json!({ "last": size }),
                    json!({ "first": size, "after": after }),
                    json!({ "first": size, "before": before }),
                    json!({ "last": size, "after": after }),
                    json!({ "last": size, "before": before }),
                    json!({ "last": size, "after": after, "before": before }),
                ] {
                    let page = lists.page(list, args.clone()).await;
                    assert_eq!(page, lists.page(expected, args.clone()).await, "{list}: {args}");
                }
            }
        }
    }
}
