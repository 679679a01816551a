//! Tables of the domain `posts` (`entities::post`, `entities::community`).

use sea_orm_migration::prelude::*;

use crate::columns::{integer, optional_integer, optional_text, text};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(community()).await?;
        manager.create_table(post()).await?;
        for statement in [
            // Newest first: of all posts, of a community, of an author.
            "CREATE INDEX post_recent ON post (at_us, id)",
            "CREATE INDEX post_community ON post (community_key, at_us, id)",
            "CREATE INDEX post_author ON post (author_id, at_us, id) WHERE author_id IS NOT NULL",
            // A subscription reads the posts after the last one that it delivered, regardless of their dates.
            "CREATE INDEX post_arrival ON post (community_key, id)",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("post").take()).await?;
        manager.drop_table(Table::drop().table("community").take()).await
    }
}

fn community() -> TableCreateStatement {
    Table::create()
        .table("community")
        .col(integer("id").auto_increment().primary_key())
        .col(text("name"))
        .col(text("name_key").unique_key())
        .take()
}

// Ids are never reused: the votes on a deleted post must not count for another one. No foreign key to accounts:
// that table belongs to another domain, and no row is ever deleted from it. The long text comes last, so that
// reading the columns before it does not read the text.
fn post() -> TableCreateStatement {
    Table::create()
        .table("post")
        .col(integer("id").auto_increment().primary_key())
        .col(text("title"))
        .col(text("community"))
        .col(text("community_key"))
        .col(text("username"))
        .col(optional_integer("author_id"))
        .col(integer("at_us"))
        .col(optional_text("url"))
        .col(text("text"))
        .take()
}
