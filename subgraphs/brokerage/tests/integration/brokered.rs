//! A broker's orders for an investor, under an authorization.

use contract::Tx;
use entities::authority::Authority;
use entities::user_change;
use futures_util::future::join_all;
use serde_json::json;
use testing::Answer;

use crate::support::{ADA, BEN, BOAR, BOB, EVE, FISH, Floor, HOUR_US, NEW_YEAR_US, buy, order, person, sell, usd};

#[tokio::test]
async fn a_purchase_turns_lent_money_into_shares_and_pays_the_fee() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let capital = floor.lend_money(ADA, BEN, 6_000).await;

    let order = buy(2).under(capital);
    let order = floor.placed(&person(BEN), &order).await;

    assert_eq!(
        (&order["status"], &order["automated"]),
        (&json!("COMPLETED"), &json!(false))
    );
    // 1 % of 39.98 is 0.3998.
    assert_eq!((&order["total"], &order["fee"]), (&usd("39.98"), &usd("0.40")));
    assert_eq!(
        (&order["investor"]["id"], &order["broker"]["id"]),
        (&json!("user_1"), &json!("user_3"))
    );
    assert_eq!(order["authorization"]["id"], json!(format!("authorization_{capital}")));
    assert_eq!(floor.money(ADA).await, [4_000, 0, 6_000 - 4_038, 0]);
    assert_eq!(floor.money(BEN).await, [40, 0, 0, 0]);
    assert_eq!(floor.remaining(capital).await, 6_000 - 4_038);
    assert_eq!(floor.shares(ADA, FISH).await, [0, 0, 2, 0]);
    let shares = floor.open_between(ADA, BEN, "STOCK_HOLDING").await.unwrap();
    let money = floor.open_between(ADA, BEN, "CAPITAL").await.unwrap();
    assert_eq!((shares.remaining, shares.ends_at_us), (2, money.ends_at_us));
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn a_sale_turns_lent_shares_into_money_less_the_fee() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 10).await;
    let lent = floor.lend_shares(ADA, BEN, FISH, 5).await;

    let order = sell(3).under(lent);
    let order = floor.placed(&person(BEN), &order).await;

    assert_eq!((&order["total"], &order["fee"]), (&usd("59.97"), &usd("0.60")));
    assert_eq!(floor.shares(ADA, FISH).await, [5, 0, 2, 0]);
    assert_eq!(floor.money(ADA).await, [0, 0, 5_937, 0]);
    assert_eq!(floor.money(BEN).await, [60, 0, 0, 0]);
    let money = floor.open_between(ADA, BEN, "CAPITAL").await.unwrap();
    let shares = floor.open_between(ADA, BEN, "STOCK_HOLDING").await.unwrap();
    assert_eq!((money.remaining, money.ends_at_us), (5_937, shares.ends_at_us));
    assert_eq!(shares.remaining, 2);
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn proceeds_increase_an_open_authorization_and_extend_its_end() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 10).await;
    let shares = floor.lend_shares(ADA, BEN, FISH, 5).await;
    floor.clock.advance(std::time::Duration::from_secs(60));
    let capital = floor.lend_money(ADA, BEN, 6_000).await;
    let ben = person(BEN);

    floor.placed(&ben, &buy(2).under(capital)).await;
    let raised = floor.open_between(ADA, BEN, "STOCK_HOLDING").await.unwrap();
    let money = floor.open_between(ADA, BEN, "CAPITAL").await.unwrap();
    assert_eq!(
        (raised.id, raised.remaining, raised.ends_at_us),
        (shares, 7, money.ends_at_us)
    );

    floor.placed(&ben, &sell(7).under(shares)).await;
    assert_eq!(floor.remaining(shares).await, 0);
    // 139.93 less 1.40.
    assert_eq!(floor.remaining(capital).await, 6_000 - 4_038 + 13_853);
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn a_fee_is_rounded_half_up_to_the_cent() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    for (broker, fee) in [(BEN, "0.01"), (BOB, "0.06")] {
        let capital = floor.lend_money(ADA, broker, 1_000).await;
        // 1 % and 12.5 % of 0.50.
        let order = buy(1).of(BOAR).under(capital);
        assert_eq!(floor.placed(&person(broker), &order).await["fee"], usd(fee));
    }
    assert_eq!(floor.shares(ADA, BOAR).await, [0, 0, 2, 0]);
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn a_fee_of_all_proceeds_leaves_nothing_to_lend() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 1).await;
    floor.set_fee(BEN, 10_000).await;
    let lent = floor.lend_shares(ADA, BEN, FISH, 1).await;

    floor.placed(&person(BEN), &sell(1).under(lent)).await;

    assert_eq!(floor.money(BEN).await, [1_999, 0, 0, 0]);
    assert_eq!(floor.open_between(ADA, BEN, "CAPITAL").await, None);
    floor.assert_conserved(1).await;
}

#[tokio::test]
async fn only_a_fee_that_falls_after_the_grant_is_charged() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 100_000).await;
    floor.give(ADA, FISH, 10).await;
    floor.set_fee(BEN, 200).await;
    let capital = floor.lend_money(ADA, BEN, 50_000).await;
    let shares = floor.lend_shares(ADA, BEN, FISH, 5).await;
    let fee_of = async |side: &str, authorization: i64| {
        let order = order(side, 2).under(authorization);
        floor.placed(&person(BEN), &order).await["fee"].clone()
    };
    // The agreed fee is 2 % of 39.98.
    floor.set_fee(BEN, 10_000).await;
    assert_eq!(
        [fee_of("BUY", capital).await, fee_of("SELL", shares).await],
        [usd("0.80"), usd("0.80")]
    );
    floor.set_fee(BEN, 100).await;
    assert_eq!(
        [fee_of("BUY", capital).await, fee_of("SELL", shares).await],
        [usd("0.40"), usd("0.40")]
    );
    floor.set_fee(BEN, 300).await;
    assert_eq!(
        fee_of("BUY", capital).await,
        usd("0.80"),
        "a fee that fell is no new agreement"
    );
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn proceeds_are_lent_on_the_terms_of_their_source() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 100_000).await;
    floor.give(ADA, FISH, 5).await;
    let capital = floor.lend_money(ADA, BEN, 50_000).await;
    floor.set_fee(BEN, 10_000).await;
    let order = buy(3).under(capital);
    floor.placed(&person(BEN), &order).await;
    let shares = floor.open_between(ADA, BEN, "STOCK_HOLDING").await.unwrap();
    assert_eq!(shares.fee_basis_points, 100);
    let order = sell(1).under(shares.id);
    assert_eq!(floor.placed(&person(BEN), &order).await["fee"], usd("0.20"));

    // Two shares at the low fee are left. Another one is lent at 5 %, and a trade under the low agreed fee adds one at that fee.
    floor.set_fee(BEN, 500).await;
    assert_eq!(floor.lend_shares_at_any_fee(ADA, BEN, FISH, 1).await, shares.id);
    let order = buy(1).under(capital);
    assert_eq!(floor.placed(&person(BEN), &order).await["fee"], usd("0.20"));
    let now = floor.open_between(ADA, BEN, "STOCK_HOLDING").await.unwrap();
    assert_eq!(
        (now.fee_basis_points, now.lower_fees.as_deref()),
        (500, Some("[[100,3]]"))
    );
    // The shares at the low fee are sold first, and their proceeds are lent at 1 %. The proceeds of the last one are lent at 5 %.
    let order = sell(4).under(shares.id);
    // 1 % of 59.97 and 5 % of 19.99.
    assert_eq!(floor.placed(&person(BEN), &order).await["fee"], usd("1.60"));
    let money = floor.open_between(ADA, BEN, "CAPITAL").await.unwrap();
    let dear: i64 = 1_999 - 100;
    assert_eq!(
        (money.fee_basis_points, money.lower_fees),
        (500, Some(format!("[[100,{}]]", money.remaining - dear)))
    );
    floor.assert_conserved(5).await;
}

#[tokio::test]
async fn an_increase_has_the_lower_of_the_agreed_and_current_fee() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 100_000).await;
    floor.set_fee(BEN, 200).await;
    let capital = floor.lend_money(ADA, BEN, 10_000).await;
    // The last case: an agreed fee that fell when money was added does not rise again.
    for (basis_points, fee) in [(10_000, "0.40"), (300, "0.40"), (100, "0.20"), (300, "0.20")] {
        floor.set_fee(BEN, basis_points).await;
        assert_eq!(floor.lend_money(ADA, BEN, 5_000).await, capital);
        let order = buy(1).under(capital);
        assert_eq!(floor.placed(&person(BEN), &order).await["fee"], usd(fee));
    }
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn lent_money_keeps_its_fee_when_an_increase_has_a_higher_one() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 600_000).await;
    floor.set_price(FISH, 19_990).await;
    floor.set_fee(BEN, 200).await;
    let capital = floor.lend_money(ADA, BEN, 500_000).await;
    floor.set_fee(BEN, 10_000).await;
    assert_eq!(floor.lend_money_at_any_fee(ADA, BEN, 80_000).await, capital);
    let buy = async |quantity: i64| {
        let order = buy(quantity).under(capital);
        floor.placed(&person(BEN), &order).await["fee"].clone()
    };
    // 2 % of 1,999.00, twice, and of 799.60.
    assert_eq!([buy(10).await, buy(10).await], [usd("39.98"), usd("39.98")]);
    assert_eq!(buy(4).await, usd("15.99"));
    // The remaining 106.45 at the old fee pay for 104.36 and 2 % of it; the fee of the other 95.54 is 100 %.
    assert_eq!(buy(1).await, usd("97.63"));
    let left = floor.open_between(ADA, BEN, "CAPITAL").await.unwrap();
    assert_eq!(
        (left.fee_basis_points, left.lower_fees),
        (10_000, None),
        "only new money is left"
    );
    assert_eq!(buy(1).await, usd("199.90"));
    let shares = floor.open_between(ADA, BEN, "STOCK_HOLDING").await.unwrap();
    assert_eq!(
        (shares.fee_basis_points, shares.lower_fees.as_deref()),
        (10_000, Some("[[200,25]]"))
    );
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn an_unauthorized_brokered_order_changes_nothing() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 10).await;
    let capital = floor.lend_money(ADA, BEN, 4_037).await;
    let shares = floor.lend_shares(ADA, BEN, FISH, 5).await;
    let bobs = floor.lend_money(ADA, BOB, 1_000).await;
    let ben = person(BEN);
    for (order, authorization, why) in [
        (buy(1), None, "INVALID_INPUT"),
        (buy(1), Some(999), "NOT_FOUND"),
        (buy(1), Some(bobs), "NOT_FOUND"),
        (buy(1).of(9), Some(capital), "NOT_FOUND"),
        (buy(1), Some(shares), "AUTHORIZATION_MISMATCH"),
        (sell(1), Some(capital), "AUTHORIZATION_MISMATCH"),
        (sell(1).of(BOAR), Some(shares), "AUTHORIZATION_MISMATCH"),
        // The money is a cent less than price and fee.
        (buy(2), Some(capital), "INSUFFICIENT_AUTHORIZATION"),
        (sell(6), Some(shares), "INSUFFICIENT_AUTHORIZATION"),
        (
            buy(1)
                .with("automated", true)
                .with("limitPrice", json!({ "amount": "1" })),
            None,
            "INVALID_AUTOMATED_ORDER",
        ),
        (
            buy(1)
                .with("automated", true)
                .with("limitPrice", json!({ "amount": "1" })),
            Some(capital),
            "INVALID_AUTOMATED_ORDER",
        ),
    ] {
        let order = match authorization {
            Some(id) => order.under(id),
            None => order,
        };
        assert_eq!(floor.refused(&ben, &order).await, why, "{order}");
    }
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn a_brokered_order_above_the_stock_is_refused() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let capital = floor.lend_money(ADA, BEN, 10_000).await;
    let order = buy(101).of(BOAR).under(capital);
    assert_eq!(floor.refused(&person(BEN), &order).await, "INSUFFICIENT_STOCK");
}

#[tokio::test]
async fn an_authorization_is_usable_from_its_start_until_its_end() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let capital = floor.lend_money_in(1_000, ADA, BEN, 6_000).await;
    let order = buy(1).under(capital);

    floor.pass(999);
    assert_eq!(floor.refused(&person(BEN), &order).await, "FORBIDDEN");
    floor.pass(1);
    floor.placed(&person(BEN), &order).await;
    floor.pass(HOUR_US - 1);
    floor.placed(&person(BEN), &order).await;
    floor.pass(1);
    assert_eq!(floor.place(&person(BEN), &order).await.code(), "FORBIDDEN");
    // The rest of the money and of the shares that it bought is free again.
    assert_eq!(floor.money(ADA).await, [10_000 - 2 * (1_999 + 20), 0, 0, 0]);
    assert_eq!(floor.shares(ADA, FISH).await, [2, 0, 0, 0]);
    assert_eq!(floor.refused(&person(BEN), &order).await, "FORBIDDEN");
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn concurrent_orders_never_overspend_an_authorization() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 100_000).await;
    // The money for three shares with their fees, and some cents.
    let capital = floor.lend_money(ADA, BEN, 3 * (1_999 + 20) + 50).await;
    let order = buy(1).under(capital);
    let ben = person(BEN);

    let answers = join_all((0..12).map(|_| floor.place(&ben, &order))).await;

    let count = |wanted| answers.iter().filter(|answer| answer.code() == wanted).count();
    assert_eq!((count("OK"), count("INSUFFICIENT_AUTHORIZATION")), (3, 9));
    assert_eq!(floor.remaining(capital).await, 50);
    assert_eq!(floor.shares(ADA, FISH).await, [0, 0, 3, 0]);
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn concurrent_orders_never_spend_shares_or_money_twice() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 3).await;
    floor.deposit(EVE, 3 * 1_999 + 1_000).await;
    let (ada, eve) = (person(ADA), person(EVE));

    let (sale, purchase) = (sell(1), buy(1));
    let sales = join_all((0..8).map(|_| floor.place(&ada, &sale)));
    let purchases = join_all((0..8).map(|_| floor.place(&eve, &purchase)));
    let (sales, purchases) = tokio::join!(sales, purchases);

    let done = |answers: &[Answer]| answers.iter().filter(|answer| answer.code() == "OK").count();
    assert_eq!((done(&sales), done(&purchases)), (3, 3));
    assert_eq!(floor.listed(FISH).await, 100);
    floor.assert_conserved(3).await;
}

#[tokio::test]
async fn proceeds_do_not_start_a_future_authorization_early() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 10).await;
    let shares = floor.lend_shares(ADA, BEN, FISH, 5).await;
    let capital = floor.lend_money_in(1_000_000, ADA, BEN, 6_000).await;

    let sale = sell(1).under(shares);
    floor.placed(&person(BEN), &sale).await;

    let purchase = buy(1).under(capital);
    assert_eq!(floor.refused(&person(BEN), &purchase).await, "FORBIDDEN");
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn a_deactivated_investor_has_no_brokered_trades() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let capital = floor.lend_money(ADA, BEN, 6_000).await;
    // Unlike the closing of an account, this does not end its authorizations.
    let left = async |tx: &Tx| Ok(user_change::deactivate(tx, &Authority::Full, ADA, NEW_YEAR_US).await?);
    floor.services.db.write(left).await.unwrap();
    let order = buy(1).under(capital);
    assert_eq!(floor.refused(&person(BEN), &order).await, "FORBIDDEN");
}

#[tokio::test]
async fn proceeds_do_not_increase_an_expired_authorization() {
    let floor = Floor::ticking().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 5).await;
    let shares = floor.lend_shares(ADA, BEN, FISH, 5).await;
    floor.pass(10);
    let capital = floor.lend_money(ADA, BEN, 6_000).await;
    // The shares' authorization is open when the operation begins, and has expired when the order is placed.
    floor.pass(HOUR_US - 11);

    let order = buy(1).under(capital);
    floor.placed(&person(BEN), &order).await;

    assert_eq!(floor.shares(ADA, FISH).await, [5, 0, 1, 0]);
    let bought = floor.open_between(ADA, BEN, "STOCK_HOLDING").await.unwrap();
    assert_ne!(bought.id, shares);
    assert_eq!(bought.remaining, 1);
    floor.assert_conserved(5).await;
}
