//! Lending: the checks of a grant, and that an investor never lends more than they have.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::lending_support::{LendingFixture, invalidated};

/// The path of the authorization in the response to a grant.
const FEE: &str = "query($id: ID!) { authorization(id: $id) { feePercent } }";
const SET_FEE: &str = "mutation($input: ProfileInput!) { updateProfile(input: $input) { id } }";
const GRANTED: &str = "grantAuthorization.authorization";

#[tokio::test]
async fn granted_money_moves_from_the_balance_to_the_authorization() {
    let domain = LendingFixture::new().await;
    let mut events = domain.events();
    let answer = domain.grant(&domain.ada, domain.money("400.00")).await;
    let expected = json!({
        "id": "authorization_1", "kind": "CAPITAL", "investor": {"username": "ada"}, "broker": {"username": "ben"}, "holding": null,
        "holdingId": null, "stock": null, "remaining": {"amount": "400.00", "currency": "USD"}, "remainingShares": null,
        "startsAt": "2027-01-15T08:00:00+00:00", "endsAt": "2027-01-25T08:00:00+00:00", "endedAt": null, "active": true
    });
    assert_eq!(answer.at(GRANTED), &expected);
    assert_eq!(answer.at("grantAuthorization.created"), true);
    assert_eq!(domain.money_of_ada().await, [60_000, 40_000]);
    let told = [
        ("Wallet", "wallet_1".to_owned()),
        ("Authorization", "authorization_1".to_owned()),
    ];
    assert_eq!(invalidated(&mut events), told);
    for party in [&domain.ada, &domain.ben] {
        assert_eq!(domain.authorization_for(party, 1).await, expected);
        assert_eq!(domain.own_authorization_ids(party, json!({})).await, [1]);
    }
}

#[tokio::test]
async fn committed_shares_are_lent_first() {
    let domain = LendingFixture::new().await;
    let mut events = domain.events();
    let answer = domain.grant(&domain.ada, domain.shares(4)).await;
    assert_eq!(domain.shares_of_ada().await, [20, 6, 4]);
    let holding = format!("holding_{}", domain.holding);
    let authorization = answer.at(GRANTED);
    assert_eq!(authorization["kind"], "STOCK_HOLDING");
    assert_eq!(
        (&authorization["remaining"], &authorization["remainingShares"]),
        (&Value::Null, &json!(4))
    );
    assert_eq!(authorization["holdingId"], json!(holding));
    assert_eq!(authorization["holding"], json!({"id": holding}));
    assert_eq!(authorization["stock"], json!({"id": format!("stock_{}", domain.stock)}));
    let told = [("Holding", holding), ("Authorization", "authorization_1".to_owned())];
    assert_eq!(invalidated(&mut events), told);

    domain.grant(&domain.ada, domain.shares(16)).await.at(GRANTED);
    assert_eq!(domain.shares_of_ada().await, [10, 0, 20]);
}

#[tokio::test]
async fn an_invalid_grant_names_its_error_and_changes_nothing() {
    let domain = LendingFixture::new().await;
    let mut events = domain.events();
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let wrong = [
        ("money", "amount", Value::Null, "INVALID_INPUT", "input.amount"),
        ("money", "amount", usd("0.00"), "INVALID_INPUT", "input.amount"),
        ("money", "amount", usd("-1.00"), "INVALID_INPUT", "input.amount"),
        ("money", "shares", json!(1), "INVALID_INPUT", "input.shares"),
        (
            "money",
            "holding",
            json!(domain.holding),
            "INVALID_INPUT",
            "input.holding",
        ),
        ("shares", "amount", usd("1.00"), "INVALID_INPUT", "input.amount"),
        ("shares", "shares", Value::Null, "INVALID_INPUT", "input.shares"),
        ("shares", "shares", json!(0), "INVALID_INPUT", "input.shares"),
        ("shares", "shares", json!(-1), "INVALID_INPUT", "input.shares"),
        (
            "shares",
            "shares",
            json!(2_147_483_648_i64),
            "INVALID_INPUT",
            "input.shares",
        ),
        ("shares", "holding", Value::Null, "INVALID_INPUT", "input.holding"),
        ("shares", "holding", json!(domain.others_holding), "NOT_FOUND", ""),
        ("shares", "holding", json!(404), "NOT_FOUND", ""),
        ("shares", "holding", json!("x"), "NOT_FOUND", ""),
        ("money", "endsAt", domain.in_days(0), "INVALID_INPUT", "input.endsAt"),
        ("money", "endsAt", domain.in_days(-1), "INVALID_INPUT", "input.endsAt"),
        (
            "money",
            "endsAt",
            json!("+10000-01-01T00:00:00Z"),
            "INVALID_INPUT",
            // The scalar rejects it; the router adds the variable's name.
            "",
        ),
        ("money", "startsAt", domain.in_days(10), "INVALID_INPUT", "input.endsAt"),
        ("money", "startsAt", domain.in_days(11), "INVALID_INPUT", "input.endsAt"),
        (
            "money",
            "startsAt",
            json!("1969-12-31T23:59:59Z"),
            "INVALID_INPUT",
            "input.startsAt",
        ),
        ("money", "broker", json!(404), "NOT_FOUND", ""),
        ("money", "broker", json!("x"), "NOT_FOUND", ""),
        ("money", "broker", json!(domain.eve.id), "NOT_FOUND", ""),
        ("money", "broker", json!(domain.ada.id), "NOT_FOUND", ""),
        ("money", "amount", usd("1000.01"), "INSUFFICIENT_FUNDS", ""),
        (
            "money",
            "amount",
            json!({"amount": "1.00", "currency": "EUR"}),
            "INSUFFICIENT_FUNDS",
            "",
        ),
        ("shares", "shares", json!(31), "INSUFFICIENT_SHARES", ""),
        ("shares", "shares", json!(2_147_483_647), "INSUFFICIENT_SHARES", ""),
    ];
    for (kind, member, value, code, field) in wrong {
        let mut input = match kind {
            "money" => domain.money("100.00"),
            _ => domain.shares(1),
        };
        input[member] = value;
        let answer = domain.grant(&domain.ada, input.clone()).await;
        assert_eq!((answer.code(), answer.field()), (code, field), "{input}");
    }
    assert_eq!(domain.money_of_ada().await, [100_000, 0]);
    assert_eq!(domain.shares_of_ada().await, [20, 10, 0]);
    assert!(domain.all().await.is_empty());
    assert_eq!(invalidated(&mut events), []);
}

#[tokio::test]
async fn a_deactivated_broker_receives_no_grant() {
    let domain = LendingFixture::new().await;
    domain
        .query(&domain.ben.caller, "mutation { deactivateAccount { id } }", json!({}))
        .await
        .at("");
    let answer = domain.grant(&domain.ada, domain.money("100.00")).await;
    assert_eq!((answer.code(), answer.message()), ("NOT_FOUND", "broker not found"));
    assert_eq!(domain.money_of_ada().await, [100_000, 0]);
}

#[tokio::test]
async fn a_second_grant_increases_the_first_and_extends_its_end() {
    let domain = LendingFixture::new().await;
    let first = domain.grant_id(domain.money("100.00")).await;
    let mut longer = domain.money("50.00");
    longer["endsAt"] = domain.in_days(20);
    let answer = domain.grant(&domain.ada, longer).await;
    assert_eq!(answer.at("grantAuthorization.created"), false);
    assert_eq!(answer.at(GRANTED)["id"], format!("authorization_{first}"));
    assert_eq!(answer.at(GRANTED)["remaining"]["amount"], "150.00");
    let later = answer.at(GRANTED)["endsAt"].clone();
    assert_eq!(later, "2027-02-04T08:00:00+00:00");
    let answer = domain.grant(&domain.ada, domain.money("50.00")).await;
    assert_eq!(answer.at(GRANTED)["endsAt"], later, "never to an earlier one");
    assert_eq!(domain.money_of_ada().await, [80_000, 20_000]);

    // A grant of another kind or for another broker creates another authorization.
    let shares = domain.grant_id(domain.shares(1)).await;
    let mut for_cid = domain.money("1.00");
    for_cid["broker"] = json!(domain.cid.id);
    let for_cid = domain.grant_id(for_cid).await;
    assert_eq!(
        domain.own_authorization_ids(&domain.ada, json!({})).await,
        [first, shares, for_cid]
    );
    assert_eq!(
        domain.own_authorization_ids(&domain.ben, json!({})).await,
        [first, shares]
    );
    assert_eq!(domain.own_authorization_ids(&domain.cid, json!({})).await, [for_cid]);
}

#[tokio::test]
async fn an_increase_takes_a_higher_fee_only_if_the_investor_agrees() {
    let domain = LendingFixture::new().await;
    let id = domain.grant_id(domain.money("100.00")).await;
    let fee = async || {
        let answer = domain.query(&domain.ada.caller, FEE, json!({"id": id})).await;
        answer.at("authorization.feePercent").clone()
    };
    let set = async |percent: f64| {
        let input = json!({"input": {"brokerageFeePercent": percent}});
        domain.query(&domain.ben.caller, SET_FEE, input).await.at("");
    };
    assert_eq!(fee().await, 1.0);
    set(100.0).await;
    assert_eq!(fee().await, 1.0);
    assert_eq!(domain.grant_id(domain.money("1.00")).await, id);
    assert_eq!(fee().await, 1.0, "a top-up agrees to no higher fee by itself");
    set(2.25).await;
    let mut more = domain.money("1.00");
    for too_little in [0.0, 1.0, 2.24] {
        more["maxFeePercent"] = json!(too_little);
        assert_eq!(
            domain.grant(&domain.ada, more.clone()).await.code(),
            "CONFLICT",
            "{too_little}"
        );
    }
    for wrong in [-0.01, 100.01, 1e300] {
        more["maxFeePercent"] = json!(wrong);
        assert_eq!(
            domain.grant(&domain.ada, more.clone()).await.code(),
            "INVALID_INPUT",
            "{wrong}"
        );
    }
    assert_eq!(fee().await, 1.0);
    more["maxFeePercent"] = json!(2.25);
    assert_eq!(domain.grant_id(more).await, id);
    assert_eq!(fee().await, 2.25, "the highest fee of what is left");
    // If the broker's fee has fallen when shares or money are added, the lower fee applies to all of them.
    set(1.5).await;
    assert_eq!(domain.grant_id(domain.money("1.00")).await, id);
    assert_eq!(fee().await, 1.5);
}

#[tokio::test]
async fn a_new_grant_takes_the_current_fee_up_to_the_maximum() {
    let domain = LendingFixture::new().await;
    let mut first = domain.money("100.00");
    first["maxFeePercent"] = json!(0.99);
    let refused = domain.grant(&domain.ada, first.clone()).await;
    assert_eq!(refused.code(), "CONFLICT");
    assert_eq!(
        domain.own_authorization_ids(&domain.ada, json!({})).await,
        Vec::<i64>::new()
    );
    first["maxFeePercent"] = json!(50);
    let id = domain.grant_id(first).await;
    let answer = domain.query(&domain.ada.caller, FEE, json!({"id": id})).await;
    assert_eq!(answer.at("authorization.feePercent"), 1.0);
}

#[tokio::test]
async fn a_grant_increases_a_used_up_authorization() {
    let domain = LendingFixture::new().await;
    let id = domain.grant_id(domain.shares(3)).await;
    domain.spend(id, 3).await;
    assert_eq!(domain.authorization_for(&domain.ada, id).await["active"], true);
    let answer = domain.grant(&domain.ada, domain.shares(2)).await;
    assert_eq!(
        (
            answer.at(GRANTED)["id"].as_str(),
            &answer.at(GRANTED)["remainingShares"]
        ),
        (Some("authorization_1"), &json!(2))
    );
}

#[tokio::test]
async fn an_expired_authorization_is_released_and_not_increased() {
    let domain = LendingFixture::new().await;
    let over = domain.grant_id(domain.money("900.00")).await;
    domain.advance_days(10);
    let mut events = domain.events();
    let answer = domain.grant(&domain.ada, domain.money("1000.00")).await;
    assert_eq!(answer.at("grantAuthorization.created"), true);
    assert_ne!(answer.at(GRANTED)["id"], format!("authorization_{over}"));
    assert_eq!(domain.money_of_ada().await, [0, 100_000]);
    assert_eq!(domain.authorization_for(&domain.ada, over).await["active"], false);
    let told: Vec<_> = invalidated(&mut events).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(told, ["Wallet", "Authorization", "Wallet", "Authorization"]);
}

#[tokio::test]
async fn an_earlier_grant_moves_the_start_of_a_future_one() {
    let domain = LendingFixture::new().await;
    let mut later = domain.money("100.00");
    later["startsAt"] = domain.in_days(5);
    let id = domain.grant_id(later).await;
    let seen = domain.authorization_for(&domain.ben, id).await;
    assert_eq!(
        (&seen["active"], &seen["startsAt"]),
        (&json!(true), &json!("2027-01-20T08:00:00+00:00"))
    );
    assert_eq!(domain.money_of_ada().await, [90_000, 10_000]);
    let answer = domain.grant(&domain.ada, domain.money("1.00")).await;
    assert_eq!(answer.at(GRANTED)["startsAt"], "2027-01-15T08:00:00+00:00");
}

#[tokio::test]
async fn the_same_key_grants_once_and_repeats_its_response() {
    let domain = LendingFixture::new().await;
    let first = domain.grant_with(&domain.ada, domain.money("100.00"), Some("k")).await;
    let asked = domain.money("100.00");
    domain.grant_id(domain.money("50.00")).await;
    let mut events = domain.events();
    let again = domain.grant_with(&domain.ada, asked.clone(), Some("k")).await;
    assert_eq!(again.at(""), first.at(""), "and not what it is by now");
    assert_eq!(invalidated(&mut events), []);
    // The replay returns the same response even when the input could not be granted any more.
    domain.advance_days(11);
    assert_eq!(
        domain.grant_with(&domain.ada, asked.clone(), Some("k")).await.at(""),
        first.at("")
    );
    assert_eq!(domain.money_of_ada().await, [100_000, 0]);
    assert_eq!(domain.all().await.len(), 1);

    let other = domain.grant_with(&domain.ada, domain.money("100.01"), Some("k")).await;
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
}

#[tokio::test]
async fn a_refused_grant_leaves_its_key_unused() {
    let domain = LendingFixture::new().await;
    let asked = domain.money("600.00");
    let before = domain.grant_id(domain.money("600.00")).await;
    let refused = domain.grant_with(&domain.ada, asked.clone(), Some("k")).await;
    assert_eq!(refused.code(), "INSUFFICIENT_FUNDS");
    domain.revoke(&domain.ada, before).await.at("");
    let granted = domain.grant_with(&domain.ada, asked, Some("k")).await;
    assert_eq!(granted.at("grantAuthorization.created"), true);
}

#[tokio::test]
async fn concurrent_grants_never_lend_more_than_the_balance() {
    let domain = Arc::new(LendingFixture::new().await);
    let grants = (0..40).map(|n| {
        let domain = domain.clone();
        tokio::spawn(async move {
            let (broker, mut input) = match n % 4 {
                0 => (domain.ben.id, domain.money("90.00")),
                1 => (domain.cid.id, domain.money("90.00")),
                2 => (domain.ben.id, domain.shares(4)),
                _ => (domain.cid.id, domain.shares(4)),
            };
            input["broker"] = json!(broker);
            domain.grant(&domain.ada, input).await.code().to_owned()
        })
    });
    let codes: Vec<_> = join_all(grants).await.into_iter().map(Result::unwrap).collect();
    let count = |code: &str| codes.iter().filter(|got| *got == code).count();
    // 11 times 90.00 of 1,000.00; 7 times 4 of 30 shares.
    assert_eq!(
        (count("OK"), count("INSUFFICIENT_FUNDS"), count("INSUFFICIENT_SHARES")),
        (18, 9, 13)
    );
    assert_eq!(domain.money_of_ada().await, [1_000, 99_000]);
    assert_eq!(domain.shares_of_ada().await, [2, 0, 28]);
    let open = domain.all().await;
    assert_eq!(open.len(), 4, "one of each kind for each broker");
    let remaining: i64 = open.iter().map(|authorization| authorization.remaining).sum();
    assert_eq!(remaining, 99_000 + 28);
}
