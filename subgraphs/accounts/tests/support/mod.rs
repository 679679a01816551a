//! A migrated database in a folder of its own, a clock that stands still, a bus that is listened to.
#![expect(dead_code, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::Arc;
use std::time::Duration;

use accounts::{AccountsSchema, Settings};
use async_graphql::{Request, Variables};
use contract::{
    Db, DbOptions, Delivery, Event, EventStream, InProcessBus, ManualClock, Role, Services, SessionId, TokenKeys,
    Viewer,
};
use futures_util::{FutureExt, StreamExt};
use migrations::MigratorTrait;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const PASSWORD: &str = "correct horse";
pub const SIGNED_IN: &str = "{ token refreshToken expiresAt user { id username } }";

/// The accounts domain, ready to be asked.
pub struct App {
    pub schema: AccountsSchema,
    pub services: Services,
    pub clock: Arc<ManualClock>,
    folder: TempDir,
}

/// Hashing that costs next to nothing, so that tests of everything else are quick.
pub fn quick() -> Settings {
    Settings {
        argon2_memory_kib: 8,
        argon2_passes: 1,
        hashing_wait_ms_max: 60_000,
        ..Settings::default()
    }
}

impl App {
    pub async fn new() -> Self {
        Self::with(quick()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(DbOptions::at(folder.path().join("agora.db"))).await.unwrap();
        db.migrate(async |connection| migrations::Migrator::up(connection, None).await)
            .await
            .unwrap();
        let clock = Arc::new(ManualClock::at_us(1_800_000_000_000_000));
        let services = Services {
            db,
            clock: clock.clone(),
            bus: Arc::new(InProcessBus::new(1_000)),
            keys: Arc::new(TokenKeys::ephemeral()),
        };
        let schema = accounts::schema_with(services.clone(), settings);
        Self {
            schema,
            services,
            clock,
            folder,
        }
    }

    /// Every byte the database keeps on disk.
    pub fn bytes_on_disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    /// Answers a document as somebody.
    pub async fn ask(&self, who: &Who, document: &str, variables: Value) -> Answer {
        let mut request = Request::new(document)
            .variables(Variables::from_json(variables))
            .data(who.viewer.clone());
        if let Some(session) = who.session {
            request = request.data(SessionId(session));
        }
        Answer(serde_json::to_value(self.schema.execute(request).await).unwrap())
    }

    /// Registers a member and signs them in.
    pub async fn join(&self, username: &str) -> Person {
        self.register(json!({"username": username, "email": format!("{username}@example.com"), "password": PASSWORD}))
            .await
            .person(self, "register")
    }

    pub async fn register(&self, input: Value) -> Answer {
        let document = format!("mutation($input: RegisterInput!) {{ register(input: $input) {SIGNED_IN} }}");
        self.ask(&Who::nobody(), &document, json!({"input": input})).await
    }

    pub async fn login(&self, login: &str, password: &str) -> Answer {
        let document = format!("mutation($l: String!, $p: String!) {{ login(login: $l, password: $p) {SIGNED_IN} }}");
        self.ask(&Who::nobody(), &document, json!({"l": login, "p": password}))
            .await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        let document = format!("mutation($t: String!) {{ refresh(token: $t) {SIGNED_IN} }}");
        self.ask(&Who::nobody(), &document, json!({"t": token})).await
    }

    pub fn events(&self) -> EventStream {
        self.services.bus.subscribe()
    }

    pub fn advance_minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }
}

/// Events that are there now.
pub fn heard(events: &mut EventStream) -> Vec<Event> {
    let mut heard = Vec::new();
    while let Some(Some(delivery)) = events.next().now_or_never() {
        match delivery {
            Delivery::Event(event) => heard.push((*event).clone()),
            Delivery::Lagged(lost) => panic!("{lost} events were lost"),
        }
    }
    heard
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Who {
    pub viewer: Viewer,
    pub session: Option<i64>,
}

impl Who {
    pub fn nobody() -> Self {
        Self {
            viewer: Viewer::Anonymous,
            session: None,
        }
    }

    pub fn service() -> Self {
        Self {
            viewer: Viewer::Service { name: "tests".into() },
            session: None,
        }
    }

    pub fn admin(id: i64) -> Self {
        Self {
            viewer: Viewer::User {
                id,
                role: Role::Member,
                admin: true,
            },
            session: None,
        }
    }
}

/// Somebody signed in.
#[derive(Clone)]
pub struct Person {
    pub id: i64,
    pub who: Who,
    pub refresh_token: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer(pub Value);

impl Answer {
    /// The first error's code, or `OK`.
    pub fn code(&self) -> &str {
        match self.0.pointer("/errors/0") {
            Some(error) => error["extensions"]["code"].as_str().unwrap_or("no code"),
            None => "OK",
        }
    }

    pub fn message(&self) -> &str {
        self.0
            .pointer("/errors/0/message")
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// The first error's field.
    pub fn field(&self) -> &str {
        self.0
            .pointer("/errors/0/extensions/field")
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// The data at a path; no errors are allowed beside it.
    pub fn at(&self, path: &str) -> &Value {
        assert_eq!(self.code(), "OK", "{}", self.0);
        self.0["data"].pointer(path).unwrap_or(&Value::Null)
    }

    /// Who is signed in after `field` answered.
    pub fn person(&self, app: &App, field: &str) -> Person {
        let text = |name: &str| self.at(&format!("/{field}/{name}")).as_str().unwrap().to_owned();
        let now_us = app.services.clock.now_us();
        let token = app.services.keys.verify(&text("token"), now_us).unwrap();
        Person {
            id: text("user/id").parse().unwrap(),
            who: Who {
                viewer: token.viewer,
                session: token.session,
            },
            refresh_token: text("refreshToken"),
        }
    }
}
