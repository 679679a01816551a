//! Resolvers that only return values from memory, once as two subgraphs and once as one schema.

use std::collections::HashMap;
use std::sync::Arc;

use agora::in_process::InProcess;
use agora::subgraph::Subgraph;
use async_graphql::{EmptyMutation, EmptySubscription, ID, Object, Schema, ValidationMode};
use contract::DomainSchema;

use super::Subgraphs;

const CONTENTS: &str = "Yes! I am halfway through \"RPCs for Noobs\".";

pub fn graph() -> (Subgraphs, DomainSchema) {
    let accounts = Schema::build(accounts::Query, EmptyMutation, EmptySubscription)
        .validation_mode(ValidationMode::Fast)
        .enable_federation()
        .finish();
    let messages = Schema::build(messages::Query, EmptyMutation, EmptySubscription)
        .validation_mode(ValidationMode::Fast)
        .enable_federation()
        .finish();
    let mut subgraphs: HashMap<String, Arc<dyn Subgraph>> = HashMap::new();
    subgraphs.insert("accounts".into(), Arc::new(InProcess(DomainSchema::new(accounts))));
    subgraphs.insert("messages".into(), Arc::new(InProcess(DomainSchema::new(messages))));
    let merged = Schema::build(merged::Query, EmptyMutation, EmptySubscription).finish();
    (subgraphs, DomainSchema::new(merged))
}

fn username(id: i64) -> String {
    format!("person{id}")
}

fn senders(first: i32) -> impl Iterator<Item = i64> {
    (0..i64::from(first)).map(|index| index % 7 + 2)
}

mod accounts {
    use super::*;

    pub struct User(i64);

    #[Object]
    impl User {
        async fn id(&self) -> ID {
            self.0.into()
        }

        async fn username(&self) -> String {
            username(self.0)
        }
    }

    pub struct Query;

    #[Object]
    impl Query {
        async fn me(&self) -> Option<User> {
            Some(User(1))
        }

        #[graphql(entity)]
        async fn user_by_id(&self, id: ID) -> Option<User> {
            id.parse().ok().map(User)
        }
    }
}

mod messages {
    use super::*;

    pub struct User(i64);

    #[Object]
    impl User {
        async fn id(&self) -> ID {
            self.0.into()
        }

        async fn inbox(&self, first: i32) -> Inbox {
            Inbox(first)
        }
    }

    pub struct Inbox(i32);

    #[Object(name = "MessageConnection")]
    impl Inbox {
        async fn nodes(&self) -> Vec<Message> {
            senders(self.0).map(Message).collect()
        }
    }

    pub struct Message(i64);

    #[Object]
    impl Message {
        async fn contents(&self) -> &'static str {
            CONTENTS
        }

        async fn from(&self) -> User {
            User(self.0)
        }
    }

    pub struct Query;

    #[Object]
    impl Query {
        async fn nothing(&self) -> bool {
            false
        }

        #[graphql(entity)]
        async fn user_by_id(&self, id: ID) -> Option<User> {
            id.parse().ok().map(User)
        }
    }
}

pub mod merged {
    use super::*;

    pub struct User(i64);

    #[Object]
    impl User {
        async fn username(&self) -> String {
            username(self.0)
        }

        async fn inbox(&self, first: i32) -> Inbox {
            Inbox(first)
        }
    }

    pub struct Inbox(i32);

    #[Object(name = "MessageConnection")]
    impl Inbox {
        async fn nodes(&self) -> Vec<Message> {
            senders(self.0).map(Message).collect()
        }
    }

    pub struct Message(i64);

    #[Object]
    impl Message {
        async fn contents(&self) -> &'static str {
            CONTENTS
        }

        async fn from(&self) -> User {
            User(self.0)
        }
    }

    pub struct Query;

    #[Object]
    impl Query {
        async fn me(&self) -> Option<User> {
            Some(User(1))
        }
    }
}
