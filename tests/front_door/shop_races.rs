//! A crowd of customers orders, changes and deletes at once. The available and the ordered quantity always add up to
//! the initial stock, and neither is ever negative.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agora::config::Settings;
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tests::{Audit, HttpClient, TestApp};

const CROWD: usize = 100;
/// The actions of each customer.
const TURNS: usize = 6;

/// A shop without products of its own, and its customers.
struct Shop {
    app: TestApp,
    admin: HttpClient,
    /// The customers, each with their id.
    crowd: Vec<(i64, HttpClient)>,
}

/// The outcome of a request, through REST or GraphQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    NotEnough,
    NotFound,
}

impl Shop {
    async fn open() -> Self {
        let mut settings = Settings::default();
        // Cheap password hashes: a hundred passwords at once are not the subject of this test.
        settings.accounts.argon2_memory_kib = 8;
        settings.accounts.argon2_passes = 1;
        settings.accounts.hashing_wait_ms_max = 60_000;
        let app = TestApp::with_settings(settings).await;
        let anonymous = app.anonymous();
        let names: Vec<String> = (0..CROWD).map(|number| format!("customer-{number}")).collect();
        let crowd = join_all(names.iter().map(|name| anonymous.register(name, "MEMBER", None))).await;
        Self {
            admin: app.signed_in("admin").await,
            app,
            crowd,
        }
    }

    /// Adds a product and returns its id.
    async fn product(&self, name: &str, available: i64) -> i64 {
        let input = json!({ "name": name, "available": available, "price": { "amount": "2.50" } });
        let add = "mutation($input: ProductInput!) { addProduct(input: $input) { id } }";
        let added = self.admin.query(add, json!({ "input": input })).await;
        added.id("addProduct.id")
    }

    async fn available(&self, product: i64) -> i64 {
        let query = "query($id: ID!) { product(id: $id) { available } }";
        let shown = self.admin.query(query, json!({ "id": product })).await;
        shown.at("product.available").as_i64().expect("a number")
    }

    fn audit(&self) -> Audit {
        Audit::open(&self.app.data_folder())
    }

    /// Returns the quantity of a product in open orders.
    fn ordered(&self, product: i64) -> i64 {
        let sum = format!("SELECT coalesce(sum(quantity), 0) FROM shop_order WHERE product_id = {product}");
        self.audit().number(&sum)
    }
}

/// A customer who uses REST and GraphQL in turn.
struct Customer {
    id: i64,
    person: HttpClient,
    turn: usize,
}

impl Customer {
    fn by_rest(&mut self) -> bool {
        self.turn += 1;
        self.turn.is_multiple_of(2)
    }

    async fn mutate(&self, document: &str, variables: Value) -> Outcome {
        let answer = self.person.query(document, variables).await;
        match answer.code() {
            "OK" => Outcome::Done,
            "INSUFFICIENT_STOCK" => Outcome::NotEnough,
            "NOT_FOUND" => Outcome::NotFound,
            _ => panic!("{answer}"),
        }
    }

    async fn rest(&self, method: &str, path: &str, body: &Value) -> Outcome {
        let request = self.person.request(method, &format!("/shop{path}"));
        let reply = self.person.send(request.json(body)).await;
        match reply.status {
            200 => Outcome::Done,
            409 => Outcome::NotEnough,
            404 => Outcome::NotFound,
            _ => panic!("{reply:?}"),
        }
    }

    async fn place(&mut self, product: i64, quantity: i64) -> Outcome {
        if self.by_rest() {
            let body = json!({ "user_id": self.id, "product_id": product, "quantity": quantity, "date": "2023-11-28" });
            return self.rest("POST", "/api/orders", &body).await;
        }
        let input = json!({ "product": product.to_string(), "quantity": quantity, "date": "2023-11-28" });
        let place = "mutation($input: ShopOrderInput!) { placeShopOrder(input: $input) { id } }";
        self.mutate(place, json!({ "input": input })).await
    }

    async fn update(&mut self, order: &str, product: i64, quantity: i64) -> Outcome {
        if self.by_rest() {
            let body = json!({ "product_id": product, "quantity": quantity });
            return self.rest("PUT", &format!("/api/order/{order}"), &body).await;
        }
        let input = json!({ "product": product.to_string(), "quantity": quantity });
        let update = "mutation($id: ID!, $input: ShopOrderPatch!) { updateShopOrder(id: $id, input: $input) { id } }";
        self.mutate(update, json!({ "id": order, "input": input })).await
    }

    async fn delete(&mut self, order: &str) -> Outcome {
        if self.by_rest() {
            return self.rest("DELETE", &format!("/api/order/{order}"), &Value::Null).await;
        }
        let delete = "mutation($id: ID!) { deleteShopOrder(id: $id) }";
        self.mutate(delete, json!({ "id": order })).await
    }

    /// Returns the ids of the customer's orders.
    async fn orders(&self) -> Vec<String> {
        let query = "{ me { shopOrders(first: 100) { nodes { id } } } }";
        let answer = self.person.query(query, json!({})).await;
        let ids = answer.all("me.shopOrders.nodes.*.id").into_iter();
        ids.map(|id| testing::number_of(id.as_str().expect("an id")).to_string())
            .collect()
    }

    /// Changes or deletes one of the customer's orders at random, or places a new one.
    async fn act(&mut self, rng: &mut StdRng, products: [i64; 2]) -> Outcome {
        let (product, quantity) = (products[rng.random_range(0..2)], rng.random_range(1..=3));
        let orders = self.orders().await;
        match orders.first() {
            Some(order) if rng.random_bool(0.5) => self.update(order, product, quantity).await,
            Some(order) if rng.random_bool(0.4) => self.delete(order).await,
            _ => self.place(product, quantity).await,
        }
    }
}

fn customers(shop: &Shop) -> impl Iterator<Item = Customer> {
    shop.crowd.iter().enumerate().map(|(turn, (id, person))| Customer {
        id: *id,
        person: person.clone(),
        turn,
    })
}

/// Checks the books until `stop` is set. Returns the violations and the number of checks.
fn watch(audit: Audit, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<(Vec<String>, usize)> {
    tokio::task::spawn_blocking(move || {
        let (mut broken, mut looks) = (Vec::new(), 0);
        while looks == 0 || !stop.load(Ordering::SeqCst) {
            broken.extend(audit.violations());
            looks += 1;
        }
        (broken, looks)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_orders_changes_and_deletions_conserve_items() {
    let shop = Shop::open().await;
    // The first product covers most of the demand, the second one little of it.
    let there_was = [150, 20];
    let products = [shop.product("Plenty", 150).await, shop.product("Scarce", 20).await];
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch(shop.audit(), stop.clone());

    let outcomes = join_all(customers(&shop).map(|mut customer| {
        let mut rng = StdRng::seed_from_u64(customer.id.unsigned_abs());
        tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for _ in 0..TURNS {
                outcomes.push(customer.act(&mut rng, products).await);
            }
            outcomes
        })
    }))
    .await;

    stop.store(true, Ordering::SeqCst);
    let (broken, looks) = watching.await.expect("the books are read");
    assert_eq!(broken, Vec::<String>::new(), "in one of {looks} moments");
    shop.audit().assert_balanced();
    for (product, there_was) in products.into_iter().zip(there_was) {
        let (available, ordered) = (shop.available(product).await, shop.ordered(product));
        assert!(available >= 0);
        assert_eq!(available + ordered, there_was, "{available} and {ordered} of {product}");
    }
    let all: Vec<Outcome> = outcomes
        .into_iter()
        .flat_map(|one| one.expect("no customer panics"))
        .collect();
    let count = |wanted| all.iter().filter(|outcome| **outcome == wanted).count();
    // No customer touches another customer's orders.
    assert_eq!(count(Outcome::NotFound), 0);
    assert!(
        count(Outcome::Done) > CROWD && count(Outcome::NotEnough) > 0,
        "nothing was scarce"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_orders_of_the_last_ten_make_ten_orders() {
    let shop = Shop::open().await;
    let product = shop.product("Rare", 10).await;
    let outcomes = join_all(customers(&shop).map(|mut customer| async move { customer.place(product, 1).await })).await;
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    assert_eq!((count(Outcome::Done), count(Outcome::NotEnough)), (10, CROWD - 10));
    assert_eq!((shop.available(product).await, shop.ordered(product)), (0, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_deleted_and_changed_concurrently_returns_once() {
    let shop = Shop::open().await;
    let products = [shop.product("One", 40).await, shop.product("Other", 40).await];
    let (id, person) = shop.crowd[0].clone();
    let mut owner = Customer { id, person, turn: 0 };
    assert_eq!(owner.place(products[0], 7).await, Outcome::Done);
    let orders = owner.orders().await;
    let order = orders.first().expect("the order");

    // All requests come from the owner, as from many windows.
    let outcomes = join_all((0..CROWD).map(|turn| {
        let mut window = Customer {
            id,
            person: owner.person.clone(),
            turn: turn / 2,
        };
        async move {
            match turn % 2 {
                0 => (true, window.delete(order).await),
                _ => (
                    false,
                    window.update(order, products[turn / 2 % 2], 1 + turn as i64 % 9).await,
                ),
            }
        }
    }))
    .await;

    let deletions = outcomes
        .iter()
        .filter(|outcome| **outcome == (true, Outcome::Done))
        .count();
    assert_eq!(deletions, 1, "{outcomes:?}");
    assert!(
        outcomes.iter().all(|(_, outcome)| *outcome != Outcome::NotEnough),
        "{outcomes:?}"
    );
    for product in products {
        assert_eq!((shop.available(product).await, shop.ordered(product)), (40, 0));
    }
    shop.audit().assert_balanced();
}
