//! All schema migrations in one ordered list, each with a tested reversal.
//!
//! Each step up or down is one transaction together with its row in the list of applied migrations (`steps.rs`). A
//! killed process therefore leaves a step either complete or not started.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod columns;
mod leftovers;
mod m0001_idempotency;
mod m0002_accounts;
mod m0003_bookstore;
mod m0004_messages;
mod m0005_exchange;
mod m0006_wallet;
mod m0007_brokerage;
mod m0008_shop;
mod m0009_posts;
mod m0010_votes;
mod m0011_everybody;
mod m0012_reservation;
mod m0013_name_forms;
mod m0014_counters;
mod m0015_fee_terms;
mod m0016_account_origin;
mod m0017_sign_in_addresses;
mod m0018_book_topic_spelling;
mod steps;
mod tables;

pub use steps::{DataLoss, answers, data_losses, is_newest, status};
pub use tables::{OBJECT_NAMES, missing_objects, newest_object_names, object_names};

/// Returns the names of all migrations, in their order.
pub fn names() -> Vec<String> {
    let names = Migrator::migrations();
    names.iter().map(|migration| migration.name().to_owned()).collect()
}

/// The migrator, with the ordered list of migrations.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_idempotency::Migration),
            Box::new(m0002_accounts::Migration),
            Box::new(m0003_bookstore::Migration),
            Box::new(m0004_messages::Migration),
            Box::new(m0005_exchange::Migration),
            Box::new(m0006_wallet::Migration),
            Box::new(m0007_brokerage::Migration),
            Box::new(m0008_shop::Migration),
            Box::new(m0009_posts::Migration),
            Box::new(m0010_votes::Migration),
            Box::new(m0011_everybody::Migration),
            Box::new(m0012_reservation::Migration),
            Box::new(m0013_name_forms::Migration),
            Box::new(m0014_counters::Migration),
            Box::new(m0015_fee_terms::Migration),
            Box::new(m0016_account_origin::Migration),
            Box::new(m0017_sign_in_addresses::Migration),
            Box::new(m0018_book_topic_spelling::Migration),
        ]
    }
    async fn up<'c, C>(db: C, steps: Option<u32>) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        steps::up(&db.into_database_executor(), steps).await
    }

    /// Undoes the latest steps. It deletes the rows that [`data_losses`] counts: ask the operator first.
    async fn down<'c, C>(db: C, steps: Option<u32>) -> Result<(), DbErr>
    where
        C: IntoSchemaManagerConnection<'c>,
    {
        steps::down(&db.into_database_executor(), steps).await
    }
}
