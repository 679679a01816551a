//! The domains themselves, and the same resolvers over the same tables in one schema. The domains' own types cannot be merged,
//! because each has its own `User`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use agora::in_process::InProcess;
use agora::subgraph::Subgraph;
use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema};
use contract::{ContextExt, DomainSchema, PageArgs, PageConnection, Paginate, Result, load_row, row_loader};
use entities::{message, user};
use sea_orm::Order;
use testing::TestServices;

use super::Subgraphs;

pub async fn graph(folder: &Path) -> (Subgraphs, DomainSchema, TestServices) {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let on = TestServices::in_folder(folder, 1_700_000_000_000_000).await;
    let services = on.services.clone();
    let people = accounts::demo::seed(&services).await.expect("people");
    let from = [people.ben, people.cleo, people.dan];
    services
        .db
        .write(async move |tx| {
            for number in 0..100_i64 {
                let from = from[usize::try_from(number % 3).expect("small")];
                let text = format!("Message number {number}: have you seen what is new in the bookstore?");
                message::add(
                    tx,
                    message::Model::new(0, from, people.ada, 1_000_000 + number, text, None),
                )
                .await?;
            }
            Ok(())
        })
        .await
        .expect("messages");
    assert_eq!(people.ada, 1, "the viewer of the benchmark");
    let mut subgraphs: HashMap<String, Arc<dyn Subgraph>> = HashMap::new();
    subgraphs.insert(
        "accounts".into(),
        Arc::new(InProcess(accounts::schema(services.clone()))),
    );
    subgraphs.insert(
        "messages".into(),
        Arc::new(InProcess(messages::schema(services.clone()))),
    );
    let merged = Schema::build(Query, EmptyMutation, EmptySubscription)
        .data(row_loader::<user::Entity>(&services.db))
        .data(services)
        .finish();
    (subgraphs, DomainSchema::new(merged), on)
}

async fn by_id(ctx: &Context<'_>, id: i64) -> Result<Option<User>> {
    Ok(load_row::<user::Entity>(ctx, id).await?.map(User))
}

pub struct User(user::Model);

#[Object]
impl User {
    async fn username(&self) -> &str {
        &self.0.username
    }

    async fn inbox(&self, ctx: &Context<'_>, first: Option<i32>) -> Option<Result<PageConnection<Message>>> {
        Some(self.list(ctx, first).await)
    }
}

impl User {
    async fn list(&self, ctx: &Context<'_>, first: Option<i32>) -> Result<PageConnection<Message>> {
        ctx.viewer().require_self_or_operator(self.0.id)?;
        let args = PageArgs {
            first,
            ..PageArgs::default()
        };
        let key = [message::Column::AtUs, message::Column::Id];
        let received = message::inbox(self.0.id, None, None).sorted_by(&key, Order::Desc);
        received.paginate(ctx, args, Message).await
    }
}

pub struct Message(message::Model);

#[Object]
impl Message {
    async fn contents(&self) -> &str {
        &self.0.contents
    }

    async fn from(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        by_id(ctx, self.0.from_id).await
    }
}

pub struct Query;

#[Object]
impl Query {
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Ok(id) = ctx.viewer().require_user() else {
            return Ok(None);
        };
        let found = by_id(ctx, id).await?;
        Ok(found.filter(|person| person.0.active))
    }
}
