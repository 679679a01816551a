//! The interface of the connections that entities and domains use.

use std::future::Future;

use sea_orm::{ConnectionTrait, DbErr, QuerySelect, QueryTrait, Select, Statement};

use crate::models::ReadEntity;
use crate::statement::StatementEffect;

/// A connection: the [`Reader`](crate::Reader), or the transaction of a write ([`Tx`](crate::Tx)).
///
/// It reads models without SeaORM's rows in between, which would cost as much as reading the row. Statements with other
/// results go through SeaORM's [`ConnectionTrait`]. No type of SQLite is part of it, so that connections to another
/// database can implement it.
pub trait DbConnection: ConnectionTrait {
    /// Returns the first rows of a statement as models, at most `most`. Its columns have the names of the table's.
    fn models<E: ReadEntity>(
        &self,
        statement: Statement,
        most: usize,
    ) -> impl Future<Output = Result<Vec<E::Model>, DbErr>> + Send;

    /// Returns the rows of a statement whose columns are two integers.
    fn pairs(&self, statement: Statement) -> impl Future<Output = Result<Vec<(i64, i64)>, DbErr>> + Send;

    /// Runs one statement, and ignores its rows.
    fn run(&self, statement: Statement) -> impl Future<Output = Result<StatementEffect, DbErr>> + Send;

    /// Returns the rows of a query, as SeaORM's `select.all(connection)` does.
    fn rows<E: ReadEntity>(&self, select: Select<E>) -> impl Future<Output = Result<Vec<E::Model>, DbErr>> + Send {
        let statement = self.get_database_backend().build(select.as_query());
        self.models::<E>(statement, usize::MAX)
    }

    /// Returns the first row of a query, as SeaORM's `select.one(connection)` does.
    fn row<E: ReadEntity>(&self, select: Select<E>) -> impl Future<Output = Result<Option<E::Model>, DbErr>> + Send {
        let statement = self.get_database_backend().build(select.limit(1).as_query());
        async move { Ok(self.models::<E>(statement, 1).await?.pop()) }
    }
}
