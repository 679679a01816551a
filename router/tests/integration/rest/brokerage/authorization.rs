//! The user service: authorizations.

use serde_json::json;

use super::app::{ADA, BrokerageApp, CLEO, LATER, NOW, reason, refused};

fn shown(id: i64, kind: &str, holding: &str, amount: &str, active: bool) -> String {
    format!(
        r#"{{"id":{id},"type":"{kind}","investorId":1,"brokerId":2,"stockHoldingId":{holding},"amount":{amount},"startDate":"{NOW}","endDate":"{LATER}","active":{active}}}"#
    )
}

#[tokio::test]
async fn money_is_granted_increased_seen_by_both_and_revoked() {
    let brokerage = BrokerageApp::new().await;
    let (ada, ben) = (brokerage.ada(), brokerage.ben());
    brokerage.deposit(&ada, "1000").await;
    let body = format!(r#"{{"type":"capital","brokerId":2,"amount":250.5,"endDate":"{LATER}","investorId":3}}"#);
    let granted = brokerage.call(&ada, "POST /authorizations", &body).await;
    assert_eq!(
        granted.line(),
        format!("201 {}", shown(1, "CAPITAL", "null", "250.5", true))
    );
    assert_eq!(granted.header("location"), "/brokerage/authorizations/1");
    assert_eq!(brokerage.money(&ada).await, "749.5 250.5 0");

    let more = r#"{"type":"CAPITAL","brokerId":2,"amount":49.5,"endDate":"2026-02-01"}"#;
    let raised = brokerage.call(&ada, "POST /authorizations", more).await;
    assert_eq!(
        raised.line(),
        format!("200 {}", shown(1, "CAPITAL", "null", "300", true))
    );
    assert_eq!(raised.header("location"), "");

    for caller in [&ada, &ben] {
        let one = brokerage.get(caller, "/authorizations/1").await;
        assert_eq!(one.line(), format!("200 {}", shown(1, "CAPITAL", "null", "300", true)));
        let all = brokerage.get(caller, "/authorizations").await;
        assert_eq!(
            all.line(),
            format!("200 [{}]", shown(1, "CAPITAL", "null", "300", true))
        );
        assert_eq!(
            brokerage.get(caller, "/authorizations?active=false").await.line(),
            "200 []"
        );
    }
    for _ in 0..2 {
        let revoked = brokerage.call(&ada, "PUT /authorizations/1/revoke", "ignored").await;
        assert_eq!(
            revoked.line(),
            format!("200 {}", shown(1, "CAPITAL", "null", "0", false))
        );
        assert_eq!(brokerage.money(&ada).await, "1000 0 0");
    }
    assert_eq!(
        brokerage.get(&ben, "/authorizations?active=true").await.line(),
        "200 []"
    );
    let ended = brokerage.get(&ben, "/authorizations?active=false").await;
    assert_eq!(
        ended.line(),
        format!("200 [{}]", shown(1, "CAPITAL", "null", "0", false))
    );
    assert_eq!(
        brokerage.get(&brokerage.cleo(), "/authorizations").await.line(),
        "200 []"
    );
}

#[tokio::test]
async fn shares_are_granted_increased_and_revoked() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "1000").await;
    brokerage.buy(&ada, 10).await;
    let body = format!(r#"{{"type":"StockHolding","brokerId":2,"stockHoldingId":1,"amount":4,"endDate":"{LATER}"}}"#);
    let granted = brokerage.call(&ada, "POST /authorizations", &body).await;
    assert_eq!(
        granted.line(),
        format!("201 {}", shown(1, "STOCKHOLDING", "1", "4", true))
    );
    assert_eq!(brokerage.shares(&ada).await, "6 4");
    let raised = brokerage.call(&ada, "POST /authorizations", &body).await;
    assert_eq!(
        raised.line(),
        format!("200 {}", shown(1, "STOCKHOLDING", "1", "8", true))
    );
    // An authorization of capital between the same two people is a separate one.
    let capital = format!(r#"{{"type":"CAPITAL","brokerId":2,"amount":1,"endDate":"{LATER}"}}"#);
    let granted = brokerage.call(&ada, "POST /authorizations", &capital).await;
    assert_eq!(
        granted.line(),
        format!("201 {}", shown(2, "CAPITAL", "null", "1", true))
    );
    let revoked = brokerage.call(&ada, "PUT /authorizations/1/revoke", "").await;
    assert_eq!(
        revoked.line(),
        format!("200 {}", shown(1, "STOCKHOLDING", "1", "0", false))
    );
    assert_eq!(brokerage.shares(&ada).await, "10 0");
}

#[tokio::test]
async fn dates_are_date_times_or_days() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "1000").await;
    let body = r#"{"type":"CAPITAL","brokerId":2,"amount":1,"startDate":"2026-03-01","endDate":"2026-03-01"}"#;
    let granted = brokerage.done(&ada, "POST /authorizations", body).await;
    assert_eq!(granted["startDate"], "2026-03-01T00:00:00+00:00");
    assert_eq!(granted["endDate"], "2026-03-01T23:59:59.999999+00:00");
    assert_eq!(granted["active"], true);
    brokerage.done(&ada, "PUT /authorizations/1/revoke", "").await;
    let body = r#"{"type":"CAPITAL","brokerId":2,"amount":1,"startDate":"2026-03-01T10:00:00+02:00","endDate":"2026-03-01T08:00:01Z"}"#;
    let granted = brokerage.done(&ada, "POST /authorizations", body).await;
    assert_eq!(
        (granted["startDate"].as_str(), granted["endDate"].as_str()),
        (Some("2026-03-01T08:00:00+00:00"), Some("2026-03-01T08:00:01+00:00"))
    );
}

#[tokio::test]
async fn an_authorization_expires_at_its_end_date() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    let body = r#"{"type":"CAPITAL","brokerId":2,"amount":40,"endDate":"2026-01-02T03:30:00Z"}"#;
    brokerage.done(&ada, "POST /authorizations", body).await;
    brokerage.clock().advance(std::time::Duration::from_secs(30 * 60));
    let expired = brokerage.done(&brokerage.ben(), "GET /authorizations/1", "").await;
    assert_eq!((&expired["active"], &expired["amount"]), (&false.into(), &0.into()));
    assert_eq!(brokerage.money(&ada).await, "100 0 0");
}

#[tokio::test]
async fn an_invalid_grant_is_refused_and_changes_nothing() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "1000").await;
    brokerage.buy(&ada, 10).await;
    let money = brokerage.money(&ada).await;
    let capital = |member: &str, value: &str| {
        changed(
            r#"{"type":"CAPITAL","brokerId":2,"amount":5,"endDate":"2027-01-01"}"#,
            member,
            value,
        )
    };
    let shares = |member: &str, value: &str| {
        changed(
            r#"{"type":"STOCKHOLDING","brokerId":2,"stockHoldingId":1,"amount":5,"endDate":"2027-01-01"}"#,
            member,
            value,
        )
    };
    for value in ["", "null", "7", "\"SHARES\"", "\"\"", "\"STOCK_HOLDING\""] {
        refuse(&brokerage, &capital("type", value), "type").await;
    }
    for value in ["", "null", "\"2\"", "1.5", "true"] {
        refuse(&brokerage, &capital("brokerId", value), "brokerId").await;
    }
    for value in ["", "null", "0", "-1", "0.001", "\"5\"", "true", "1000000000000.01"] {
        refuse(&brokerage, &capital("amount", value), "amount").await;
    }
    for value in ["", "null", "0", "-1", "1.5", "1.0", "\"5\"", "2147483648"] {
        refuse(&brokerage, &shares("amount", value), "amount").await;
    }
    for value in ["", "null", "\"1\"", "1.5"] {
        refuse(&brokerage, &shares("stockHoldingId", value), "stockHoldingId").await;
    }
    for value in [
        "",
        "null",
        "7",
        "\"soon\"",
        "\"2026-13-01\"",
        "\"2025-12-31\"",
        "\"2026-01-02T03:04:05Z\"",
    ] {
        refuse(&brokerage, &capital("endDate", value), "endDate").await;
    }
    for value in ["7", "\"soon\"", "true"] {
        refuse(&brokerage, &capital("startDate", value), "startDate").await;
    }
    for value in ["\"2027-01-02\"", "\"2027-01-01T23:59:59.999999Z\""] {
        refuse(&brokerage, &capital("startDate", value), "endDate").await;
    }
    for broker in [ADA, CLEO, 77, 0, -2, i64::MAX] {
        let answered = brokerage
            .call(&ada, "POST /authorizations", &capital("brokerId", &broker.to_string()))
            .await;
        assert_eq!(
            answered.line(),
            refused(404, "NOT_FOUND", "broker not found"),
            "{broker}"
        );
    }
    let (_, eve) = brokerage.register("eve", "investor").await;
    brokerage.deposit(&eve, "100").await;
    brokerage.buy(&eve, 1).await;
    for holding in ["2", "77", "0", "-1"] {
        let answered = brokerage
            .call(&ada, "POST /authorizations", &shares("stockHoldingId", holding))
            .await;
        assert_eq!(
            answered.line(),
            refused(404, "NOT_FOUND", "stockholding not found"),
            "{holding}"
        );
    }
    let too_much = brokerage
        .call(&ada, "POST /authorizations", &capital("amount", "900.11"))
        .await;
    assert_eq!(reason(&too_much), (409, "INSUFFICIENT_FUNDS".to_owned()));
    let too_many = brokerage
        .call(&ada, "POST /authorizations", &shares("amount", "11"))
        .await;
    assert_eq!(reason(&too_many), (409, "INSUFFICIENT_SHARES".to_owned()));
    for caller in [brokerage.ben(), brokerage.cleo()] {
        let answered = brokerage
            .call(&caller, "POST /authorizations", &capital("amount", "1"))
            .await;
        assert_eq!(reason(&answered), (403, "FORBIDDEN".to_owned()));
    }
    assert_eq!(brokerage.money(&ada).await, money);
    assert_eq!(brokerage.shares(&ada).await, "10 0");
    assert_eq!(
        brokerage.get(&brokerage.ben(), "/authorizations").await.line(),
        "200 []"
    );
}

async fn refuse(brokerage: &BrokerageApp, body: &str, member: &str) {
    let answered = brokerage.call(&brokerage.ada(), "POST /authorizations", body).await;
    assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{body}");
    let message = answered.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&format!("{member} ")), "{body}: {message}");
}

/// Returns the body with another value for a member, or without it.
pub fn changed(body: &str, member: &str, value: &str) -> String {
    let mut members: Vec<(String, Box<serde_json::value::RawValue>)> =
        serde_json::from_str::<std::collections::BTreeMap<String, Box<serde_json::value::RawValue>>>(body)
            .unwrap()
            .into_iter()
            .filter(|(name, _)| name != member)
            .collect();
    if !value.is_empty() {
        members.push((
            member.to_owned(),
            serde_json::value::RawValue::from_string(value.to_owned()).unwrap(),
        ));
    }
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[tokio::test]
async fn only_the_parties_see_it_and_only_the_investor_revokes_it() {
    let brokerage = BrokerageApp::new().await;
    brokerage.deposit(&brokerage.ada(), "100").await;
    brokerage.lend_money("40").await;
    let (_, eve) = brokerage.register("eve", "investor").await;
    let (_, finn) = brokerage.register("finn", "broker").await;
    let not_found = refused(404, "NOT_FOUND", "authorization not found");
    for caller in [&eve, &finn, &brokerage.cleo()] {
        assert_eq!(brokerage.get(caller, "/authorizations/1").await.line(), not_found);
        assert_eq!(
            brokerage.call(caller, "PUT /authorizations/1/revoke", "").await.line(),
            not_found
        );
        assert_eq!(brokerage.get(caller, "/authorizations").await.line(), "200 []");
    }
    for id in ["2", "abc", "0", "9223372036854775808"] {
        assert_eq!(
            brokerage
                .get(&brokerage.ada(), &format!("/authorizations/{id}"))
                .await
                .line(),
            not_found,
            "{id}"
        );
        let revoked = brokerage
            .call(&brokerage.ada(), &format!("PUT /authorizations/{id}/revoke"), "")
            .await;
        assert_eq!(revoked.line(), not_found, "{id}");
    }
    let by_broker = brokerage
        .call(&brokerage.ben(), "PUT /authorizations/1/revoke", "")
        .await;
    assert_eq!(reason(&by_broker), (403, "FORBIDDEN".to_owned()));
    for path in [
        "/authorizations?active=yes",
        "/authorizations?active=",
        "/authorizations?active=true&active=true",
    ] {
        assert_eq!(
            reason(&brokerage.get(&brokerage.ada(), path).await),
            (400, "INVALID_INPUT".to_owned()),
            "{path}"
        );
    }
    assert_eq!(brokerage.money(&brokerage.ada()).await, "60 40 0", "Ben has it still");
}

#[tokio::test]
async fn an_authorization_in_another_currency_is_not_found() {
    let brokerage = BrokerageApp::new().await;
    let (ada, ben) = (brokerage.ada(), brokerage.ben());
    brokerage.deposit(&ada, "100").await;
    brokerage.buy(&ada, 3).await;
    brokerage.deposit_euros().await;
    let grant = "mutation($input: GrantInput!) { grantAuthorization(input: $input) { authorization { id } } }";
    let euros = json!({ "amount": "7.00", "currency": "EUR" });
    let input = json!({ "kind": "CAPITAL", "broker": "2", "amount": euros, "endsAt": LATER });
    let granted = brokerage.graph().query(grant, json!({ "input": input })).await;
    let euros = granted.id("grantAuthorization.authorization.id");
    let shown = [brokerage.lend_money("10").await, brokerage.lend_shares(2).await];
    for caller in [&ada, &ben] {
        let by_id = brokerage.get(caller, &format!("/authorizations/{euros}")).await;
        assert_eq!(by_id.line(), refused(404, "NOT_FOUND", "authorization not found"));
        for path in ["/authorizations", "/authorizations?active=true"] {
            let listed = brokerage.done(caller, &format!("GET {path}"), "").await;
            let ids: Vec<i64> = listed
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_i64().unwrap())
                .collect();
            assert_eq!(ids, shown, "{path}");
        }
    }
}

#[tokio::test]
async fn an_increase_takes_a_higher_fee_only_up_to_max_fee_percent() {
    let brokerage = BrokerageApp::new().await;
    let (ada, ben) = (brokerage.ada(), brokerage.ben());
    brokerage.deposit(&ada, "1000").await;
    let grant = |more: &str| format!(r#"{{"type":"CAPITAL","brokerId":2,"amount":100,"endDate":"{LATER}"{more}}}"#);
    assert_eq!(
        brokerage.call(&ada, "POST /authorizations", &grant("")).await.status,
        201
    );
    let set = brokerage.call(&ben, "PUT /users/2", r#"{"brokerageFee":100}"#).await;
    assert_eq!(set.status, 200, "{}", set.text);
    for (more, status) in [
        (r#","maxFeePercent":99.99"#, 409),
        (r#","maxFeePercent":101"#, 400),
        (r#","maxFeePercent":-1"#, 400),
        (r#","maxFeePercent":"1""#, 400),
        ("", 200),
        (r#","maxFeePercent":null"#, 200),
        (r#","maxFeePercent":100"#, 200),
        (r#","maxFeePercent":1E2"#, 200),
    ] {
        let answered = brokerage.call(&ada, "POST /authorizations", &grant(more)).await;
        assert_eq!(answered.status, status, "{more}: {}", answered.text);
    }
    assert_eq!(brokerage.money(&ada).await, "500 500 0");
}

#[tokio::test]
async fn times_without_an_offset_are_in_utc() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "1000").await;
    let body = r#"{"type":"CAPITAL","brokerId":2,"amount":1,"startDate":"2031-04-11T02:06:12.073516","endDate":"2032-04-11T02:06:12"}"#;
    let granted = brokerage.call(&ada, "POST /authorizations", body).await;
    assert_eq!(granted.status, 201, "{}", granted.text);
    let shown = granted.json();
    assert_eq!(
        (&shown["startDate"], &shown["endDate"]),
        (
            &json!("2031-04-11T02:06:12.073516+00:00"),
            &json!("2032-04-11T02:06:12+00:00")
        )
    );
}
