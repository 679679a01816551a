//! The queries that find products, and the mutations of operators.

use serde_json::{Value, json};

use crate::support::{ADA, ShopDomain, admin, code, field, member, service, text};

async fn found(shop: &ShopDomain, filter: &str) -> Vec<String> {
    let answer = shop
        .ask(
            &member(ADA),
            &format!("{{ products({filter}) {{ nodes {{ name }} }} }}"),
        )
        .await;
    let nodes = answer["data"]["products"]["nodes"].as_array();
    let nodes = nodes.unwrap_or_else(|| panic!("{answer}"));
    nodes.iter().map(|product| text(&product["name"])).collect()
}

#[tokio::test]
async fn a_search_text_is_found_literally_anywhere_in_a_name() {
    let shop = ShopDomain::new().await;
    for name in ["100% Wool", "C_sharp", "Csharp", r"Back\\slash", "Große Äpfel"] {
        shop.add(name, "1", 1).await;
    }
    for (text, wanted) in [
        ("WOOL", vec!["100% Wool"]),
        ("0% w", vec!["100% Wool"]),
        ("%", vec!["100% Wool"]),
        ("c_S", vec!["C_sharp"]),
        (r"\\", vec![r"Back\slash"]),
        ("GROSSE ÄPF", vec!["Große Äpfel"]),
        ("nothing", vec![]),
    ] {
        assert_eq!(found(&shop, &format!("text: \"{text}\"")).await, wanted, "{text}");
    }
    assert_eq!(found(&shop, "text: \" \"").await.len(), 5);
}

fn input(name: &str, amount: &str, currency: &str, available: &str) -> String {
    format!(r#"{{ name: "{name}", available: {available}, price: {{ amount: "{amount}", currency: "{currency}" }} }}"#)
}

async fn add(shop: &ShopDomain, input: &str) -> Value {
    let document = format!("mutation {{ addProduct(input: {input}) {{ id name price available }} }}");
    shop.ask(&admin(), &document).await
}

#[tokio::test]
async fn an_invalid_product_is_not_added() {
    let shop = ShopDomain::new().await;
    let long = "x".repeat(65);
    for (input, named) in [
        (input(" ", "1", "USD", "1"), "input.name"),
        (input(&long, "1", "USD", "1"), "input.name"),
        (input("a\\u0000b", "1", "USD", "1"), "input.name"),
        (input("a\\nb", "1", "USD", "1"), "input.name"),
        (input("a", "0.00", "USD", "1"), "input.price"),
        (input("a", "-0.01", "USD", "1"), "input.price"),
        (input("a", "1", "EUR", "1"), "input.price"),
        (input("a", "1", "USD", "-1"), "input.available"),
    ] {
        let answer = add(&shop, &input).await;
        assert_eq!((code(&answer), field(&answer)), ("INVALID_INPUT", named), "{input}");
    }
    for input in [
        input("a", "1.001", "USD", "1"),
        input("a", "1000000000000.01", "USD", "1"),
        input("a", "1", "USD", "2147483648"),
        input("a", "1", "USD", "1.5"),
        input("a", "1", "USD", "null"),
    ] {
        assert_eq!(code(&add(&shop, &input).await), "INVALID_INPUT", "{input}");
    }
    assert_eq!(found(&shop, "first: 1").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_extremes_are_kept_to_the_cent() {
    let shop = ShopDomain::new().await;
    for (name, amount, available) in [("least", "0.01", "0"), ("most", "1000000000000.00", "2147483647")] {
        let added = add(&shop, &input(name, amount, "USD", available)).await;
        let product = &added["data"]["addProduct"];
        assert_eq!(product["price"]["amount"], amount);
        assert_eq!(product["available"].to_string(), available);
    }
}

#[tokio::test]
async fn a_name_is_taken_without_regard_to_case() {
    let shop = ShopDomain::with_mugs(3).await;
    shop.add("Straße", "1", 1).await;
    for name in ["Mug", "MUG", " mug ", "STRASSE"] {
        let again = add(&shop, &input(name, "1", "USD", "1")).await;
        assert_eq!(code(&again), "CONFLICT", "{name}");
    }
    let renamed = shop
        .ask(
            &admin(),
            r#"mutation { updateProduct(id: 2, input: { name: "mUG", available: 9 }) { id } }"#,
        )
        .await;
    assert_eq!(code(&renamed), "CONFLICT");
    assert_eq!(shop.available("2").await, 1);
    // A product's own name is not taken by another product.
    let spelled = shop
        .ask(
            &admin(),
            r#"mutation { updateProduct(id: 1, input: { name: "MUG" }) { name } }"#,
        )
        .await;
    assert_eq!(spelled["data"]["updateProduct"]["name"], "MUG");
}

#[tokio::test]
async fn the_same_key_adds_once_and_repeats_its_response() {
    let shop = ShopDomain::new().await;
    let add = |name: &str| {
        let input = input(name, "9.99", "USD", "3");
        format!(r#"mutation {{ addProduct(input: {input}, idempotencyKey: "k") {{ id name available }} }}"#)
    };
    let first = shop.ask(&service(), &add("Mug")).await;
    shop.placed(ADA, "1", 2).await;
    assert_eq!(shop.ask(&service(), &add("Mug")).await, first);
    assert_eq!(code(&shop.ask(&service(), &add("Bowl")).await), "IDEMPOTENCY_MISMATCH");
    assert_eq!(found(&shop, "first: 9").await, ["Mug"]);
}

async fn update(shop: &ShopDomain, id: &str, input: &str) -> Value {
    let document = format!("mutation {{ updateProduct(id: {id}, input: {input}) {{ name price available }} }}");
    shop.ask(&admin(), &document).await
}

#[tokio::test]
async fn a_member_omitted_from_an_update_stays() {
    let shop = ShopDomain::with_mugs(3).await;
    let product = |name: &str, amount: &str, available: i64| json!({ "name": name, "price": { "amount": amount, "currency": "USD" }, "available": available });
    for (input, wanted) in [
        ("{ available: 0 }", product("Mug", "12.50", 0)),
        (r#"{ name: " Cup " }"#, product("Cup", "12.50", 0)),
        (
            r#"{ price: { amount: "1", currency: "USD" }, available: 7 }"#,
            product("Cup", "1.00", 7),
        ),
    ] {
        assert_eq!(update(&shop, "1", input).await["data"]["updateProduct"], wanted);
    }
}

#[tokio::test]
async fn an_invalid_update_changes_nothing() {
    let shop = ShopDomain::with_mugs(3).await;
    let product = "{ product(id: 1) { name price available } }";
    let before = shop.ask(&admin(), product).await;
    for input in [
        "{}",
        "{ name: null }",
        "{ price: null }",
        "{ available: null }",
        r#"{ name: "Cup", available: -1 }"#,
        r#"{ name: " ", available: 9 }"#,
        r#"{ available: 9, price: { amount: "0", currency: "USD" } }"#,
        r#"{ available: 9, price: { amount: "1.999", currency: "USD" } }"#,
    ] {
        assert_eq!(code(&update(&shop, "1", input).await), "INVALID_INPUT", "{input}");
    }
    assert_eq!(shop.ask(&admin(), product).await, before);
    for id in ["2", r#""x""#] {
        assert_eq!(code(&update(&shop, id, "{ available: 1 }").await), "NOT_FOUND");
    }
}

#[tokio::test]
async fn ordered_and_available_quantities_fit_one_int_together() {
    let shop = ShopDomain::with_mugs(10).await;
    let order = shop.placed(ADA, "1", 4).await;
    assert_eq!(code(&update(&shop, "1", "{ available: 2147483644 }").await), "CONFLICT");
    assert_eq!(shop.available("1").await, 6);
    assert_eq!(code(&update(&shop, "1", "{ available: 2147483643 }").await), "OK");
    // The product's count has room for the released quantity.
    assert_eq!(code(&shop.delete(&member(ADA), &order).await), "OK");
    assert_eq!(shop.available("1").await, 2_147_483_647);
}

#[tokio::test]
async fn an_id_other_than_an_integer_finds_no_product() {
    let shop = ShopDomain::with_mugs(3).await;
    for id in [
        r#""x""#,
        r#""1 ""#,
        r#""+1""#,
        r#""1.0""#,
        r#""""#,
        r#""99999999999999999999""#,
    ] {
        let answer = shop
            .ask(&member(ADA), &format!("{{ product(id: {id}) {{ id }} }}"))
            .await;
        assert_eq!(answer, json!({ "data": { "product": null } }), "{id}");
    }
}

#[tokio::test]
async fn entities_answer_one_by_one_and_a_missing_one_is_one_null() {
    let shop = ShopDomain::with_mugs(3).await;
    shop.add("Bowl", "2", 5).await;
    let answer = shop
        .ask(
            &member(ADA),
            r#"{ _entities(representations: [
                { __typename: "Product", id: "2" }, { __typename: "Product", id: "9" }, { __typename: "Product", id: "x" },
                { __typename: "ShopOrder", id: "1" }, { __typename: "User", id: "2" }, { __typename: "User", id: "1" }
            ]) { ... on Product { name } ... on User { shopOrders { nodes { id } } } } }"#,
        )
        .await;
    assert_eq!(
        answer["data"]["_entities"],
        json!([{ "name": "Bowl" }, null, null, null, { "shopOrders": null }, { "shopOrders": { "nodes": [] } }])
    );
    assert_eq!(code(&answer), "FORBIDDEN");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
}
