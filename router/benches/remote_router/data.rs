//! The data of the four subgraphs, and the answer to the heavy query that follows from it.

use serde_json::{Value, json};

const USERS: usize = 12;
const PRODUCTS: usize = 9;
const REVIEWS: usize = 30;
/// The products that `topProducts` returns, the first ones.
const TOP_PRODUCTS: usize = 8;

/// The price from which shipping is free.
const FREE_SHIPPING_PRICE: u64 = 800;

/// A user, by index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct User(pub usize);

/// A product, by index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Product(pub usize);

/// A review, by index.
#[derive(Clone, Copy)]
pub struct Review(pub usize);

/// All users.
pub fn users() -> impl Iterator<Item = User> {
    (0..USERS).map(User)
}

/// The products of `topProducts`.
pub fn top_products() -> impl Iterator<Item = Product> {
    (0..TOP_PRODUCTS).map(Product)
}

fn reviews() -> impl Iterator<Item = Review> {
    (0..REVIEWS).map(Review)
}

impl User {
    pub fn id(self) -> String {
        (self.0 + 1).to_string()
    }

    pub fn username(self) -> String {
        format!("user{}", self.0 + 1)
    }

    pub fn name(self) -> String {
        format!("Person {}", self.0 + 1)
    }

    pub fn reviews(self) -> impl Iterator<Item = Review> {
        reviews().filter(move |review| review.author() == self)
    }
}

impl Product {
    pub fn upc(self) -> String {
        format!("upc-{}", self.0 + 1)
    }

    pub fn name(self) -> String {
        format!("Product {}", self.0 + 1)
    }

    pub fn price(self) -> u64 {
        100 * self.0 as u64 + 199
    }

    pub fn weight(self) -> u64 {
        50 * (self.0 as u64 + 1)
    }

    pub fn is_in_stock(self) -> bool {
        !self.0.is_multiple_of(3)
    }

    pub fn reviews(self) -> impl Iterator<Item = Review> {
        reviews().filter(move |review| review.product() == self)
    }
}

impl Review {
    pub fn id(self) -> String {
        (self.0 + 1).to_string()
    }

    pub fn body(self) -> String {
        format!("Review {}: it works as described, and it came on time.", self.0 + 1)
    }

    pub fn author(self) -> User {
        User(self.0 % USERS)
    }

    pub fn product(self) -> Product {
        Product((self.0 * 5 + self.0 / PRODUCTS) % PRODUCTS)
    }
}

/// Returns the estimate that the inventory makes of the price and the weight.
pub fn shipping_estimate(price: u64, weight: u64) -> u64 {
    if price < FREE_SHIPPING_PRICE { weight / 2 } else { 0 }
}

/// Returns the answer to the heavy query.
pub fn expected_answer() -> Value {
    let user = |user: User| {
        let reviews = user.reviews().map(|review| {
            let product = reviewed_product(review.product());
            json!({ "id": review.id(), "body": review.body(), "product": product })
        });
        with_reviews(user_fields(user), reviews.collect())
    };
    let users: Vec<_> = users().map(user).collect();
    let top_products: Vec<_> = top_products().map(reviewed_product).collect();
    json!({ "data": { "users": users, "topProducts": top_products } })
}

/// A product with its reviews, their authors, and the reviews and products of these.
fn reviewed_product(product: Product) -> Value {
    let reviews = product.reviews().map(|review| {
        let author = reviewing_user(review.author());
        json!({ "id": review.id(), "body": review.body(), "author": author })
    });
    with_reviews(product_fields(product), reviews.collect())
}

fn reviewing_user(user: User) -> Value {
    let reviews = user.reviews().map(|review| {
        let product = product_fields(review.product());
        json!({ "id": review.id(), "body": review.body(), "product": product })
    });
    with_reviews(user_fields(user), reviews.collect())
}

fn with_reviews(mut object: Value, reviews: Vec<Value>) -> Value {
    object["reviews"] = reviews.into();
    object
}

fn user_fields(user: User) -> Value {
    json!({ "id": user.id(), "username": user.username(), "name": user.name() })
}

fn product_fields(product: Product) -> Value {
    json!({
        "inStock": product.is_in_stock(),
        "name": product.name(),
        "price": product.price(),
        "shippingEstimate": shipping_estimate(product.price(), product.weight()),
        "upc": product.upc(),
        "weight": product.weight(),
    })
}
