//! The spellings of each topic in an index, so that the list of topics reads no books (`entities::book::topics`).

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let index = "CREATE INDEX book_topic_spelling ON book (topic_key, topic)";
        db.execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DROP INDEX book_topic_spelling").await?;
        Ok(())
    }
}
