//! What the posts know of a person.

use async_graphql::{Context, ID, Object};
use contract::{PageArgs, Paged, Result, parse_id};
use entities::post;

use crate::post::{Post, newest_first};

/// A person; the other domains know the rest.
pub struct User(pub(crate) i64);

#[Object]
impl User {
    /// The person's id.
    #[graphql(tag = "cacheable")]
    async fn id(&self) -> ID {
        self.0.into()
    }

    /// What this person posted, newest first.
    // `Option<Result<_>>`: wrong arguments then null the field. A resolver's own `Err` nulls the whole person.
    async fn posts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Option<Result<Paged<Post>>> {
        let args = PageArgs::new(first, after, last, before);
        Some(newest_first(ctx, post::posted_by(self.0), args).await)
    }
}

/// Where other subgraphs' references to a person arrive.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// A person another subgraph refers to. Whether there is one is for accounts to say.
    #[graphql(entity)]
    async fn user_by_id(&self, id: ID) -> Option<User> {
        parse_id(&id).map(User)
    }
}
