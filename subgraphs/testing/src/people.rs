//! People who register and sign in, on any service with the domain `accounts`.

use std::ops::Deref;

use serde_json::{Value, json};

use crate::{Answer, Client};

/// Registers a person: `input`.
pub const REGISTER: &str = "mutation($input: RegisterInput!) {
    register(input: $input) { token refreshToken expiresAt user { id username } }
}";

/// Signs a person in: `login` and `password`.
pub const LOGIN: &str = "mutation($login: String!, $password: String!) {
    login(login: $login, password: $password) { token refreshToken expiresAt user { id username } }
}";

/// A person who is signed in. It dereferences to the person's [`Client`].
#[derive(Clone)]
pub struct Person {
    /// The account's id.
    pub id: i64,
    /// The bearer token.
    pub token: String,
    /// The token that renews the other one.
    pub refresh_token: String,
    client: Client,
}

impl Deref for Person {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Person {
    /// The person whom a mutation such as [`LOGIN`] signed in; `field` is the name of the mutation.
    ///
    /// # Panics
    /// When the answer has errors.
    #[track_caller]
    pub fn from_answer(client: &Client, answer: &Answer, field: &str) -> Self {
        let token = answer.text(&format!("{field}.token")).to_owned();
        Self {
            id: answer.id(&format!("{field}.user.id")),
            client: client.with_token(&token),
            token,
            refresh_token: answer.text(&format!("{field}.refreshToken")).to_owned(),
        }
    }
}

impl Client {
    /// Signs in the person with that name and password.
    ///
    /// # Panics
    /// When the sign-in fails.
    pub async fn sign_in(&self, login: &str, password: &str) -> Person {
        let answer = self.query(LOGIN, json!({ "login": login, "password": password })).await;
        Person::from_answer(self, &answer, "login")
    }

    /// Registers a person with that `RegisterInput`, and signs the person in.
    ///
    /// # Panics
    /// When the registration fails.
    pub async fn register(&self, input: Value) -> Person {
        let answer = self.query(REGISTER, json!({ "input": input })).await;
        Person::from_answer(self, &answer, "register")
    }
}
