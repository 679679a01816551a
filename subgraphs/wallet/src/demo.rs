//! Sample data: the deposits and withdrawals of four people.

use contract::{DemoPeople, Result, Services, Tx};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use entities::wallet;

/// The currency of the sample data.
const CURRENCY: &str = "USD";

/// Microseconds in a day.
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// Opens and fills the wallets of the demo people that have none, 10,000.00 USD for ada. Existing wallets do not change.
pub async fn seed(services: &Services, people: DemoPeople) -> Result<()> {
    let now_us = services.clock.now_us();
    services
        .db
        .write(async move |tx| {
            for (person, transfers) in sample(people) {
                if wallet::find(tx, person, CURRENCY).await?.is_some() {
                    continue;
                }
                for (days_ago, minor) in transfers {
                    record(tx, person, *minor, now_us - days_ago * DAY_US).await?;
                }
            }
            Ok(())
        })
        .await
}

/// Returns each person's deposits and withdrawals: how many days ago, and how many cents (negative for a withdrawal).
fn sample(
    DemoPeople {
        ada, ben, cleo, dan, ..
    }: DemoPeople,
) -> [(i64, &'static [(i64, i64)]); 4] {
    [
        (ada, &[(60, 800_000), (30, 350_000), (3, -150_000)]),
        (ben, &[(45, 250_000)]),
        (cleo, &[(20, 20_000), (2, -5_000)]),
        (dan, &[(10, 7_500)]),
    ]
}

async fn record(tx: &Tx, person: i64, minor: i64, at_us: i64) -> Result<()> {
    let kind = if minor < 0 {
        TransactionKind::Withdrawal
    } else {
        TransactionKind::Deposit
    };
    let legs = [
        (Account::Wallet(person, Bucket::Balance), minor),
        (Account::Outside, -minor),
    ];
    ledger::post(tx, LedgerTransaction::new(kind, CURRENCY), &legs, at_us).await?;
    Ok(())
}
