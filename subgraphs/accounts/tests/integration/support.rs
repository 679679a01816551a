//! Test support: the accounts domain on a database file of its own, and people who register.

use std::ops::Deref;
use std::time::Duration;

use accounts::Settings;
use async_graphql::{Request, Variables};
use contract::{EventStream, Role, SessionId, Viewer};
use serde_json::{Value, json};
use testing::{TestDomain, TestServices};

pub const PASSWORD: &str = "correct horse";
pub const SIGNED_IN: &str = "{ token refreshToken expiresAt user { id username } }";

/// The accounts domain with an executable schema.
pub struct AccountsDomain(TestDomain);

impl Deref for AccountsDomain {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Settings with cheap hashing, so that tests of other features are fast.
pub fn fast_settings() -> Settings {
    Settings {
        argon2_memory_kib: 8,
        argon2_passes: 1,
        hashing_wait_ms_max: 60_000,
        ..Settings::default()
    }
}

impl AccountsDomain {
    pub async fn new() -> Self {
        Self::with(fast_settings()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let services = TestServices::new(1_800_000_000_000_000).await;
        let schema = |services| accounts::schema_with(services, settings);
        Self(TestDomain::new(services, schema))
    }

    /// Returns all bytes that the database stores on disk.
    pub fn bytes_on_disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    /// Executes a document as `caller`.
    pub async fn ask(&self, caller: &CallerSession, document: &str, variables: Value) -> AppResponse {
        let mut request = Request::new(document).variables(Variables::from_json(variables));
        if let Some(session) = caller.session {
            request = request.data(SessionId(session));
        }
        AppResponse(self.0.ask(&caller.viewer, request).await)
    }

    /// Registers a member and signs them in.
    pub async fn sign_up(&self, username: &str) -> SignedInUser {
        self.register(json!({"username": username, "email": format!("{username}@example.com"), "password": PASSWORD}))
            .await
            .person(self, "register")
    }

    pub async fn register(&self, input: Value) -> AppResponse {
        let document = format!("mutation($input: RegisterInput!) {{ register(input: $input) {SIGNED_IN} }}");
        self.ask(&CallerSession::anonymous(), &document, json!({"input": input}))
            .await
    }

    pub async fn login(&self, login: &str, password: &str) -> AppResponse {
        let document = format!("mutation($l: String!, $p: String!) {{ login(login: $l, password: $p) {SIGNED_IN} }}");
        self.ask(
            &CallerSession::anonymous(),
            &document,
            json!({"l": login, "p": password}),
        )
        .await
    }

    pub async fn refresh(&self, token: &str) -> AppResponse {
        let document = format!("mutation($t: String!) {{ refresh(token: $t) {SIGNED_IN} }}");
        self.ask(&CallerSession::anonymous(), &document, json!({"t": token}))
            .await
    }

    pub fn events(&self) -> EventStream {
        self.services.bus.subscribe()
    }

    /// Restarts the domain on the same data.
    pub fn again(self) -> Self {
        Self(
            self.0
                .restart(|services| accounts::schema_with(services, fast_settings())),
        )
    }

    pub fn advance_seconds(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn advance_minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }
}

/// A caller and, if signed in, the caller's session.
#[derive(Clone)]
pub struct CallerSession {
    pub viewer: Viewer,
    pub session: Option<i64>,
}

impl CallerSession {
    pub fn anonymous() -> Self {
        Self {
            viewer: Viewer::Anonymous,
            session: None,
        }
    }

    pub fn service() -> Self {
        Self {
            viewer: testing::service(),
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

/// A person who is signed in.
#[derive(Clone)]
pub struct SignedInUser {
    pub id: i64,
    pub caller: CallerSession,
    pub refresh_token: String,
}

/// A response, as JSON.
#[derive(Debug)]
pub struct AppResponse(pub Value);

impl AppResponse {
    /// Returns the first error's code, or `OK`.
    pub fn code(&self) -> &str {
        testing::code(&self.0)
    }

    pub fn message(&self) -> &str {
        self.0
            .pointer("/errors/0/message")
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// Returns the first error's field.
    pub fn field(&self) -> &str {
        self.0
            .pointer("/errors/0/extensions/field")
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// Returns the data at a path, and checks that there are no errors.
    pub fn at(&self, path: &str) -> &Value {
        assert_eq!(self.code(), "OK", "{}", self.0);
        self.0["data"].pointer(path).unwrap_or(&Value::Null)
    }

    /// Returns the person whose tokens `field` returned.
    pub fn person(&self, domain: &AccountsDomain, field: &str) -> SignedInUser {
        let text = |name: &str| self.at(&format!("/{field}/{name}")).as_str().unwrap().to_owned();
        let now_us = domain.services.clock.now_us();
        let token = domain.services.keys.verify(&text("token"), now_us).unwrap();
        SignedInUser {
            id: text("user/id").parse().unwrap(),
            caller: CallerSession {
                viewer: token.viewer,
                session: token.session,
            },
            refresh_token: text("refreshToken"),
        }
    }
}
