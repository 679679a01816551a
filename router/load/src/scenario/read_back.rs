//! Reads everything back and compares it exactly with what the person did.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use super::Player;
use super::community::VoteBounds;
use crate::caller::{Abandoned, NEVER};
use crate::person::{Order, Side};
use crate::values::{cents, id_number, rest_cents};
use crate::world::done;

/// The pages that a list may have: more than a life fills.
const PAGES_MAX: usize = 1_000;

impl Player {
    /// Compares all that belongs to the person.
    pub(super) async fn read_back(&mut self) -> Result<(), Abandoned> {
        self.compare_wallet().await?;
        self.compare_transactions().await?;
        self.compare_holdings().await?;
        self.compare_authorizations("read back the authorizations").await?;
        self.compare_orders().await?;
        self.compare_purchases().await?;
        self.compare_shop_orders().await?;
        self.compare_posts().await?;
        self.compare_inbox("read back the inbox").await?;
        self.compare_sent().await?;
        self.compare_message_events().await
    }

    async fn compare_wallet(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "read back the wallet";
        let document = "{ me { id username wallet { balance committed lent held } } }";
        let data = done(self.caller.graphql(STEP, document, json!({}), NEVER).await?)?;
        let me = &data["me"];
        self.caller
            .same(STEP, "the id", Some(self.person.id), id_number(&me["id"]))?;
        self.caller
            .same(STEP, "the username", Some(&*self.name), me["username"].as_str())?;
        let wallet = &me["wallet"];
        self.caller.same(
            STEP,
            "the balance",
            Some(self.person.balance),
            cents(&wallet["balance"]),
        )?;
        self.caller.same(
            STEP,
            "the committed money",
            Some(self.person.lent),
            cents(&wallet["committed"]),
        )?;
        self.caller
            .same(STEP, "the lent money", Some(self.person.lent), cents(&wallet["lent"]))?;
        self.caller
            .same(STEP, "the held money", Some(self.person.held), cents(&wallet["held"]))?;

        const REST: &str = "read back the wallet (REST)";
        let request = (Method::GET, "/brokerage/balance".to_owned());
        let data = done(self.caller.rest(REST, request, None, None, NEVER).await?)?;
        self.caller.same(
            REST,
            "the balance",
            Some(self.person.balance),
            rest_cents(&data["balance"]),
        )?;
        let committed = rest_cents(&data["committedBalance"]);
        self.caller
            .same(REST, "the committed money", Some(self.person.lent), committed)?;
        let held = rest_cents(&data["heldBalance"]);
        self.caller.same(REST, "the held money", Some(self.person.held), held)?;
        self.caller
            .same(REST, "the profile", Some(self.person.id), data["user"]["id"].as_i64())
    }

    async fn compare_transactions(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "read back the transactions";
        let arguments = "types: [DEPOSIT, WITHDRAWAL]";
        let found = self
            .list(STEP, &["wallet"], "transactions", arguments, "id amount")
            .await?;
        let found: BTreeMap<_, _> = found
            .iter()
            .map(|row| (id_number(&row["id"]), cents(&row["amount"])))
            .collect();
        let own = self.person.transactions.iter();
        let expected: BTreeMap<_, _> = own.map(|(id, amount)| (Some(*id), Some(*amount))).collect();
        self.caller.same(STEP, "the list", expected, found)?;

        const REST: &str = "read back the transactions (REST)";
        let request = (Method::GET, "/brokerage/transactions".to_owned());
        let data = done(self.caller.rest(REST, request, None, None, NEVER).await?)?;
        let rows = data.as_array().map(Vec::as_slice).unwrap_or_default();
        let signed = |row: &Value| {
            let amount = rest_cents(&row["amount"])?;
            Some(if row["type"] == "withdraw" { -amount } else { amount })
        };
        let found: BTreeMap<_, _> = rows.iter().map(|row| (row["id"].as_i64(), signed(row))).collect();
        let own = self.person.transactions.iter();
        let expected: BTreeMap<_, _> = own.map(|(id, amount)| (Some(*id), Some(*amount))).collect();
        self.caller.same(REST, "the list", expected, found)
    }

    /// Returns free, committed and held shares of each stock; stocks without shares are left out.
    fn expected_holdings(&self) -> BTreeMap<Option<i64>, [Option<i64>; 3]> {
        let shares = self.person.shares.iter();
        let owned = shares.filter(|(_, shares)| shares.free + shares.lent + shares.held > 0);
        owned
            .map(|(place, shares)| {
                let numbers = [Some(shares.free), Some(shares.lent), Some(shares.held)];
                (Some(self.world.stocks[*place].id), numbers)
            })
            .collect()
    }

    async fn compare_holdings(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "read back the holdings";
        let found = self
            .list_of_me(STEP, "holdings", "", "stock { id } free committed held")
            .await?;
        let numbers = |row: &Value| ["free", "committed", "held"].map(|name| row[name].as_i64());
        let rows = found.iter().map(|row| (id_number(&row["stock"]["id"]), numbers(row)));
        let found: BTreeMap<_, _> = rows.filter(|(_, numbers)| *numbers != [Some(0); 3]).collect();
        let expected = self.expected_holdings();
        self.caller.same(STEP, "the list", expected.clone(), found)?;

        const REST: &str = "read back the holdings (REST)";
        let request = (Method::GET, "/brokerage/stockholdings".to_owned());
        let data = done(self.caller.rest(REST, request, None, None, NEVER).await?)?;
        let rows = data.as_array().map(Vec::as_slice).unwrap_or_default();
        let numbers = |row: &Value| [row["amount"].as_i64(), row["committedAmount"].as_i64()];
        let rows = rows.iter().map(|row| (row["stockId"].as_i64(), numbers(row)));
        let found: BTreeMap<_, _> = rows.filter(|(_, numbers)| *numbers != [Some(0); 2]).collect();
        let expected = expected
            .into_iter()
            .map(|(stock, [free, committed, _])| (stock, [free, committed]));
        let expected: BTreeMap<_, _> = expected.filter(|(_, numbers)| *numbers != [Some(0); 2]).collect();
        self.caller.same(REST, "the list", expected, found)
    }

    async fn compare_orders(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "read back the orders";
        let selection = "id status side quantity fee stock { id } broker { id }";
        let found = self.list_of_me(STEP, "brokerageOrders", "", selection).await?;
        let found: BTreeMap<_, _> = found.iter().filter_map(|row| self.order_of_graphql(row)).collect();
        self.caller.same(STEP, "the list", self.person.orders.clone(), found)?;

        const REST: &str = "read back the orders (REST)";
        let request = (Method::GET, "/brokerage/orders".to_owned());
        let data = done(self.caller.rest(REST, request, None, None, NEVER).await?)?;
        let rows = data.as_array().map(Vec::as_slice).unwrap_or_default();
        let found: BTreeMap<_, _> = rows.iter().filter_map(|row| self.order_of_rest(row)).collect();
        self.caller.same(REST, "the list", self.person.orders.clone(), found)
    }

    fn order_of_graphql(&self, row: &Value) -> Option<(i64, Order)> {
        let order = Order {
            stock: self.stock_place(id_number(&row["stock"]["id"])?)?,
            side: side(row["side"].as_str()?)?,
            quantity: row["quantity"].as_i64()?,
            status: status(row["status"].as_str()?)?,
            fee: cents(&row["fee"])?,
            is_brokered: !row["broker"].is_null(),
        };
        Some((id_number(&row["id"])?, order))
    }

    fn order_of_rest(&self, row: &Value) -> Option<(i64, Order)> {
        let order = Order {
            stock: self.stock_place(row["stockId"].as_i64()?)?,
            side: side(row["type"].as_str()?)?,
            quantity: row["stockAmount"].as_i64()?,
            status: status(row["status"].as_str()?)?,
            fee: rest_cents(&row["fee"])?,
            is_brokered: !row["brokerId"].is_null(),
        };
        Some((row["id"].as_i64()?, order))
    }

    fn stock_place(&self, id: i64) -> Option<usize> {
        self.world.stocks.iter().position(|stock| stock.id == id)
    }

    async fn compare_purchases(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "read back the book purchases";
        let found = self
            .list_of_me(STEP, "bookPurchases", "", "id title price bookId")
            .await?;
        let found: BTreeMap<_, _> = found
            .iter()
            .map(|row| {
                (
                    id_number(&row["id"]),
                    (id_number(&row["bookId"]), row["title"].as_str(), cents(&row["price"])),
                )
            })
            .collect();
        let expected: BTreeMap<_, _> = self
            .person
            .purchases
            .iter()
            .map(|(id, place)| {
                let book = &self.world.books[*place];
                (Some(*id), (Some(book.id), Some(&*book.name), Some(book.price)))
            })
            .collect();
        self.caller.same(STEP, "the list", expected, found)
    }

    async fn compare_shop_orders(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "read back the shop orders (REST)";
        let request = (Method::GET, format!("/shop/api/userorders/{}", self.person.id));
        let found = done(self.caller.rest(STEP, request, None, None, NEVER).await?)?;
        let orders = self.person.shop_orders.iter();
        let expected: Vec<Value> = orders.map(|(id, order)| self.rest_shop_order(*id, order)).collect();
        self.caller.same(STEP, "the list", &Value::Array(expected), &found)?;

        const GRAPHQL: &str = "read back the shop orders";
        let found = self
            .list_of_me(GRAPHQL, "shopOrders", "", "id quantity date product { id }")
            .await?;
        let found: Vec<Value> = found
            .iter()
            .map(|row| {
                json!([
                    id_number(&row["id"]),
                    id_number(&row["product"]["id"]),
                    row["quantity"],
                    row["date"]
                ])
            })
            .collect();
        let orders = self.person.shop_orders.iter();
        let expected: Vec<Value> = orders
            .map(|(id, order)| json!([id, self.world.products[order.product].id, order.quantity, order.date]))
            .collect();
        self.caller.same(GRAPHQL, "the list", expected, found)
    }

    async fn compare_posts(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "read back the posts";
        let bounds: BTreeMap<i64, VoteBounds> = self
            .person
            .posts
            .iter()
            .map(|(id, post)| (*id, VoteBounds::before(&post.tally)))
            .collect();
        let selection = "id title text community { name } upvotes downvotes score";
        let found = self.list_of_me(STEP, "posts", "", selection).await?;
        self.caller
            .same(STEP, "the number of posts", self.person.posts.len(), found.len())?;
        for row in &found {
            let id = self.caller.needed(STEP, "id", id_number(&row["id"]))?;
            let post = self
                .caller
                .needed(STEP, "post that was written", self.person.posts.get(&id))?;
            self.caller
                .same(STEP, "the title", Some(&*post.title), row["title"].as_str())?;
            self.caller
                .same(STEP, "the text", Some(&*post.text), row["text"].as_str())?;
            self.caller.same(
                STEP,
                "the community",
                Some(&*post.community),
                row["community"]["name"].as_str(),
            )?;
            let [upvotes, downvotes, score] = ["upvotes", "downvotes", "score"].map(|name| row[name].as_i64());
            let votes = upvotes.zip(downvotes).zip(score);
            let ((upvotes, downvotes), score) = self.caller.needed(STEP, "votes", votes)?;
            let bounds = self.caller.needed(STEP, "bounds", bounds.get(&id))?;
            if let Some(contradiction) = bounds.contradiction(&post.tally, upvotes, downvotes, score) {
                return Err(self.caller.wrong(STEP, format!("post {id} has {contradiction}")));
            }
        }
        Ok(())
    }

    async fn compare_sent(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "read back the sent messages";
        let found = self.list_of_me(STEP, "sent", "", "id contents to { username }").await?;
        let found: BTreeMap<_, _> = found
            .iter()
            .map(|row| {
                (
                    id_number(&row["id"]),
                    (row["to"]["username"].as_str(), row["contents"].as_str()),
                )
            })
            .collect();
        // A receiver may have deleted a message for both.
        let stranger = found.iter().find(|(id, (to, contents))| {
            let sent = id.and_then(|id| self.person.sent.get(&id));
            sent.map(|(to, contents)| (Some(&**to), Some(&**contents))) != Some((*to, *contents))
        });
        self.caller
            .same(STEP, "a message that was not sent so", None, stranger)?;
        let own: Vec<i64> = self
            .person
            .sent
            .iter()
            .filter(|(id, (to, _))| *to == self.name && !self.person.deleted_messages.contains(id))
            .map(|(id, _)| *id)
            .collect();
        let missing = own.iter().find(|id| !found.contains_key(&Some(**id)));
        self.caller
            .same(STEP, "a message to oneself that is missing", None, missing)
    }

    /// Reads a whole list of the person, page by page.
    pub(super) async fn list_of_me(
        &mut self,
        step: &'static str,
        field: &str,
        arguments: &str,
        selection: &str,
    ) -> Result<Vec<Value>, Abandoned> {
        self.list(step, &[], field, arguments, selection).await
    }

    /// Reads a whole list under `me` and the fields of `path`.
    async fn list(
        &mut self,
        step: &'static str,
        path: &[&str],
        field: &str,
        arguments: &str,
        selection: &str,
    ) -> Result<Vec<Value>, Abandoned> {
        let (open, close) = (path.join(" { "), " }".repeat(path.len()));
        let opening = if path.is_empty() { "" } else { " { " };
        let document = format!(
            "query($after: String) {{ me {{ {open}{opening}{field}(first: 100, after: $after {arguments}) \
             {{ nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }}{close} }} }}"
        );
        let mut nodes = Vec::new();
        let mut after = Value::Null;
        for _ in 0..PAGES_MAX {
            let variables = json!({ "after": after });
            let mut data = done(self.caller.graphql(step, &document, variables, NEVER).await?)?;
            let list = path.iter().fold(&mut data["me"], |parent, name| &mut parent[*name])[field].take();
            let Value::Object(mut list) = list else {
                return Err(self.caller.wrong(step, format!("the answer has no {field}")));
            };
            if let Some(Value::Array(page)) = list.remove("nodes") {
                nodes.extend(page);
            }
            let page_info = list.remove("pageInfo").unwrap_or_default();
            if page_info["hasNextPage"] != true {
                return Ok(nodes);
            }
            after = page_info["endCursor"].clone();
        }
        Err(self.caller.wrong(step, "the list has no end"))
    }
}

fn side(word: &str) -> Option<Side> {
    match word {
        "BUY" | "PURCHASE" => Some(Side::Buy),
        "SELL" | "SALE" => Some(Side::Sell),
        _ => None,
    }
}

fn status(word: &str) -> Option<&'static str> {
    ["PENDING", "COMPLETED", "CANCELLED"]
        .into_iter()
        .find(|status| *status == word)
}
