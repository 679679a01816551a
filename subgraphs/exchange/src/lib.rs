//! The exchange: stocks with a price and a number of shares, and trades with numbers.

use async_graphql::{MergedObject, MergedSubscription};
use contract::{
    Db, DomainSchema, Error, Result, Services, TableLog, batch_loader, row_loader, subgraph_builder, subgraph_sdl,
};

pub mod demo;
mod order;
mod price;
mod replica;
mod stock;
mod subscription;
mod user;

pub use price::set_price;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(stock::StockQuery, order::OrderQuery, replica::ReplicaQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(
    stock::StockMutation,
    price::PriceMutation,
    order::OrderMutation,
    replica::ReplicaMutation,
);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(subscription::StockSubscription);

/// The domain, ready to answer.
pub fn schema(services: Services) -> DomainSchema {
    subgraph_builder::<Query, Mutation, Subscription>()
        .data(row_loader::<entities::stock::Entity>(&services.db))
        .data(row_loader::<entities::exchange_order::Entity>(&services.db))
        .data(stock::by_name_loader(&services.db))
        .data(batch_loader(replica::ReplicaLoader(services.clone())))
        .data(services)
        .finish()
}

/// The log as a table of this database.
///
/// # Errors
/// `CONFLICT` while trades wait for numbers from replicas, or reserved shares for the outcome of their orders: the
/// replicas may have numbered these trades already.
pub async fn table_log(db: &Db) -> Result<TableLog> {
    if entities::reservation::is_any_open(db.read()).await? {
        Err(Error::Conflict(
            "trades of this database wait for the order replicas: start it with them once more, or with new ones, until all \
             have their numbers"
                .into(),
        ))
    } else {
        Ok(TableLog)
    }
}

/// The subgraph schema for composition: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, Subscription>()
}
