//! Tables of the domain `accounts` (`entities::user`, `entities::session`).

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(account()).await?;
        manager.create_table(session()).await?;
        let db = manager.get_connection();
        for statement in [
            // `users(role:)` pages through the active users of one role by id.
            "CREATE INDEX account_role ON account (role, id) WHERE active",
            "CREATE INDEX session_user_id ON session (user_id)",
            // The router reads recently ended sessions, and sign-ins sweep old ones.
            "CREATE INDEX session_ended_at_us ON session (ended_at_us) WHERE ended_at_us IS NOT NULL",
            "CREATE INDEX session_expires_at_us ON session (expires_at_us)",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        // A key's scope contains the user's id, and a later user may get the same id.
        db.execute_unprepared("DELETE FROM idempotency_key").await?;
        db.execute_unprepared("DROP TABLE session").await?;
        db.execute_unprepared("DROP TABLE account").await?;
        Ok(())
    }
}

// `user` is a reserved word in PostgreSQL, so the table is called `account`.
fn account() -> TableCreateStatement {
    let text = |name: &'static str| ColumnDef::new(name).text().take();
    let required = |name: &'static str| ColumnDef::new(name).text().not_null().take();
    let integer = |name: &'static str| ColumnDef::new(name).big_integer().take();
    Table::create()
        .table("account")
        .col(ColumnDef::new("id").big_integer().auto_increment().primary_key())
        .col(required("username"))
        .col(required("username_key").unique_key())
        .col(text("email"))
        .col(text("email_key").unique_key())
        .col(text("display_name"))
        .col(text("name"))
        .col(text("surname"))
        .col(text("phone"))
        .col(text("address_street"))
        .col(text("address_number"))
        .col(text("address_zip_code"))
        .col(text("address_text"))
        .col(required("role").check(Expr::cust("role IN ('MEMBER', 'INVESTOR', 'BROKER')")))
        .col(integer("fee_basis_points").check(Expr::cust("fee_basis_points >= 100")))
        .col(ColumnDef::new("admin").boolean().not_null())
        .col(integer("karma").not_null().default(0))
        .col(ColumnDef::new("active").boolean().not_null().default(true))
        .col(text("password_hash"))
        .col(integer("joined_at_us").not_null())
        .col(integer("deactivated_at_us"))
        .col(integer("erased_at_us"))
        .col(integer("version").not_null().default(1))
        .check(Expr::cust("(role = 'BROKER') = (fee_basis_points IS NOT NULL)"))
        .check(Expr::cust("(email IS NULL) = (email_key IS NULL)"))
        .check(Expr::cust("active = (deactivated_at_us IS NULL)"))
        .check(Expr::cust(
            "erased_at_us IS NULL OR (NOT active AND email IS NULL AND password_hash IS NULL)",
        ))
        .take()
}

fn session() -> TableCreateStatement {
    let required = |name: &'static str| ColumnDef::new(name).big_integer().not_null().take();
    Table::create()
        .table("session")
        .col(ColumnDef::new("id").big_integer().auto_increment().primary_key())
        .col(required("user_id"))
        .col(ColumnDef::new("family_hash").text().not_null().unique_key())
        .col(ColumnDef::new("refresh_hash").text().not_null())
        .col(required("created_at_us"))
        .col(required("used_at_us"))
        .col(required("expires_at_us"))
        .col(ColumnDef::new("ended_at_us").big_integer())
        .foreign_key(ForeignKey::create().from("session", "user_id").to("account", "id"))
        .take()
}
