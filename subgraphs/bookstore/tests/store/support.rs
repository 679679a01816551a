//! A bookstore on a file of its own, and people to ask it.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Request;
use bookstore::BookstoreSchema;
use contract::{
    Bus, Clock, Db, DbOptions, Event, EventStream, InProcessBus, ManualClock, Role, Services, TokenKeys, Viewer,
};
use futures_util::stream::{self, BoxStream, StreamExt};
use migrations::{Migrator, MigratorTrait};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR_US: i64 = 1_767_225_600_000_000;

pub struct Store {
    pub schema: BookstoreSchema,
    pub services: Services,
    listening: Arc<Semaphore>,
    _folder: TempDir,
}

impl Store {
    /// An empty store.
    pub async fn new() -> Self {
        Self::with_bus(1_024).await
    }

    /// An empty store whose subscribers may fall that many events behind.
    pub async fn with_bus(capacity: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agora.db");
        let db = Db::open(DbOptions::at(path)).await.unwrap();
        db.migrate(async |connection| Migrator::up(connection, None).await)
            .await
            .unwrap();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at_us(NEW_YEAR_US));
        let listening = Arc::new(Semaphore::new(0));
        let services = Services {
            db,
            clock,
            bus: Arc::new(TellingBus {
                bus: InProcessBus::new(capacity),
                listening: listening.clone(),
            }),
            keys: Arc::new(TokenKeys::ephemeral()),
        };
        Self {
            schema: bookstore::schema(services.clone()),
            services,
            listening,
            _folder: folder,
        }
    }

    /// A store with one book, number 1: "Dune", 9.99 USD.
    pub async fn with_copies(copies: i32) -> Self {
        let store = Self::new().await;
        store.add("Dune", "novels", copies).await;
        store
    }

    /// Adds a book for 9.99 USD and answers its id.
    pub async fn add(&self, title: &str, topic: &str, copies: i32) -> String {
        let input = format!(
            r#"{{ title: "{title}", topic: "{topic}", price: {{ amount: "9.99", currency: "USD" }}, quantity: {copies} }}"#
        );
        let added = self
            .ask(&admin(), &format!("mutation {{ addBook(input: {input}) {{ id }} }}"))
            .await;
        added["data"]["addBook"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{added}"))
            .to_owned()
    }

    /// The response as JSON.
    pub async fn ask(&self, viewer: &Viewer, document: &str) -> Value {
        let request = Request::new(document).data(viewer.clone());
        serde_json::to_value(self.schema.execute(request).await).unwrap()
    }

    /// Starts a subscription, and returns when it listens.
    pub async fn watch(&self, viewer: &Viewer, document: &str) -> BoxStream<'static, Value> {
        let mut answers = self.subscribe(viewer, document);
        tokio::select! {
            permit = self.listening.acquire() => permit.unwrap().forget(),
            early = answers.next() => panic!("before anything happened: {early:?}"),
        }
        // What never arrives fails the test instead of holding it up.
        stream::unfold(answers, async |mut answers| {
            let next = tokio::time::timeout(PATIENCE, answers.next()).await;
            Some((next.expect("something arrives")?, answers))
        })
        .boxed()
    }

    /// A subscription that nobody has asked anything of yet.
    pub fn subscribe(&self, viewer: &Viewer, document: &str) -> BoxStream<'static, Value> {
        self.schema
            .execute_stream(Request::new(document).data(viewer.clone()))
            .map(|response| serde_json::to_value(response).unwrap())
            .boxed()
    }
}

pub fn user(id: i64) -> Viewer {
    Viewer::User {
        id,
        role: Role::Member,
        admin: false,
    }
}

pub fn admin() -> Viewer {
    Viewer::User {
        id: 1,
        role: Role::Member,
        admin: true,
    }
}

pub fn service() -> Viewer {
    Viewer::Service {
        name: "bookstore".to_owned(),
    }
}

/// The code of the first error; `OK` when there is none.
pub fn code(answer: &Value) -> &str {
    match answer.get("errors") {
        None => "OK",
        Some(errors) => errors[0]["extensions"]["code"].as_str().unwrap_or("NO CODE"),
    }
}

/// The titles of `books`, in their order.
pub fn titles(answer: &Value) -> Vec<&str> {
    let nodes = answer["data"]["books"]["nodes"].as_array();
    nodes
        .unwrap_or_else(|| panic!("{answer}"))
        .iter()
        .map(|book| book["title"].as_str().unwrap())
        .collect()
}

/// Says when a subscriber asks for its first event: then it has read all it reads before.
struct TellingBus {
    bus: InProcessBus,
    listening: Arc<Semaphore>,
}

impl Bus for TellingBus {
    fn publish(&self, event: Event) {
        self.bus.publish(event);
    }

    fn subscribe(&self) -> EventStream {
        let listening = self.listening.clone();
        let tell = stream::once(async move { listening.add_permits(1) }).filter_map(|()| std::future::ready(None));
        tell.chain(self.bus.subscribe()).boxed()
    }
}
