//! Deposits and withdrawals.

use hyper::Method;
use rand::Rng;
use serde_json::json;

use super::Player;
use crate::caller::{Abandoned, NEVER, Outcome, refusals};
use crate::values::{cents, id_number, money, rest_cents, rest_money};
use crate::world::done;

/// The first deposit in cents: between these.
const FIRST_DEPOSIT: std::ops::Range<i64> = 500_000..1_000_000;

impl Player {
    /// The first deposit, which opens the wallet.
    pub(super) async fn deposit(&mut self) -> Result<(), Abandoned> {
        let amount = self.random.random_range(FIRST_DEPOSIT);
        self.pay_in(amount).await
    }

    /// Pays in, withdraws, and tries to withdraw more than there is.
    pub(super) async fn move_money(&mut self) -> Result<(), Abandoned> {
        let amount = self.random.random_range(1..50_000);
        self.pay_in(amount).await?;
        let amount = self.random.random_range(1..20_000);
        self.withdraw(amount).await?;
        let beyond = self.person.balance + self.random.random_range(1..1_000);
        self.withdraw(beyond).await
    }

    async fn pay_in(&mut self, amount: i64) -> Result<(), Abandoned> {
        let key = self.key();
        let id = if self.over_rest() {
            const STEP: &str = "deposit (REST)";
            let body = json!({ "type": "deposit", "amount": rest_money(amount) });
            let path = "/brokerage/transactions".to_owned();
            let outcome = self
                .caller
                .rest(STEP, (Method::POST, path), Some(body), Some(key), NEVER)
                .await?;
            let data = done(outcome)?;
            self.caller
                .same(STEP, "the amount", Some(amount), rest_cents(&data["amount"]))?;
            self.caller.needed(STEP, "id", data["id"].as_i64())?
        } else {
            const STEP: &str = "deposit";
            let document = "mutation($amount: Money!, $key: String!) {
                deposit(amount: $amount, idempotencyKey: $key) { id amount balanceAfter type } }";
            let variables = json!({ "amount": money(amount), "key": key });
            let data = done(self.caller.graphql(STEP, document, variables, NEVER).await?)?;
            let deposit = &data["deposit"];
            self.caller
                .same(STEP, "the amount", Some(amount), cents(&deposit["amount"]))?;
            let after = Some(self.person.balance + amount);
            self.caller
                .same(STEP, "the balance after it", after, cents(&deposit["balanceAfter"]))?;
            self.caller.needed(STEP, "id", id_number(&deposit["id"]))?
        };
        self.person.balance += amount;
        self.person.transactions.insert(id, amount);
        Ok(())
    }

    /// Withdraws; the server has to refuse exactly when there is too little.
    async fn withdraw(&mut self, amount: i64) -> Result<(), Abandoned> {
        let key = self.key();
        let enough = amount <= self.person.balance;
        let allowed = refusals(if enough { &[] } else { &["INSUFFICIENT_FUNDS"] });
        let (step, outcome) = if self.over_rest() {
            let body = json!({ "type": "withdraw", "amount": rest_money(amount) });
            let path = "/brokerage/transactions".to_owned();
            let step = "withdraw (REST)";
            (
                step,
                self.caller
                    .rest(step, (Method::POST, path), Some(body), Some(key), allowed)
                    .await?,
            )
        } else {
            let document = "mutation($amount: Money!, $key: String!) {
                withdraw(amount: $amount, idempotencyKey: $key) { id amount } }";
            let variables = json!({ "amount": money(amount), "key": key });
            let step = "withdraw";
            (step, self.caller.graphql(step, document, variables, allowed).await?)
        };
        let answer = match outcome {
            Outcome::Refused => return Ok(()),
            Outcome::Done(_) if !enough => {
                return Err(self.caller.wrong(step, "the withdrawal is more than the balance"));
            }
            Outcome::Done(answer) => answer.data,
        };
        let id = answer["id"].as_i64().or_else(|| id_number(&answer["withdraw"]["id"]));
        let id = self.caller.needed(step, "id", id)?;
        self.person.balance -= amount;
        self.person.transactions.insert(id, -amount);
        Ok(())
    }
}
