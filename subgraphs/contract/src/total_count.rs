//! The number of nodes in a list, for lists that an index counts.

use std::borrow::Cow;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, SimpleObject, Value,
};
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, QuerySelect, Select};

use crate::page_connection::{self, PageConnection};
use crate::{ContextExt, Result, clamp_to_int};

/// The type that async-graphql describes in the schema.
type Described<N> = Connection<String, N, TotalCount, EmptyFields>;

/// A connection with the number of nodes of its whole list.
pub struct CountedConnection<N> {
    page: PageConnection<N>,
    count: TotalCount,
}

/// The field `totalCount` of a connection.
#[derive(Default, SimpleObject)]
pub struct TotalCount {
    /// How many nodes the list has on all of its pages, up to 2,147,483,647; null for a list that is not counted: the
    /// messages or book purchases of all people.
    total_count: Option<i64>,
}

impl TotalCount {
    /// Counts the rows of a list if the query selects their number. An index must have them all, because each of its entries
    /// is read.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of<E: EntityTrait>(ctx: &Context<'_>, list: impl FnOnce() -> Select<E>) -> Result<Self> {
        if !ctx.look_ahead().field("totalCount").exists() {
            return Ok(Self::default());
        }
        let count = list().select_only().expr(Expr::cust("COUNT(*)"));
        let count: Option<i64> = count.into_tuple().one(ctx.db().read()).await?;
        Ok(Self {
            total_count: Some(clamp_to_int(count.unwrap_or(0))),
        })
    }

    /// Returns a page of the list with this number.
    pub fn with<N>(self, page: PageConnection<N>) -> CountedConnection<N> {
        CountedConnection { page, count: self }
    }
}

impl<N: OutputType> ContainerType for CountedConnection<N> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        match self.count.resolve_field(ctx).await? {
            None => self.page.resolve_field(ctx).await,
            count => Ok(count),
        }
    }
}

impl<N: OutputType> OutputType for CountedConnection<N> {
    fn type_name() -> Cow<'static, str> {
        <Described<N> as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        page_connection::create_type_info::<Described<N>>(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<N: OutputType> ObjectType for CountedConnection<N> {}
