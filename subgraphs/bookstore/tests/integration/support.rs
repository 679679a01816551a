//! A bookstore subgraph on its own database file.

use std::ops::Deref;

use bookstore::BookstoreSchema;
use serde_json::Value;
pub use testing::{NEW_YEAR_US, admin, code, member, service};
use testing::{TestDomain, TestServices};

pub struct BookstoreDomain(TestDomain<BookstoreSchema>);

impl Deref for BookstoreDomain {
    type Target = TestDomain<BookstoreSchema>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl BookstoreDomain {
    /// An empty store.
    pub async fn new() -> Self {
        Self::with_bus(1_024).await
    }

    /// An empty store whose subscribers may lag that many events.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::new(NEW_YEAR_US, capacity).await;
        Self(TestDomain::new(services, bookstore::schema))
    }

    /// A store with one book, number 1: "Dune", 9.99 USD.
    pub async fn with_copies(copies: i32) -> Self {
        let store = Self::new().await;
        store.add("Dune", "novels", copies).await;
        store
    }

    /// Adds a book for 9.99 USD and returns its id.
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
}

/// Returns the titles of `books`, in their order.
pub fn titles(answer: &Value) -> Vec<&str> {
    let nodes = answer["data"]["books"]["nodes"].as_array();
    nodes
        .unwrap_or_else(|| panic!("{answer}"))
        .iter()
        .map(|book| book["title"].as_str().unwrap())
        .collect()
}
