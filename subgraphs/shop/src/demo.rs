//! Sample data: three products, as many as the document's example needs, and three orders (docs/rest-contract/shop.md#data).

use contract::{DemoPeople, Error, Result, Services};
use entities::{product, shop_order};
use sea_orm::{EntityTrait, PaginatorTrait};

/// The stock of each product, ordered ones included.
const QUANTITY: i64 = 50;
/// 2023-11-28, the day of the document's example, in days since the epoch.
const DAY: i64 = 19_689;

/// Name and price in cents, in the order of their ids.
const PRODUCTS: [(&str, i64); 3] = [
    ("Enamel mug", 12_50),
    ("Linen notebook", 8_90),
    ("Folding bicycle basket", 39_00),
];

/// Fills a shop that has never had a product. Changes nothing in any other shop.
pub async fn seed(services: &Services, people: DemoPeople) -> Result<()> {
    let now_us = services.clock.now_us();
    services
        .db
        .write(async move |tx| {
            if product::Entity::find().count(tx).await? > 0 {
                return Ok(());
            }
            let mut ids = Vec::new();
            for (name, price_minor) in PRODUCTS {
                let new = product::NewProduct {
                    name: name.to_owned(),
                    price_minor,
                    currency: "USD".to_owned(),
                    available: QUANTITY,
                };
                ids.extend(product::add(tx, new, now_us).await?.map(|product| product.id));
            }
            let orders = [
                (people.cleo, ids.first(), 2),
                (people.dan, ids.get(1), 1),
                (people.ada, ids.get(2), 1),
            ];
            for (user_id, product_id, quantity) in orders {
                let Some(product_id) = product_id.copied() else {
                    continue;
                };
                let new = shop_order::NewShopOrder {
                    user_id,
                    product_id,
                    quantity,
                    day: DAY,
                };
                let placed = shop_order::place(tx, new, now_us).await;
                placed.map_err(|why| Error::Internal(format!("sample order: {why:?}").into()))?;
            }
            Ok(())
        })
        .await
}
