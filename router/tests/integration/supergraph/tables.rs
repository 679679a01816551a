//! Every table is read alike: as models and through SeaORM, by the reader and inside of a write, and by sqlx.

use contract::{Db, DbConnection, ReadEntity, Tx};
use entities::{
    authorization, book, book_purchase, brokerage_order, community, exchange_order, hold, holding, idempotency,
    ledger_entry, ledger_transaction, lookalike, message, post, post_votes, product, reservation, session, shop_order,
    sign_in_address, stock, user, vote, wallet,
};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Iterable, PrimaryKeyToColumn, QueryOrder};
use testing::{NEW_YEAR_US, TestServices};

/// Rows of the tables that have no sample data.
const ROWS: &str = "
    INSERT INTO reservation (attempt, log_key, binding, stock_id, side, quantity, price_minor, currency, trader_id, at_us, state, number)
    VALUES ('a', 'k', 1, 1, 'BUY', 2, 3, 'USD', 1, 4, 'RESERVED', NULL), ('b', 'l', 0, 1, 'SELL', 2, 3, 'USD', NULL, 4, 'CANCELLED', NULL);
    INSERT INTO idempotency_key (scope, key, fingerprint, answer, used_at_us) VALUES ('s', 'k', 'f', '{}', 1);
    INSERT INTO session (user_id, family_hash, refresh_hash, created_at_us, used_at_us, expires_at_us, ended_at_us)
    VALUES (1, 'f', 'r', 1, 2, 3, NULL), (1, 'g', 'r', 1, 2, 3, 4);
    INSERT INTO sign_in_address (account_id, address_hash, used_at_us) VALUES (1, 'h', 1);";

/// Compares the rows of a table, and returns its name if it has none.
async fn compare<E>(db: &Db) -> Option<String>
where
    E: ReadEntity<Model: PartialEq + Sync + 'static>,
{
    let rows = || E::find().order_by_asc(key::<E>());
    let name = E::default().table_name().to_owned();
    let through_seaorm = rows().all(db.read()).await.unwrap();
    let as_models = db.read().rows(rows()).await.unwrap();
    let inside = db.write(async move |tx: &Tx| Ok(rows().all(tx).await?)).await.unwrap();
    let models_inside = db.write(async move |tx: &Tx| Ok(tx.rows(rows()).await?)).await.unwrap();
    let through_sqlx = through_sqlx::<E>(db).await;
    assert!(
        through_sqlx == through_seaorm,
        "{name}: {through_sqlx:?}\n{through_seaorm:?}"
    );
    assert!(
        models_inside == through_seaorm,
        "{name}: {models_inside:?}\n{through_seaorm:?}"
    );
    assert!(as_models == through_seaorm, "{name}: {as_models:?}\n{through_seaorm:?}");
    assert!(inside == through_seaorm, "{name}: {inside:?}\n{through_seaorm:?}");
    as_models.is_empty().then_some(name)
}

/// Reads a table through sqlx, which shares no code with the other ways.
async fn through_sqlx<E: EntityTrait<Model: 'static>>(db: &Db) -> Vec<E::Model> {
    let (found, rows) = std::sync::mpsc::channel();
    db.migrate(async move |connection| {
        let rows = E::find().order_by_asc(key::<E>()).all(connection).await?;
        found
            .send(rows)
            .map_err(|_| DbErr::Custom("no one waits for the rows".to_owned()))
    })
    .await
    .unwrap();
    rows.recv().unwrap()
}

fn key<E: EntityTrait>() -> E::Column {
    let key = E::PrimaryKey::iter().next();
    key.expect("a table has a key").into_column()
}

#[tokio::test]
async fn every_table_is_read_alike_by_all_connections() {
    let on = TestServices::new(NEW_YEAR_US).await;
    agora::demo::seed(&on.services).await.unwrap();
    let db = &on.services.db;
    db.write(async |tx: &Tx| Ok(tx.execute_unprepared(ROWS).await?))
        .await
        .unwrap();
    let mut empty: Vec<String> = Vec::new();
    macro_rules! compare_all {
        ($($table:ident),+ $(,)?) => {
            $(empty.extend(compare::<$table::Entity>(db).await);)+
        };
    }

    compare_all!(
        authorization,
        book,
        book_purchase,
        brokerage_order,
        community,
        exchange_order,
        hold,
        holding,
        idempotency,
        ledger_entry,
        ledger_transaction,
        lookalike,
        message,
        post,
        post_votes,
        product,
        reservation,
        session,
        shop_order,
        sign_in_address,
        stock,
        user,
        vote,
        wallet,
    );

    assert!(empty.is_empty(), "no rows to compare: {empty:?}");
}
