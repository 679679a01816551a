//! The rows of the shop (docs/rest-contract/shop.md#order-service). `$shopOrder` is the investor's order of
//! `$product`.

use super::Row;

pub(super) const READS: &[Row] = &[
    (
        "query($product: ID!) { it: product(id: $product) { name price available } }",
        ["ok"; 7],
    ),
    ("{ it: products { nodes { name } } }", ["ok"; 7]),
    (
        "query($shopOrder: ID!) { it: shopOrder(id: $shopOrder) { quantity } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        "query($investor: ID!) { on: user(id: $investor) { it: shopOrders { nodes { quantity } } } }",
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        "query($shopOrder: ID!) { on: shopOrder(id: $shopOrder) { it: product { name } } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        "query($shopOrder: ID!) { on: shopOrder(id: $shopOrder) { it: user { username } } }",
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
];

pub(super) const WRITES: &[Row] = &[
    (
        r#"mutation($name: String!) { it: addProduct(input: { name: $name, price: { amount: "1.00" }, available: 1 }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        "mutation($product: ID!) { it: updateProduct(id: $product, input: { available: 1000 }) { id } }",
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation($product: ID!) { it: placeShopOrder(input: { product: $product, quantity: 1, date: "2026-01-31" }) { id } }"#,
        ["401", "ok", "ok", "ok", "400", "ok", "ok"],
    ),
    (
        r#"mutation($investor: ID!, $product: ID!) { it: placeShopOrder(input: { user: $investor, product: $product, quantity: 1, date: "2026-01-31" }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        "mutation($shopOrder: ID!) { it: updateShopOrder(id: $shopOrder, input: { quantity: 2 }) { id } }",
        ["401", "404", "404", "404", "ok", "ok", "ok"],
    ),
    // The service has deleted the order, so the later callers do not find it.
    (
        "mutation($shopOrder: ID!) { it: deleteShopOrder(id: $shopOrder) }",
        ["401", "404", "404", "404", "ok", "404", "404"],
    ),
];
