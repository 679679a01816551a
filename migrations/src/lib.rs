//! Every change of the tables, in one ordered list, each with a tested way back.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod columns;
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

/// The ordered list.
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
        ]
    }
}
