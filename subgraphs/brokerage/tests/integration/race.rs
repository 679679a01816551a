//! A concurrent cancellation and a price that triggers the order: exactly one of them wins.

use crate::support::{ADA, FISH, Floor, automated, person};

const ROUNDS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_racing_an_execution_moves_the_funds_once() {
    let floor = Floor::new().await;
    let _worker = floor.worker();
    floor.deposit(ADA, 1_000_000).await;
    let ada = person(ADA);
    let mut executed = 0;
    for round in 0..ROUNDS {
        floor.set_price(FISH, 2_000).await;
        let order = floor.placed(&ada, &automated("BUY", 1, "19.00")).await;
        let id = order["id"].as_str().unwrap();

        // The rounds alternate which of the two gets a head start.
        let cancelled = match round % 3 {
            0 => tokio::join!(floor.set_price(FISH, 1_900), floor.cancel(&ada, id)).1,
            1 => tokio::join!(floor.cancel(&ada, id), floor.set_price(FISH, 1_900)).0,
            _ => {
                floor.set_price(FISH, 1_900).await;
                tokio::task::yield_now().await;
                floor.cancel(&ada, id).await
            }
        };

        let status = floor.settled(round).await;
        let expected = match status.as_str() {
            "COMPLETED" => "ORDER_COMPLETED",
            _ => "OK",
        };
        assert_eq!(cancelled.code(), expected, "{status}: {cancelled}");
        executed += i64::from(status == "COMPLETED");
        assert_eq!(floor.money(ADA).await, [1_000_000 - executed * 1_900, 0, 0, 0]);
        assert_eq!(floor.shares(ADA, FISH).await[0], executed);
    }
    floor.assert_conserved(0).await;
}
