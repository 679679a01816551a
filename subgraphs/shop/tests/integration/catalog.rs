//! The queries that find products, and the mutations of operators.

use serde_json::{Value, json};

use testing::Answer;

use crate::support::{ADA, ADD, PRODUCT, ShopDomain, UPDATE_PRODUCT, field, member, texts, usd};

const PRODUCTS: &str = "query($text: String, $first: Int) {
    products(text: $text, first: $first) { nodes { name } }
}";
const ENTITIES: &str = "query($of: [_Any!]!) { _entities(representations: $of) {
    ... on Product { name }
    ... on User { shopOrders { nodes { id } } }
} }";

/// Returns the names of the products that these arguments select.
async fn found(shop: &ShopDomain, args: Value) -> Vec<String> {
    let answer = shop.member(ADA).query(PRODUCTS, args).await;
    texts(answer.all("products.nodes.*.name"))
}

#[tokio::test]
async fn a_search_text_is_found_literally_anywhere_in_a_name() {
    let shop = ShopDomain::new().await;
    for name in ["100% Wool", "C_sharp", "Csharp", r"Back\slash", "Große Äpfel"] {
        shop.add(name, "1", 1).await;
    }
    for (text, wanted) in [
        ("WOOL", vec!["100% Wool"]),
        ("0% w", vec!["100% Wool"]),
        ("%", vec!["100% Wool"]),
        ("c_S", vec!["C_sharp"]),
        (r"\", vec![r"Back\slash"]),
        ("GROSSE ÄPF", vec!["Große Äpfel"]),
        ("nothing", vec![]),
    ] {
        assert_eq!(found(&shop, json!({ "text": text })).await, wanted, "{text}");
    }
    assert_eq!(found(&shop, json!({ "text": " " })).await.len(), 5);
}

fn input(name: &str, price: Value, available: impl Into<Value>) -> Value {
    let available = available.into();
    json!({ "name": name, "price": price, "available": available })
}

async fn add(shop: &ShopDomain, input: &Value) -> Answer {
    shop.admin().query(ADD, json!({ "input": input })).await
}

#[tokio::test]
async fn an_invalid_product_is_not_added() {
    let shop = ShopDomain::new().await;
    let long = "x".repeat(65);
    for (input, named) in [
        (input(" ", usd("1"), 1), "input.name"),
        (input(&long, usd("1"), 1), "input.name"),
        (input("a\0b", usd("1"), 1), "input.name"),
        (input("a\nb", usd("1"), 1), "input.name"),
        (input("a", usd("0.00"), 1), "input.price"),
        (input("a", usd("-0.01"), 1), "input.price"),
        (
            input("a", json!({ "amount": "1", "currency": "EUR" }), 1),
            "input.price",
        ),
        (input("a", usd("1"), -1), "input.available"),
    ] {
        let answer = add(&shop, &input).await;
        assert_eq!((answer.code(), field(&answer)), ("INVALID_INPUT", named), "{input}");
    }
    for input in [
        input("a", usd("1.001"), 1),
        input("a", usd("1000000000000.01"), 1),
        input("a", usd("1"), 2_147_483_648_i64),
        input("a", usd("1"), 1.5),
        input("a", usd("1"), Value::Null),
    ] {
        assert_eq!(add(&shop, &input).await.code(), "INVALID_INPUT", "{input}");
    }
    assert_eq!(found(&shop, json!({ "first": 1 })).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_extremes_are_kept_to_the_cent() {
    let shop = ShopDomain::new().await;
    for (name, amount, available) in [("least", "0.01", 0), ("most", "1000000000000.00", 2_147_483_647)] {
        let added = add(&shop, &input(name, usd(amount), available)).await;
        assert_eq!(added.at("addProduct.price.amount"), amount);
        assert_eq!(added.at("addProduct.available"), available);
    }
}

#[tokio::test]
async fn a_name_is_taken_without_regard_to_case() {
    let shop = ShopDomain::with_mugs(3).await;
    shop.add("Straße", "1", 1).await;
    for name in ["Mug", "MUG", " mug ", "STRASSE"] {
        let again = add(&shop, &input(name, usd("1"), 1)).await;
        assert_eq!(again.code(), "CONFLICT", "{name}");
    }
    let renamed = update(&shop, "2", &json!({ "name": "mUG", "available": 9 })).await;
    assert_eq!(renamed.code(), "CONFLICT");
    assert_eq!(shop.available("2").await, 1);
    // A product's own name is not taken by another product.
    let spelled = update(&shop, "1", &json!({ "name": "MUG" })).await;
    assert_eq!(spelled.at("updateProduct.name"), "MUG");
}

#[tokio::test]
async fn the_same_key_adds_once_and_repeats_its_response() {
    let shop = ShopDomain::new().await;
    let add = async |name: &str| {
        let args = json!({ "input": input(name, usd("9.99"), 3), "key": "k" });
        shop.service().query(ADD, args).await
    };
    let first = add("Mug").await;
    shop.placed(ADA, "1", 2).await;
    assert_eq!(add("Mug").await, first);
    assert_eq!(add("Bowl").await.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(found(&shop, json!({ "first": 9 })).await, ["Mug"]);
}

async fn update(shop: &ShopDomain, id: &str, input: &Value) -> Answer {
    let args = json!({ "id": id, "input": input });
    shop.admin().query(UPDATE_PRODUCT, args).await
}

#[tokio::test]
async fn a_member_omitted_from_an_update_stays() {
    let shop = ShopDomain::with_mugs(3).await;
    let product = |name: &str, amount: &str, available: i64| input(name, usd(amount), available);
    for (input, wanted) in [
        (json!({ "available": 0 }), product("Mug", "12.50", 0)),
        (json!({ "name": " Cup " }), product("Cup", "12.50", 0)),
        (
            json!({ "price": { "amount": "1", "currency": "USD" }, "available": 7 }),
            product("Cup", "1.00", 7),
        ),
    ] {
        let updated = update(&shop, "1", &input).await;
        assert_eq!(updated, json!({ "data": { "updateProduct": wanted } }));
    }
}

#[tokio::test]
async fn an_invalid_update_changes_nothing() {
    let shop = ShopDomain::with_mugs(3).await;
    let before = shop.admin().query(PRODUCT, json!({ "id": 1 })).await;
    for input in [
        json!({}),
        json!({ "name": null }),
        json!({ "price": null }),
        json!({ "available": null }),
        json!({ "name": "Cup", "available": -1 }),
        json!({ "name": " ", "available": 9 }),
        json!({ "available": 9, "price": { "amount": "0", "currency": "USD" } }),
        json!({ "available": 9, "price": { "amount": "1.999", "currency": "USD" } }),
    ] {
        assert_eq!(update(&shop, "1", &input).await.code(), "INVALID_INPUT", "{input}");
    }
    assert_eq!(shop.admin().query(PRODUCT, json!({ "id": 1 })).await, before);
    for id in ["2", "x"] {
        assert_eq!(update(&shop, id, &json!({ "available": 1 })).await.code(), "NOT_FOUND");
    }
}

#[tokio::test]
async fn ordered_and_available_quantities_fit_one_int_together() {
    let shop = ShopDomain::with_mugs(10).await;
    let order = shop.placed(ADA, "1", 4).await;
    assert_eq!(
        update(&shop, "1", &json!({ "available": 2_147_483_644 })).await.code(),
        "CONFLICT"
    );
    assert_eq!(shop.available("1").await, 6);
    assert_eq!(
        update(&shop, "1", &json!({ "available": 2_147_483_643 })).await.code(),
        "OK"
    );
    // The product's count has room for the released quantity.
    assert_eq!(shop.delete(&member(ADA), &order).await.code(), "OK");
    assert_eq!(shop.available("1").await, 2_147_483_647);
}

#[tokio::test]
async fn an_id_other_than_an_integer_finds_no_product() {
    let shop = ShopDomain::with_mugs(3).await;
    for id in ["x", "1 ", "+1", "1.0", "", "99999999999999999999"] {
        let answer = shop.member(ADA).query(PRODUCT, json!({ "id": id })).await;
        assert_eq!(answer, json!({ "data": { "product": null } }), "{id}");
    }
}

#[tokio::test]
async fn entities_answer_one_by_one_and_a_missing_one_is_one_null() {
    let shop = ShopDomain::with_mugs(3).await;
    shop.add("Bowl", "2", 5).await;
    let of = |typename: &str, id: &str| json!({ "__typename": typename, "id": id });
    let of = json!([
        of("Product", "2"),
        of("Product", "9"),
        of("Product", "x"),
        of("ShopOrder", "1"),
        of("User", "2"),
        of("User", "1"),
    ]);
    let answer = shop.member(ADA).query(ENTITIES, json!({ "of": of })).await;
    assert_eq!(
        answer["data"]["_entities"],
        json!([{ "name": "Bowl" }, null, null, null, { "shopOrders": null }, { "shopOrders": { "nodes": [] } }])
    );
    assert_eq!(answer.code(), "FORBIDDEN");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
}
