//! A bookstore subgraph on its own database file.

use std::ops::Deref;

use serde_json::{Value, json};
use testing::{Answer, NEW_YEAR_US, TestDomain, TestServices};
pub use testing::{admin, member, service};

/// Adds a book: `input`, and perhaps an idempotency key.
pub const ADD: &str = "mutation($input: NewBook!, $key: String) {
    addBook(input: $input, idempotencyKey: $key) { id title topic price quantity }
}";

/// Sells a book: `id`, and perhaps an idempotency key.
pub const BUY: &str = "mutation($id: ID!, $key: String) {
    purchaseBook(id: $id, idempotencyKey: $key) { id title price quantityAfter }
}";

/// Changes a book: `id` and `input`.
pub const UPDATE: &str = "mutation($id: ID!, $input: BookPatch!) {
    updateBook(id: $id, input: $input) { title topic quantity price }
}";

/// Deletes a book: `id`.
pub const DELETE: &str = "mutation($id: ID!) { deleteBook(id: $id) }";

/// A page of books, by any of the list's arguments.
pub const BOOKS: &str =
    "query($topic: String, $text: String, $first: Int, $last: Int, $after: String, $before: String) {
        books(topic: $topic, text: $text, first: $first, last: $last, after: $after, before: $before) {
            nodes { title } edges { cursor }
            pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
        }
    }";

pub struct BookstoreDomain(TestDomain);

impl Deref for BookstoreDomain {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl BookstoreDomain {
    /// An empty store.
    pub async fn new() -> Self {
        Self::with_bus(contract::InProcessBus::EVENTS_MAX).await
    }

    /// An empty store whose subscribers may lag that many events.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::with_events_max(NEW_YEAR_US, capacity).await;
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
        let input = new_book(title, topic, usd("9.99"), copies);
        let added = self.admin().query(ADD, json!({ "input": input })).await;
        added.text("addBook.id").to_owned()
    }
}

/// The input of [`ADD`].
pub fn new_book(title: &str, topic: &str, price: Value, quantity: impl Into<Value>) -> Value {
    let quantity = quantity.into();
    json!({ "title": title, "topic": topic, "price": price, "quantity": quantity })
}

/// That amount of US dollars.
pub fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}

/// Returns the titles of `books`, in their order.
pub fn titles(answer: &Answer) -> Vec<&str> {
    let titles = answer.all("books.nodes.*.title").into_iter();
    titles.map(|title| title.as_str().unwrap()).collect()
}
