//! Tables of the domain `votes` (`entities::{post_votes, vote}`).

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

use crate::columns::{integer, optional_integer, optional_text, text};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut table in [post_votes(), vote()] {
            if manager.get_database_backend() == DatabaseBackend::Sqlite {
                // Without a rowid, the primary key is the table: a vote needs one tree instead of two. SQLite
                // compares (score, post_id) by an index only where that id is an ordinary column, not the rowid
                // (`contract::Paginate`).
                table.extra("WITHOUT ROWID");
            }
            manager.create_table(table).await?;
        }
        let db = manager.get_connection();
        // The rankings: a vote moves a post in them, and a page reads only as many entries as it shows. A query
        // must state the condition exactly as it is here, with no bound value.
        for statement in [
            // Posts that are older than the votes are ranked as well.
            "INSERT INTO post_votes (post_id, upvotes, downvotes, score, community_key, version, changed_at_us)
                 SELECT id, 0, 0, 0, community_key, 1, at_us FROM post",
            "CREATE INDEX post_votes_voted ON post_votes (score, post_id) WHERE upvotes + downvotes > 0",
            "CREATE INDEX post_votes_top ON post_votes (score, post_id) WHERE community_key IS NOT NULL",
            "CREATE INDEX post_votes_community ON post_votes (community_key, score, post_id)
                 WHERE community_key IS NOT NULL",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    /// Also takes back the karma that the votes gave, as removing them one by one would (`entities::vote`).
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let karma = "UPDATE account SET version = version + 1, karma = karma -
                 (SELECT sum(CASE direction WHEN 'UP' THEN 1 ELSE -1 END) FROM vote WHERE credited_id = account.id)
             WHERE active AND id IN (SELECT credited_id FROM vote WHERE credited_id IS NOT NULL)";
        manager.get_connection().execute_unprepared(karma).await?;
        for table in ["vote", "post_votes"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

// No foreign key to `post`: voting on an id does not require that the post exists.
fn post_votes() -> TableCreateStatement {
    Table::create()
        .table("post_votes")
        .col(integer("post_id").primary_key())
        .col(integer("upvotes").check(Expr::cust("upvotes >= 0")))
        .col(integer("downvotes").check(Expr::cust("downvotes >= 0")))
        .col(integer("score"))
        .col(optional_text("community_key"))
        .col(integer("version"))
        .col(integer("changed_at_us"))
        .check(Expr::cust("score = upvotes - downvotes"))
        .take()
}

// A user's current vote on a post. Votes without a user are only counted. No foreign keys to accounts: that table
// belongs to another domain, and no row is ever deleted from it.
fn vote() -> TableCreateStatement {
    Table::create()
        .table("vote")
        .col(integer("post_id"))
        .col(integer("user_id"))
        .col(text("direction").check(Expr::cust("direction IN ('UP', 'DOWN')")))
        .col(integer("at_us"))
        .col(optional_integer("credited_id"))
        .primary_key(Index::create().col("post_id").col("user_id"))
        .take()
}
