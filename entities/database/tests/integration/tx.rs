//! Inside of a write, SeaORM reads and changes the same data as through a connection of its own.

use entities::{KeyedQuery, is_among};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{
    DbBackend, FromQueryResult, IntoActiveModel, Iterable, QueryOrder, QuerySelect, QueryTrait, Set, Statement,
    TryInsertResult,
};

use crate::support::{Result, TestDb, Tx, WriteError};
use database::DbConnection;

/// A row with every type that entities have. Its columns are not in the order of their names.
mod thing {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "thing")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub title: String,
        pub amount: i64,
        pub maybe_amount: Option<i64>,
        pub good: bool,
        pub maybe_good: Option<bool>,
        pub ratio: f64,
        pub maybe_ratio: Option<f64>,
        pub bytes: Vec<u8>,
        pub maybe_bytes: Option<Vec<u8>>,
        pub about: Option<String>,
        pub answer: Json,
        pub maybe_answer: Option<Json>,
        pub kind: Kind,
        pub maybe_kind: Option<Kind>,
    }

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Text")]
    pub enum Kind {
        #[sea_orm(string_value = "market")]
        Market,
        #[sea_orm(string_value = "limit")]
        Limit,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use thing::{Column, Entity, Kind};

async fn things() -> TestDb {
    let db = TestDb::new().await;
    db.migrate(async |connection| {
        let tables = "CREATE TABLE thing (id integer PRIMARY KEY AUTOINCREMENT, title text NOT NULL UNIQUE,
                          amount bigint NOT NULL, maybe_amount bigint, good boolean NOT NULL, maybe_good boolean,
                          ratio double NOT NULL, maybe_ratio double, bytes blob NOT NULL, maybe_bytes blob,
                          about text, answer json_text NOT NULL, maybe_answer json_text,
                          kind text NOT NULL, maybe_kind text);
                      CREATE TABLE part (id integer PRIMARY KEY, thing_id bigint REFERENCES thing (id))";
        connection.execute_unprepared(tables).await.map(drop)
    })
    .await
    .unwrap();
    db
}

fn full(title: &str) -> thing::Model {
    thing::Model {
        id: 0,
        title: title.to_owned(),
        amount: i64::MAX,
        maybe_amount: Some(-3),
        good: true,
        maybe_good: Some(false),
        ratio: 0.5,
        maybe_ratio: Some(-2.0),
        bytes: vec![0, 255],
        maybe_bytes: Some(vec![]),
        about: Some("ä 'quoted' \u{1F600}".to_owned()),
        answer: serde_json::json!({"a": [1, null]}),
        maybe_answer: Some(serde_json::json!("text")),
        kind: Kind::Market,
        maybe_kind: Some(Kind::Limit),
    }
}

fn empty(title: &str) -> thing::Model {
    thing::Model {
        id: 0,
        title: title.to_owned(),
        amount: 0,
        maybe_amount: None,
        good: false,
        maybe_good: None,
        ratio: 0.0,
        maybe_ratio: None,
        bytes: vec![],
        maybe_bytes: None,
        about: None,
        answer: serde_json::json!(null),
        maybe_answer: None,
        kind: Kind::Limit,
        maybe_kind: None,
    }
}

async fn insert(tx: &Tx, thing: thing::Model) -> Result<i64> {
    let mut row = thing.into_active_model().reset_all();
    row.id = sea_orm::NotSet;
    Ok(Entity::insert(row).exec(tx).await?.last_insert_id)
}

#[tokio::test]
async fn every_type_of_value_is_read_as_it_was_written() {
    let db = things().await;
    let written = db
        .write(async |tx| {
            let mut written = Vec::new();
            for mut thing in [full("full"), empty("empty")] {
                thing.id = insert(tx, thing.clone()).await?;
                assert_eq!(Entity::find_by_id(thing.id).one(tx).await?, Some(thing.clone()));
                written.push(thing);
            }
            let all = || Entity::find().order_by_asc(Column::Id);
            assert_eq!(all().all(tx).await?, written);
            assert_eq!(tx.rows(all()).await?, written);
            assert_eq!(tx.row(all()).await?.as_ref(), written.first());
            let unchanged = "UPDATE thing SET title = title RETURNING *";
            let unchanged = || Statement::from_string(DbBackend::Sqlite, unchanged);
            assert_eq!(tx.models::<Entity>(unchanged(), usize::MAX).await?, written);
            assert_eq!(tx.models::<Entity>(unchanged(), 1).await?, written[..1]);
            Ok(written)
        })
        .await
        .unwrap();

    let all = Entity::find().order_by_asc(Column::Id);
    assert_eq!(all.clone().all(db.read()).await.unwrap(), written);
    let reads = db.stats().reads;
    assert_eq!(db.read().rows(all.clone()).await.unwrap(), written);
    assert_eq!(db.read().row(all).await.unwrap().as_ref(), written.first());
    assert_eq!(db.stats().reads - reads, 2, "one statement each");
}

#[tokio::test]
async fn a_row_that_does_not_fit_its_model_is_an_error_of_seaorm() {
    let db = things().await;
    db.write(async |tx| insert(tx, full("one")).await).await.unwrap();
    let all = || Entity::find();
    let changed_order = || {
        let columns: Vec<_> = Column::iter().collect();
        Entity::find().select_only().columns(columns.into_iter().rev())
    };
    assert_eq!(
        db.read().rows(changed_order()).await.unwrap(),
        all().all(db.read()).await.unwrap()
    );
    for change in [
        "UPDATE thing SET kind = 'stop'",
        "UPDATE thing SET amount = 0.5, kind = 'limit'",
        "UPDATE thing SET amount = 1, answer = 'no JSON'",
    ] {
        db.run(change).await;
        let expected = all().all(db.read()).await.unwrap_err();
        assert_eq!(db.read().rows(all()).await.unwrap_err(), expected, "{change}");
    }
    db.write(async |tx| {
        let expected = Entity::find().all(tx).await.unwrap_err();
        assert_eq!(
            tx.rows(Entity::find()).await.unwrap_err(),
            expected,
            "inside of a write"
        );
        Ok(())
    })
    .await
    .unwrap();
    let partial = || Entity::find().select_only().column(Column::Id);
    let expected = partial().all(db.read()).await.unwrap_err();
    assert_eq!(db.read().rows(partial()).await.unwrap_err(), expected);
}

#[tokio::test]
async fn keys_are_found_by_one_text_whatever_their_number() {
    let db = things().await;
    let titles = ["one", "1", "a\0b", "'\"\\ä\u{1F600}"];
    let among = |titles: &[&str]| {
        let keys = is_among(Column::Title, titles.iter().copied());
        Entity::find().filter(keys).order_by_asc(Column::Id)
    };
    db.write(async move |tx| {
        for title in titles {
            insert(tx, full(title)).await?;
        }
        for number in 0..=titles.len() {
            let found = tx.rows(among(&titles[..number])).await?;
            let found: Vec<&str> = found.iter().map(|thing| thing.title.as_str()).collect();
            assert_eq!(found, titles[..number]);
        }
        assert!(tx.rows(among(&["a", "on", "ONE", "1.0"])).await?.is_empty());
        let ids = is_among(Column::Id, [1_i64, 3, 7]);
        let found = tx.rows(Entity::find().filter(ids).order_by_asc(Column::Id)).await?;
        assert_eq!(found.iter().map(|thing| thing.id).collect::<Vec<_>>(), [1, 3]);
        Ok(())
    })
    .await
    .unwrap();
    let text = |number| DbBackend::Sqlite.build(among(&titles[..number]).as_query()).sql;
    assert!((2..=titles.len()).all(|number| text(number) == text(0)), "{}", text(0));
}

#[tokio::test]
async fn a_query_by_keys_finds_the_rows_of_its_keys() {
    static BY_TITLE: KeyedQuery<Entity> = KeyedQuery::of(|| Entity::find().order_by_asc(Column::Id), Column::Title);
    // With values before the keys and behind them.
    static OF_AMOUNT_BY_ID: KeyedQuery<Entity> = KeyedQuery::of(
        || {
            let others = Column::iter().filter(|column| !matches!(column, Column::About));
            let things = Entity::find().select_only().columns(others);
            let things = things.column_as(Expr::value("hidden"), "about");
            things.filter(Column::Amount.eq(0_i64))
        },
        Column::Id,
    );
    let db = things().await;
    let titles = ["one", "1", "a\0b", "'\"\\ä\u{1F600}"];
    db.write(async move |tx| {
        for (title, amount) in titles.into_iter().zip([5_i64, 6, 5, 5]) {
            let mut thing = full(title);
            thing.amount = amount;
            insert(tx, thing).await?;
        }
        for number in 0..=titles.len() {
            let found = BY_TITLE.find(tx, titles[..number].iter().copied()).await?;
            let found: Vec<&str> = found.iter().map(|thing| thing.title.as_str()).collect();
            assert_eq!(found, titles[..number]);
        }
        assert!(BY_TITLE.find(tx, ["a", "on", "ONE", "1.0"]).await?.is_empty());
        for (amount, ids, expected) in [
            (5_i64, vec![1_i64], vec![1]),
            (6, vec![1], vec![]),
            (5, vec![1, 2, 3, 7], vec![1, 3]),
            (6, vec![3, 2], vec![2]),
        ] {
            let found = OF_AMOUNT_BY_ID.find_of(tx, amount, ids).await?;
            assert!(found.iter().all(|thing| thing.about.as_deref() == Some("hidden")));
            assert_eq!(found.iter().map(|thing| thing.id).collect::<Vec<i64>>(), expected);
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn columns_are_read_by_position_and_by_any_name() {
    let db = things().await;
    db.write(async |tx| {
        insert(tx, full("one")).await?;
        check_columns(tx).await
    })
    .await
    .unwrap();
    check_columns(db.read()).await.unwrap();
}

/// Reads columns and computed expressions of a table whose one row is the full one.
async fn check_columns(db: &impl ConnectionTrait) -> Result<()> {
    #[derive(Debug, PartialEq, FromQueryResult)]
    struct ComputedColumns {
        total: Option<i64>,
        average: Option<f64>,
        good: bool,
    }

    let selected = Entity::find().select_only().columns([
        Column::Title,
        Column::Amount,
        Column::Good,
        Column::Kind,
        Column::MaybeRatio,
    ]);
    let tuple: (String, i64, bool, Kind, Option<f64>) = selected.into_tuple().one(db).await?.unwrap();
    assert_eq!(tuple, ("one".to_owned(), i64::MAX, true, Kind::Market, Some(-2.0)));

    let twelve = (1..=12)
        .rev()
        .map(|n| format!("{n} AS c{n}"))
        .collect::<Vec<_>>()
        .join(", ");
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, format!("SELECT {twelve}")))
        .await?
        .unwrap();
    for place in 0..12 {
        let (number, name) = (12 - place as i64, format!("c{}", 12 - place));
        assert_eq!(row.try_get_by_index::<i64>(place)?, number);
        assert_eq!(row.try_get::<i64>("", &name)?, number);
    }
    assert!(row.try_get_by_index::<i64>(24).is_err());

    let same_names = "SELECT 1 AS n, 2 AS n, 3 AS \"\", 4 AS a";
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, same_names))
        .await?
        .unwrap();
    let places = [0, 1, 2, 3].map(|place| row.try_get_by_index::<i64>(place).unwrap());
    assert_eq!(places, [1, 2, 3, 4]);

    let summed = Entity::find()
        .select_only()
        .column_as(Column::MaybeAmount.sum(), "total")
        .column_as(Expr::cust("avg(ratio)"), "average")
        .column(Column::Good)
        .into_model::<ComputedColumns>()
        .one(db)
        .await?;
    let expected = ComputedColumns {
        total: Some(-3),
        average: Some(0.5),
        good: true,
    };
    assert_eq!(summed, Some(expected));
    let computed = "SELECT 'a' || title, amount IS NULL, NULL, answer ->> '$.a[0]', good AS fine FROM thing";
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, computed))
        .await?
        .unwrap();
    assert_eq!(row.try_get_by_index::<String>(0)?, "aone");
    assert_eq!(row.try_get_by_index::<i64>(1)?, 0);
    assert_eq!(row.try_get_by_index::<Option<String>>(2)?, None);
    assert_eq!(row.try_get_by_index::<i64>(3)?, 1);
    assert!(row.try_get::<bool>("", "fine")?);
    Ok(())
}

#[tokio::test]
async fn counts_pages_and_existence_see_the_transaction() {
    let db = things().await;
    db.write(async |tx| {
        for title in ["a", "b", "c"] {
            insert(tx, empty(title)).await?;
        }
        assert_eq!(Entity::find().count(tx).await?, 3);
        assert!(Entity::find().filter(Column::Title.eq("b")).exists(tx).await?);
        let pages = Entity::find().order_by_asc(Column::Id).paginate(tx, 2);
        assert_eq!(pages.num_items_and_pages().await?.number_of_pages, 2);
        assert_eq!(pages.fetch_page(1).await?[0].title, "c");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn changes_return_the_affected_count_and_the_rows() {
    let db = things().await;
    db.write(async |tx| {
        let first = insert(tx, empty("a")).await?;
        let many = ["b", "c"].map(|title| {
            let mut row = empty(title).into_active_model().reset_all();
            row.id = sea_orm::NotSet;
            row
        });
        let keys = Entity::insert_many(many).exec_with_returning_keys(tx).await?;
        assert_eq!(keys, [first + 1, first + 2]);

        let again = Entity::insert(empty("a").into_active_model().reset_all())
            .on_conflict_do_nothing_on([Column::Title])
            .exec(tx)
            .await?;
        assert!(matches!(again, TryInsertResult::Conflicted), "{again:?}");

        let update = Entity::update_many()
            .col_expr(Column::Amount, Expr::value(7))
            .filter(Column::Id.gt(first));
        assert_eq!(update.clone().exec(tx).await?.rows_affected, 2);
        assert_eq!(
            update
                .clone()
                .filter(Column::Amount.eq(0))
                .exec(tx)
                .await?
                .rows_affected,
            0
        );
        let after = update.exec_with_returning(tx).await?;
        assert!(after.len() == 2 && after.iter().all(|thing| thing.amount == 7));

        let whole = insert(tx, full("whole")).await?;
        let by_hand = "UPDATE thing SET amount = ?1 WHERE id = ?2 RETURNING *";
        let asked = Statement::from_sql_and_values(DbBackend::Sqlite, by_hand, [8.into(), whole.into()]);
        let changed = thing::Model::find_by_statement(asked).one(tx).await?;
        let expected = thing::Model {
            id: whole,
            amount: 8,
            ..full("whole")
        };
        assert_eq!(changed, Some(expected));

        let mut one = Entity::find_by_id(first).one(tx).await?.unwrap().into_active_model();
        one.about = Set(Some("changed".to_owned()));
        assert_eq!(one.update(tx).await?.about.as_deref(), Some("changed"));

        // A statement that changes no row reports that, even after one that did.
        let none = tx.execute_unprepared("CREATE TABLE another (id INTEGER)").await?;
        assert_eq!(none.rows_affected(), 0);
        let run = async |sql: &str| tx.run(Statement::from_string(DbBackend::Sqlite, sql)).await;
        assert_eq!(run("UPDATE thing SET amount = 9").await?.rows_affected, 4);
        assert_eq!(run("UPDATE thing SET amount = 9 WHERE id = 0").await?.rows_affected, 0);
        assert_eq!(run("INSERT INTO part (id) VALUES (77)").await?.last_insert_id, 77);
        assert_eq!(Entity::delete_by_id(first).exec(tx).await?.rows_affected, 1);
        assert_eq!(Entity::delete_by_id(first).exec(tx).await?.rows_affected, 0);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_violation_has_its_kind_on_either_connection() {
    let db = things().await;
    let taken = |error: &DbErr| entities::is_unique_violation(error);
    let (mut title, mut key) = (
        empty("a").into_active_model().reset_all(),
        empty("b").into_active_model().reset_all(),
    );
    title.id = Set(2);
    key.id = Set(1);
    let statements = [
        (
            "INSERT INTO thing SELECT 2, title, 1, 1, 1, 1, 1, 1, x'', x'', '', '{}', '{}', 'limit', 'limit' FROM thing",
            true,
        ),
        (
            "INSERT INTO thing SELECT id, 'b', 1, 1, 1, 1, 1, 1, x'', x'', '', '{}', '{}', 'limit', 'limit' FROM thing",
            true,
        ),
        ("INSERT INTO part (id, thing_id) VALUES (1, 999)", false),
        ("INSERT INTO counter (id, value) VALUES (1, -1)", false),
        ("INSERT INTO nowhere (id) VALUES (1)", false),
    ];
    let texts = db
        .write(async move |tx| {
            let mut first = empty("a").into_active_model().reset_all();
            first.id = Set(1);
            Entity::insert(first).exec(tx).await?;
            for row in [title.clone(), key.clone()] {
                assert!(taken(&Entity::insert(row).exec(tx).await.unwrap_err()));
            }
            let mut texts = Vec::new();
            for (statement, unique) in statements {
                let error = tx.execute_unprepared(statement).await.unwrap_err();
                assert_eq!(taken(&error), unique, "{error}");
                texts.push(error.to_string());
            }
            Ok(texts)
        })
        .await
        .unwrap();

    db.migrate(async move |connection| {
        for ((statement, unique), text) in statements.into_iter().zip(texts) {
            let error = connection.execute_unprepared(statement).await.unwrap_err();
            assert_eq!(taken(&error), unique, "{error}");
            assert_eq!(error.to_string(), text);
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn values_that_do_not_fit_are_an_error() {
    let db = things().await;
    let outcome = db
        .write(async |tx| {
            check_refusals(tx).await;
            Err::<(), _>(WriteError::Refused("seen"))
        })
        .await;
    assert!(matches!(outcome, Err(WriteError::Refused(_))), "{outcome:?}");
    check_refusals(db.read()).await;
}

async fn check_refusals(db: &impl ConnectionTrait) {
    for (statement, values) in [
        ("SELECT ?1", vec![Value::BigUnsigned(Some(u64::MAX))]),
        ("SELECT ?1, ?2", vec![1.into()]),
        ("SELECT ?1", vec![1.into(), 2.into()]),
        ("SELECT 1; SELECT 2", vec![]),
        ("SELECT CAST(x'ff' AS TEXT)", vec![]),
    ] {
        let asked = Statement::from_sql_and_values(DbBackend::Sqlite, statement, values);
        let error = db.query_all_raw(asked).await.expect_err(statement);
        assert!(!entities::is_unique_violation(&error));
    }
}

#[tokio::test]
async fn a_write_waits_for_the_disk_and_keeps_foreign_keys() {
    let db = TestDb::new().await;
    db.write(async |tx| {
        for (pragma, expected) in [("synchronous", 2), ("foreign_keys", 1), ("wal_autocheckpoint", 4000)] {
            let row = tx
                .query_one_raw(Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {pragma}")))
                .await?
                .unwrap();
            assert_eq!(row.try_get_by_index::<i64>(0)?, expected, "{pragma}");
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn cached_statements_see_changed_tables() {
    let db = TestDb::new().await;
    let all = async |tx: &Tx| -> Result<Vec<String>> {
        let row = tx
            .query_one_raw(Statement::from_string(DbBackend::Sqlite, "SELECT * FROM counter"))
            .await?
            .unwrap();
        let mut names: Vec<_> = row.column_names();
        names.retain(|name| !name.starts_with('\0'));
        Ok(names)
    };
    db.run("INSERT INTO counter (id, value) VALUES (1, 0)").await;
    let before = db.write(all).await.unwrap();
    assert_eq!(before, ["id", "value"]);

    db.migrate(async |connection| {
        let change = "ALTER TABLE counter ADD COLUMN more TEXT";
        connection.execute_unprepared(change).await.map(drop)
    })
    .await
    .unwrap();

    assert_eq!(db.write(all).await.unwrap(), ["id", "more", "value"]);
}
