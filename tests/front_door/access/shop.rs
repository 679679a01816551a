//! The rows of the shop (docs/rest-contract/shop.md#order-service). `<SHOP_ORDER>` is the investor's order of
//! `<PRODUCT>`.

use super::Row;

pub(super) const READS: &[Row] = &[
    (
        r#"{ it: product(id: "<PRODUCT>") { name price available } }"#,
        ["ok"; 7],
    ),
    (r#"{ it: products { nodes { name } } }"#, ["ok"; 7]),
    (
        r#"{ it: shopOrder(id: "<SHOP_ORDER>") { quantity } }"#,
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: user(id: "<INVESTOR>") { it: shopOrders { nodes { quantity } } } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: shopOrder(id: "<SHOP_ORDER>") { it: product { name } } }"#,
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
    (
        r#"{ on: shopOrder(id: "<SHOP_ORDER>") { it: user { username } } }"#,
        ["-", "-", "-", "-", "ok", "ok", "ok"],
    ),
];

pub(super) const WRITES: &[Row] = &[
    (
        r#"mutation { it: addProduct(input: { name: "Product of ASKER", price: { amount: "1.00" }, available: 1 }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: updateProduct(id: "<PRODUCT>", input: { available: 1000 }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "403"],
    ),
    (
        r#"mutation { it: placeShopOrder(input: { product: "<PRODUCT>", quantity: 1, date: "2026-01-31" }) { id } }"#,
        ["401", "ok", "ok", "ok", "400", "ok", "ok"],
    ),
    (
        r#"mutation { it: placeShopOrder(input: { user: "<INVESTOR>", product: "<PRODUCT>", quantity: 1, date: "2026-01-31" }) { id } }"#,
        ["401", "403", "403", "403", "ok", "ok", "ok"],
    ),
    (
        r#"mutation { it: updateShopOrder(id: "<SHOP_ORDER>", input: { quantity: 2 }) { id } }"#,
        ["401", "404", "404", "404", "ok", "ok", "ok"],
    ),
    // The service has deleted the order, so the later callers do not find it.
    (
        r#"mutation { it: deleteShopOrder(id: "<SHOP_ORDER>") }"#,
        ["401", "404", "404", "404", "ok", "404", "404"],
    ),
];
