//! Orders conserve stock: the available and the ordered quantity of a product always add up to its stock. The test
//! runs random operations beside a small model.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use testing::Answer;

use crate::support::{ShopDomain, UPDATE_PRODUCT, member};

const PRODUCTS: i64 = 3;

#[derive(Clone, Debug)]
enum ShopStep {
    Place {
        person: i64,
        product: i64,
        quantity: i64,
    },
    /// Updates the order at `position` as `person`, who may not own it.
    Update {
        person: i64,
        position: usize,
        product: Option<i64>,
        quantity: Option<i64>,
    },
    Delete {
        person: i64,
        position: usize,
    },
    Restock {
        product: i64,
        available: i64,
    },
}

fn step() -> impl Strategy<Value = ShopStep> {
    let person = || 1..=3_i64;
    // Includes one product that does not exist, and quantities that are often too large.
    let product = || 1..=PRODUCTS + 1;
    let quantity = || 1..=8_i64;
    prop_oneof![
        4 => (person(), product(), quantity()).prop_map(|(person, product, quantity)| ShopStep::Place { person, product, quantity }),
        4 => (person(), 0..30_usize, proptest::option::of(product()), proptest::option::of(quantity()))
            .prop_map(|(person, position, product, quantity)| ShopStep::Update { person, position, product, quantity }),
        3 => (person(), 0..30_usize).prop_map(|(person, position)| ShopStep::Delete { person, position }),
        1 => (1..=PRODUCTS, 0..12_i64).prop_map(|(product, available)| ShopStep::Restock { product, available }),
    ]
}

/// The expected state.
#[derive(Default)]
struct ShopModel {
    available: BTreeMap<i64, i64>,
    /// Owner, product and quantity by order id.
    orders: BTreeMap<i64, (i64, i64, i64)>,
    placed: i64,
}

impl ShopModel {
    fn take(&mut self, product: i64, quantity: i64) -> &'static str {
        match self.available.get_mut(&product) {
            None => "NOT_FOUND",
            Some(available) if *available < quantity => "INSUFFICIENT_STOCK",
            Some(available) => {
                *available -= quantity;
                "OK"
            }
        }
    }

    /// Returns the order at `position`, if `person` may change it.
    fn of(&self, person: i64, position: usize) -> Option<(i64, (i64, i64, i64))> {
        let (id, order) = self.orders.iter().nth(position % 30)?;
        (order.0 == person).then_some((*id, *order))
    }

    /// Applies the step to the model and returns the code that the server must answer.
    fn apply(&mut self, step: &ShopStep) -> &'static str {
        match *step {
            ShopStep::Place {
                person,
                product,
                quantity,
            } => {
                let code = self.take(product, quantity);
                if code == "OK" {
                    self.placed += 1;
                    self.orders.insert(self.placed, (person, product, quantity));
                }
                code
            }
            ShopStep::Update {
                person,
                position,
                product,
                quantity,
            } => {
                if product.is_none() && quantity.is_none() {
                    return "INVALID_INPUT";
                }
                let Some((id, (_, old_product, old_quantity))) = self.of(person, position) else {
                    return "NOT_FOUND";
                };
                let (product, quantity) = (product.unwrap_or(old_product), quantity.unwrap_or(old_quantity));
                let code = if product == old_product {
                    self.take(product, quantity - old_quantity)
                } else {
                    self.take(product, quantity)
                };
                if code == "OK" {
                    if product != old_product {
                        *self.available.entry(old_product).or_default() += old_quantity;
                    }
                    self.orders.insert(id, (person, product, quantity));
                }
                code
            }
            ShopStep::Delete { person, position } => match self.of(person, position) {
                None => "NOT_FOUND",
                Some((id, (_, product, quantity))) => {
                    self.orders.remove(&id);
                    *self.available.entry(product).or_default() += quantity;
                    "OK"
                }
            },
            ShopStep::Restock { product, available } => {
                self.available.insert(product, available);
                "OK"
            }
        }
    }

    /// Returns the id of the order that a step names, or an id that no order has.
    fn id_at(&self, position: usize) -> String {
        let id = self.orders.keys().nth(position % 30);
        id.copied().unwrap_or(9_999).to_string()
    }
}

async fn execute(shop: &ShopDomain, model: &ShopModel, step: &ShopStep) -> Answer {
    match step {
        ShopStep::Place {
            person,
            product,
            quantity,
        } => shop.place(&member(*person), &product.to_string(), *quantity).await,
        ShopStep::Update {
            person,
            position,
            product,
            quantity,
        } => {
            let mut input = json!({});
            if let Some(product) = product {
                input["product"] = json!(product);
            }
            if let Some(quantity) = quantity {
                input["quantity"] = json!(quantity);
            }
            shop.update(&member(*person), &model.id_at(*position), &input).await
        }
        ShopStep::Delete { person, position } => shop.delete(&member(*person), &model.id_at(*position)).await,
        ShopStep::Restock { product, available } => {
            let args = json!({ "id": product, "input": { "available": available } });
            shop.admin().query(UPDATE_PRODUCT, args).await
        }
    }
}

async fn run(steps: Vec<ShopStep>) {
    let shop = ShopDomain::new().await;
    let mut model = ShopModel::default();
    for product in 1..=PRODUCTS {
        shop.add(&format!("product {product}"), "1", 10).await;
        model.available.insert(product, 10);
    }
    for step in steps {
        let answer = execute(&shop, &model, &step).await;
        assert_eq!(answer.code(), model.apply(&step), "{step:?}: {answer}");
        for (product, available) in &model.available {
            assert_eq!(shop.available(&product.to_string()).await, *available, "{step:?}");
        }
        for person in 1..=3 {
            for product in 1..=PRODUCTS {
                let theirs = |order: &&(i64, i64, i64)| (order.0, order.1) == (person, product);
                let wanted: i64 = model.orders.values().filter(theirs).map(|order| order.2).sum();
                assert_eq!(shop.ordered(person, &product.to_string()).await, wanted, "{step:?}");
            }
        }
    }
}

#[test]
fn orders_conserve_the_quantities() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = proptest::collection::vec(step(), 1..40);
    runner
        .run(&steps, |steps| {
            runtime.block_on(run(steps));
            Ok(())
        })
        .unwrap();
}
