//! Test support: the accounts domain on a database file of its own, and people who register.

use std::ops::Deref;
use std::time::Duration;

use accounts::Settings;
use contract::{EventStream, Role, Viewer};
use serde_json::{Value, json};
use testing::{Answer, LOGIN, REGISTER, TestDomain, TestServices};

pub const PASSWORD: &str = "correct horse";

/// Renews a session: `token`.
pub const REFRESH: &str = "mutation($token: String!) {
    refresh(token: $token) { token refreshToken expiresAt user { id username } }
}";

/// Sets the password of a person: `id` and `password`.
pub const SET_PASSWORD: &str = "mutation($id: ID!, $password: String!) {
    setPassword(userId: $id, new: $password)
}";

/// Deactivates the account of a person: `id`.
pub const DEACTIVATE: &str = "mutation($id: ID!) { deactivateAccount(userId: $id) { id } }";

/// Erases a person: `id`.
pub const ERASE: &str = "mutation($id: ID!) { eraseAccount(userId: $id) }";

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
    pub async fn query(&self, caller: &CallerSession, document: &str, variables: Value) -> Answer {
        let client = self.client_in_session(&caller.viewer, caller.session);
        client.query(document, variables).await
    }

    /// Registers a member and signs them in.
    pub async fn sign_up(&self, username: &str) -> SignedInUser {
        self.register(json!({"username": username, "email": format!("{username}@example.com"), "password": PASSWORD}))
            .await
            .person(self, "register")
    }

    pub async fn register(&self, input: Value) -> Answer {
        self.anonymous().query(REGISTER, json!({"input": input})).await
    }

    pub async fn login(&self, login: &str, password: &str) -> Answer {
        let args = json!({"login": login, "password": password});
        self.anonymous().query(LOGIN, args).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.anonymous().query(REFRESH, json!({"token": token})).await
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

/// An answer that signs a person in.
pub trait SignedIn {
    /// Returns the person whose tokens the mutation with that name returned.
    fn person(&self, domain: &AccountsDomain, field: &str) -> SignedInUser;
}

impl SignedIn for Answer {
    fn person(&self, domain: &AccountsDomain, field: &str) -> SignedInUser {
        let text = |name: &str| self.text(&format!("{field}.{name}")).to_owned();
        let now_us = domain.services.clock.now_us();
        let token = domain.services.keys.verify(&text("token"), now_us).unwrap();
        SignedInUser {
            id: self.id(&format!("{field}.user.id")),
            caller: CallerSession {
                viewer: token.viewer,
                session: token.session,
            },
            refresh_token: text("refreshToken"),
        }
    }
}
