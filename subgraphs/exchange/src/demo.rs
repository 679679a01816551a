//! Sample data: the ten stocks every exchange of this kind begins with
//! (docs/rest-contract/bazaar.md#default-catalogue), and a simulated market.

use std::time::Duration;

use contract::{Result, Services};
use entities::stock::{self, NewStock, StockRef};
use rand::Rng;
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::price::reprice;

/// Shares of each.
const QUANTITY: i64 = 100;
/// The largest change of a price at once, in hundredths of a percent.
const STEP_MAX: i64 = 200;

/// Name and price in cents, in the order of their ids.
const STOCKS: [(&str, i64); 10] = [
    ("GameStart", 1599),
    ("FishCo", 1999),
    ("BoarCo", 2499),
    ("MenhirCo", 999),
    ("CrassusRealty", 3099),
    ("AugustusPizza", 1299),
    ("DivineComics", 999),
    ("LegionLogistics", 9999),
    ("TiberAqueducts", 20099),
    ("MercuryExpress", 1599),
];

/// Adds the sample stocks to an exchange without stocks; changes nothing in any other.
pub async fn seed(services: &Services) -> Result<()> {
    let now_us = services.clock.now_us();
    services
        .db
        .write(async move |tx| {
            if stock::Entity::find().count(tx).await? > 0 {
                return Ok(());
            }
            for (name, price_minor) in STOCKS {
                let new = NewStock {
                    name: name.to_owned(),
                    price_minor,
                    currency: "USD".to_owned(),
                    quantity: QUANTITY,
                };
                stock::add(tx, new, now_us).await?;
            }
            Ok(())
        })
        .await
}

/// Changes the price of one of the sample stocks periodically, for as long as it is polled. It logs a failure and
/// continues.
pub async fn price_feed(services: &Services, every: Duration, mut random: impl Rng) {
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = move_price(services, &mut random).await {
            tracing::warn!(error = error.details(), "cannot change a price of the demo");
        }
    }
}

/// Moves the price of one of the sample stocks by up to 2 %, within half and twice its listed price. A stock that is
/// not listed stays unchanged.
pub async fn move_price(services: &Services, random: &mut impl Rng) -> Result<()> {
    let (name, listed_minor) = STOCKS[random.random_range(0..STOCKS.len())];
    let step = random.random_range(-STEP_MAX..=STEP_MAX);
    let now_us = services.clock.now_us();
    let moved = services.write(async move |tx| {
        if let Some(stock) = stock::by_name(tx, name).await? {
            let price_minor = next_price(stock.price_minor, listed_minor, step);
            reprice(tx, &StockRef::Id(stock.id), price_minor, now_us).await?;
        }
        Ok(())
    });
    moved.await
}

/// The price after a step of so many hundredths of a percent, in minor units. A price that an operator set beyond the
/// bounds moves back towards them.
fn next_price(price_minor: i64, listed_minor: i64, step: i64) -> i64 {
    let (low, high) = ((listed_minor + 1) / 2, listed_minor * 2);
    let by = price_minor * step / 10_000;
    match price_minor {
        price if price < low => price + by.abs().max(1),
        price if price > high => price - by.abs().max(1),
        price => (price + by).clamp(low, high),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_price_walks_in_small_steps_within_bounds() {
        let mut random = StdRng::seed_from_u64(7);
        for (name, listed) in STOCKS {
            let mut price = listed;
            for _ in 0..100_000 {
                let before = price;
                price = next_price(price, listed, random.random_range(-STEP_MAX..=STEP_MAX));
                assert!((price - before).abs() * 50 <= before, "{name}: {before} to {price}");
                assert!(
                    price * 2 >= listed && price <= listed * 2,
                    "{name}: {price} of {listed}"
                );
            }
        }
    }

    #[test]
    fn a_price_set_beyond_the_bounds_walks_back() {
        for start in [1, 100_000_000_000_000] {
            let mut price = start;
            for _ in 0..5_000 {
                price = next_price(price, 1599, 200);
            }
            assert!((800..=3_198).contains(&price), "{start} became {price}");
        }
    }
}
