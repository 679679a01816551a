//! A post office on a file of its own, and four people: ada 1, ben 2, cleo 3 and dan 4.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Request;
use contract::{Bus, Db, DbOptions, Event, EventStream, InProcessBus, ManualClock, Role, Services, TokenKeys, Viewer};
use entities::user;
use futures_util::stream::{self, BoxStream, StreamExt};
use messages::MessagesSchema;
use migrations::{Migrator, MigratorTrait};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR_US: i64 = 1_767_225_600_000_000;

pub const ADA: i64 = 1;
pub const BEN: i64 = 2;
pub const CLEO: i64 = 3;
pub const DAN: i64 = 4;

pub struct Mail {
    pub schema: MessagesSchema,
    pub services: Services,
    clock: Arc<ManualClock>,
    listening: Arc<Semaphore>,
    _folder: TempDir,
}

impl Mail {
    /// Nobody wrote yet.
    pub async fn new() -> Self {
        Self::with_bus(1_024).await
    }

    /// Nobody wrote yet, and subscribers may fall that many events behind.
    pub async fn with_bus(capacity: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(DbOptions::at(folder.path().join("agora.db"))).await.unwrap();
        db.migrate(async |connection| Migrator::up(connection, None).await)
            .await
            .unwrap();
        let clock = Arc::new(ManualClock::at_us(NEW_YEAR_US));
        let listening = Arc::new(Semaphore::new(0));
        let services = Services {
            db,
            clock: clock.clone(),
            bus: Arc::new(TellingBus {
                bus: InProcessBus::new(capacity),
                listening: listening.clone(),
            }),
            keys: Arc::new(TokenKeys::ephemeral()),
        };
        let mail = Self {
            schema: messages::schema(services.clone()),
            services,
            clock,
            listening,
            _folder: folder,
        };
        for name in ["Ada", "ben", "cleo", "dan"] {
            mail.join(name).await;
        }
        mail
    }

    async fn join(&self, username: &'static str) {
        let joined = self
            .services
            .db
            .write(async move |tx| Ok(user::join(tx, person(username)).await?))
            .await;
        assert!(joined.unwrap().is_ok());
    }

    /// The person's account ends.
    pub async fn deactivate(&self, id: i64) {
        self.services
            .db
            .write(async move |tx| Ok(user::deactivate(tx, id, NEW_YEAR_US).await?))
            .await
            .unwrap();
    }

    /// Sends a message a second after whatever was before, and answers its id.
    pub async fn send(&self, from: i64, to: &str, contents: &str) -> String {
        self.clock.advance(Duration::from_secs(1));
        let document = format!(r#"mutation {{ sendMessage(to: "{to}", contents: "{contents}") {{ id }} }}"#);
        let sent = self.ask(&member(from), &document).await;
        sent["data"]["sendMessage"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{sent}"))
            .to_owned()
    }

    /// The response as JSON.
    pub async fn ask(&self, viewer: &Viewer, document: &str) -> Value {
        let request = Request::new(document).data(viewer.clone());
        serde_json::to_value(self.schema.execute(request).await).unwrap()
    }

    /// What `fields` of a person are to that viewer, with the code of the first error.
    pub async fn of_person(&self, viewer: &Viewer, id: i64, fields: &str) -> (Value, String) {
        let document = format!(
            r#"{{ _entities(representations: [{{ __typename: "User", id: "{id}" }}]) {{ ... on User {{ {fields} }} }} }}"#
        );
        let answer = self.ask(viewer, &document).await;
        (answer["data"]["_entities"][0].clone(), code(&answer).to_owned())
    }

    /// The contents of a list of a person: `inbox(first: 2)`.
    pub async fn list(&self, owner: i64, list: &str) -> Vec<String> {
        let fields = format!("list: {list} {{ nodes {{ contents }} }}");
        let (person, _) = self.of_person(&member(owner), owner, &fields).await;
        let nodes = person["list"]["nodes"].as_array();
        nodes
            .unwrap_or_else(|| panic!("{person}"))
            .iter()
            .map(|message| message["contents"].as_str().unwrap().to_owned())
            .collect()
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

pub fn member(id: i64) -> Viewer {
    Viewer::User {
        id,
        role: Role::Member,
        admin: false,
    }
}

pub fn admin() -> Viewer {
    Viewer::User {
        id: 99,
        role: Role::Member,
        admin: true,
    }
}

pub fn service() -> Viewer {
    Viewer::Service {
        name: "community".to_owned(),
    }
}

/// The code of the first error; `OK` when there is none.
pub fn code(answer: &Value) -> &str {
    match answer.get("errors") {
        None => "OK",
        Some(errors) => errors[0]["extensions"]["code"].as_str().unwrap_or("NO CODE"),
    }
}

fn person(username: &str) -> user::Model {
    user::Model {
        id: 0,
        username: username.to_owned(),
        username_key: String::new(),
        email: None,
        email_key: None,
        display_name: None,
        name: None,
        surname: None,
        phone: None,
        address_street: None,
        address_number: None,
        address_zip_code: None,
        address_text: None,
        role: "MEMBER".to_owned(),
        fee_basis_points: None,
        admin: false,
        karma: 0,
        active: true,
        password_hash: None,
        joined_at_us: NEW_YEAR_US,
        deactivated_at_us: None,
        erased_at_us: None,
        version: 1,
    }
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
