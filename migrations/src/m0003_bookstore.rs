//! Tables of the domain `bookstore`.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        // AUTOINCREMENT: the id of a deleted book must never name another one.
        db.execute_unprepared(
            "CREATE TABLE book (
                id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                title TEXT NOT NULL,
                title_key TEXT NOT NULL,
                topic TEXT NOT NULL,
                topic_key TEXT NOT NULL,
                price_minor BIGINT NOT NULL CHECK (price_minor BETWEEN 0 AND 100000000000000),
                currency TEXT NOT NULL,
                quantity BIGINT NOT NULL CHECK (quantity BETWEEN 0 AND 2147483647),
                version BIGINT NOT NULL,
                changed_at_us BIGINT NOT NULL
            )",
        )
        .await?;
        db.execute_unprepared("CREATE INDEX book_topic ON book (topic_key, id)")
            .await?;
        db.execute_unprepared("CREATE INDEX book_changed ON book (changed_at_us, id)")
            .await?;
        // No foreign key to `book`: a deleted book leaves its history behind.
        db.execute_unprepared(
            "CREATE TABLE book_purchase (
                id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
                book_id BIGINT NOT NULL,
                title TEXT NOT NULL,
                price_minor BIGINT NOT NULL,
                currency TEXT NOT NULL,
                quantity_after BIGINT NOT NULL CHECK (quantity_after >= 0),
                buyer_id BIGINT,
                at_us BIGINT NOT NULL
            )",
        )
        .await?;
        db.execute_unprepared("CREATE INDEX book_purchase_buyer ON book_purchase (buyer_id, id)")
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DROP TABLE book_purchase").await?;
        db.execute_unprepared("DROP TABLE book").await?;
        Ok(())
    }
}
