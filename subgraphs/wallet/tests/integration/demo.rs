//! The sample data.

use contract::DemoPeople;
use serde_json::json;
use wallet::demo::seed;

use crate::support::{ADA, BEN, Bank, CLEO, DAN};

#[tokio::test]
async fn the_sample_data_is_posted_to_the_ledger_once() {
    let bank = Bank::new().await;
    let people = DemoPeople {
        ada: ADA,
        ben: BEN,
        cleo: CLEO,
        dan: DAN,
        admin: 0,
    };
    seed(&bank.services, people).await.unwrap();
    let before = bank.amounts(ADA, json!({})).await;
    assert_eq!(before, ["-1500.00", "3500.00", "8000.00"]);
    bank.withdraw(ADA, "1.00").await;
    seed(&bank.services, people).await.unwrap();
    assert_eq!(bank.parts(ADA).await[0], "9999.00");
    assert_eq!(bank.parts(CLEO).await[0], "150.00");
    assert_eq!(bank.amounts(DAN, json!({})).await, ["75.00"]);
    assert_eq!(bank.amounts(BEN, json!({})).await, ["2500.00"]);
}
