//! The look-up of one row.

use serde_json::json;
use testing::{NEW_YEAR_US, TestDomain, TestServices};

const TITLE: &str = "query($id: ID!) { __field__(id: $id) { title } }";

#[tokio::test]
async fn the_query_finds_a_row_for_signed_in_callers_only() {
    let domain = TestDomain::new(TestServices::new(NEW_YEAR_US).await, __domain__::schema);
    let add = async |tx: &contract::Tx| Ok(entities::__entity__::add(tx, "First".to_owned()).await?);
    let id = domain.services.db.write(add).await.unwrap();

    let answer = domain.member(1).query(TITLE, json!({ "id": id })).await;
    assert_eq!(answer, json!({ "data": { "__field__": { "title": "First" } } }));

    let answer = domain.anonymous().query(TITLE, json!({ "id": id })).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
}
