//! Query plans: indexes find the rows of every list, so no query reads rows that it does not return.

use entities::hold::{self, HoldState};
use entities::ledger::TransactionKind;
use entities::ledger_entry::{self, EntryAccount};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryOrder, QueryTrait, Select};

use crate::support::Bank;

/// Returns SQLite's query plan.
async fn plan<E: EntityTrait>(bank: &Bank, select: Select<E>) -> String {
    let mut statement = select.build(DbBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = bank.services.db.read().query_all_raw(statement).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
    steps.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn every_list_has_its_index() {
    let bank = Bank::new().await;
    let newest_first = |select: Select<ledger_entry::Entity>| select.order_by_desc(ledger_entry::Column::Id);
    for (kinds, account, wanted) in [
        (None, None, "ledger_entry_wallet (wallet_id=?)"),
        (
            Some(&[TransactionKind::Deposit][..]),
            None,
            "ledger_entry_kind (wallet_id=? AND kind=?)",
        ),
        (
            None,
            Some(EntryAccount::Held),
            "ledger_entry_account (wallet_id=? AND account=?)",
        ),
    ] {
        let entries = newest_first(ledger_entry::for_wallet(1, kinds, account));
        assert_eq!(
            plan(&bank, entries).await,
            format!("SEARCH ledger_entry USING INDEX {wanted}")
        );
    }
    for (state, wanted) in [
        (None, "hold_wallet (wallet_id=?)"),
        (Some(HoldState::Pending), "hold_state (wallet_id=? AND state=?)"),
    ] {
        let holds = hold::for_wallet(1, state).order_by_desc(hold::Column::Id);
        assert_eq!(plan(&bank, holds).await, format!("SEARCH hold USING INDEX {wanted}"));
    }
}
