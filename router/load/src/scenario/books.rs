//! The bookstore: a search, and the purchase of a copy.

use hyper::Method;
use rand::Rng;
use serde_json::{Value, json};

use super::Player;
use crate::caller::{Abandoned, NEVER, Outcome, refusals};
use crate::values::{cents, id_number, path_segment, rest_cents};
use crate::world::{done, topic};

impl Player {
    /// Searches the topic of this run, looks a book up, and buys it.
    pub(super) async fn buy_a_book(&mut self) -> Result<(), Abandoned> {
        self.search_books().await?;
        let place = self.random.random_range(0..self.world.books.len());
        self.look_up_book(place).await?;
        self.purchase(place).await
    }

    async fn search_books(&mut self) -> Result<(), Abandoned> {
        let world = self.world.clone();
        let expected: Vec<(i64, &str)> = world.books.iter().map(|book| (book.id, &*book.name)).collect();
        let over_rest = self.over_rest();
        let step = ["search books", "search books (REST)"][usize::from(over_rest)];
        let data = if over_rest {
            let request = (
                Method::GET,
                format!("/bookstore/search/{}", path_segment(&topic(&world.run))),
            );
            done(self.caller.rest(step, request, None, None, NEVER).await?)?
        } else {
            let document =
                "query($topic: String!) { books(topic: $topic, first: 100) { nodes { id title price quantity } } }";
            let variables = json!({ "topic": topic(&world.run) });
            let mut data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            data["books"]["nodes"].take()
        };
        let books = data.as_array().map(Vec::as_slice).unwrap_or_default();
        let id = |book: &Value| book["id"].as_i64().or_else(|| id_number(&book["id"]));
        let found: Vec<(i64, &str)> = books
            .iter()
            .filter_map(|book| Some((id(book)?, book["title"].as_str()?)))
            .collect();
        self.caller.same(step, "the list of books", expected, found)
    }

    async fn look_up_book(&mut self, place: usize) -> Result<(), Abandoned> {
        let world = self.world.clone();
        let book = &world.books[place];
        let over_rest = self.over_rest();
        let step = ["look up a book", "look up a book (REST)"][usize::from(over_rest)];
        let (title, price, quantity) = if over_rest {
            let request = (Method::GET, format!("/bookstore/info/{}", book.id));
            let data = done(self.caller.rest(step, request, None, None, NEVER).await?)?;
            (
                data["title"].as_str().map(str::to_owned),
                rest_cents(&data["price"]),
                data["quantity"].as_i64(),
            )
        } else {
            let document = "query($id: ID!) { book(id: $id) { title price quantity } }";
            let variables = json!({ "id": format!("book_{}", book.id) });
            let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            let data = &data["book"];
            (
                data["title"].as_str().map(str::to_owned),
                cents(&data["price"]),
                data["quantity"].as_i64(),
            )
        };
        self.caller
            .same(step, "the title", Some(&*book.name), title.as_deref())?;
        self.caller.same(step, "the price", Some(book.price), price)?;
        let quantity = self.caller.needed(step, "quantity", quantity)?;
        if !(0..=book.listed).contains(&quantity) {
            let message = format!("{quantity} copies are left of {}", book.listed);
            return Err(self.caller.wrong(step, message));
        }
        Ok(())
    }

    async fn purchase(&mut self, place: usize) -> Result<(), Abandoned> {
        let key = self.key();
        let world = self.world.clone();
        let book = &world.books[place];
        let allowed = refusals(if book.is_scarce { &["INSUFFICIENT_STOCK"] } else { &[] });
        let over_rest = self.over_rest();
        let step = ["buy a book", "buy a book (REST)"][usize::from(over_rest)];
        let outcome = if over_rest {
            let request = (Method::POST, format!("/bookstore/purchase/{}", book.id));
            self.caller.rest(step, request, None, Some(key), allowed).await?
        } else {
            let document = "mutation($id: ID!, $key: String!) {
                purchaseBook(id: $id, idempotencyKey: $key) { id title price bookId quantityAfter } }";
            let variables = json!({ "id": format!("book_{}", book.id), "key": key });
            self.caller.graphql(step, document, variables, allowed).await?
        };
        let Outcome::Done(answer) = outcome else {
            return Ok(());
        };
        let (id, price) = if over_rest {
            (
                answer.data["orderId"].as_i64(),
                rest_cents(&answer.data["book"]["price"]),
            )
        } else {
            let purchase = &answer.data["purchaseBook"];
            (id_number(&purchase["id"]), cents(&purchase["price"]))
        };
        self.caller.same(step, "the price", Some(book.price), price)?;
        let id = self.caller.needed(step, "id", id)?;
        book.take(1);
        self.person.purchases.insert(id, place);
        Ok(())
    }
}
