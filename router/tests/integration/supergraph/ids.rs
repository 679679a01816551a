//! Ids in the whole graph.

use std::collections::BTreeSet;

use agora::supergraph::public_sdl;
use apollo_compiler::Schema;
use apollo_compiler::ast::InputValueDefinition;
use apollo_compiler::schema::ExtendedType;
use contract::Viewer;
use futures_util::StreamExt;
use serde_json::json;
use testing::admin;

use crate::domains::Agora;

/// All arguments of queries that take ids of one type, each with a field that has it.
const QUERIES: &[(&str, &str)] = &[
    ("authorization(id: $id) { id }", "id"),
    ("user(id: $id) { id }", "id"),
    ("book(id: $id) { id }", "id"),
    ("bookPurchase(id: $id) { id }", "id"),
    ("brokerageOrder(id: $id) { id }", "id"),
    ("holding(id: $id) { id }", "id"),
    ("stock(id: $id) { id }", "id"),
    ("message(id: $id) { id }", "id"),
    ("post(id: $id) { id }", "id"),
    ("product(id: $id) { id }", "id"),
    ("shopOrder(id: $id) { id }", "id"),
    ("postVotes(postId: $id) { id }", "postId"),
    ("postsByScore(ids: [1, $id]) { id }", "ids"),
    ("transaction(id: $id) { id }", "id"),
];

/// As [`QUERIES`].
const MUTATIONS: &[(&str, &str)] = &[
    ("deactivateAccount(userId: $id) { id }", "userId"),
    ("eraseAccount(userId: $id)", "userId"),
    ("incrementKarma(userId: $id) { id }", "userId"),
    ("decrementKarma(userId: $id) { id }", "userId"),
    ("setPassword(userId: $id, new: \"a password\")", "userId"),
    ("updateEmail(userId: $id, email: \"a@example.com\") { id }", "userId"),
    ("updateProfile(userId: $id, input: { name: \"A\" }) { id }", "userId"),
    ("updateUser(id: $id, input: { name: \"A\" }) { id }", "id"),
    ("setBalance(userId: $id, balance: { amount: \"1\" }) { id }", "userId"),
    (
        "grantAuthorization(input: { kind: CAPITAL, broker: $id, amount: { amount: \"1\" }, endsAt: \"2999-01-01T00:00:00Z\" }) { created }",
        "input.broker",
    ),
    (
        "grantAuthorization(input: { kind: STOCK_HOLDING, broker: 1, holding: $id, shares: 1, endsAt: \"2999-01-01T00:00:00Z\" }) { created }",
        "input.holding",
    ),
    ("revokeAuthorization(id: $id) { id }", "id"),
    ("purchaseBook(id: $id) { id }", "id"),
    ("updateBook(id: $id, input: { title: \"A\" }) { id }", "id"),
    ("deleteBook(id: $id)", "id"),
    (
        "placeOrder(input: { side: BUY, stock: $id, quantity: 1 }) { id }",
        "input.stock",
    ),
    (
        "placeOrder(input: { side: BUY, stock: 1, quantity: 1, authorization: $id }) { id }",
        "input.authorization",
    ),
    ("cancelOrder(id: $id) { id }", "id"),
    ("commitShares(holdingId: $id, committed: 1) { id }", "holdingId"),
    (
        "trade(stock: \"FishCo\", side: BUY, quantity: 1, trader: $id) { id }",
        "trader",
    ),
    ("proposeLeader(replicaId: $id) { id }", "replicaId"),
    ("deleteMessage(id: $id)", "id"),
    ("favoriteMessage(id: $id) { id }", "id"),
    ("markRead(ids: [1, $id])", "ids"),
    ("deletePost(id: $id)", "id"),
    ("updateProduct(id: $id, input: { name: \"A\" }) { id }", "id"),
    (
        "placeShopOrder(input: { product: $id, quantity: 1, date: \"2026-01-01\" }) { id }",
        "input.product",
    ),
    (
        "placeShopOrder(input: { product: 1, user: $id, quantity: 1, date: \"2026-01-01\" }) { id }",
        "input.user",
    ),
    ("updateShopOrder(id: $id, input: { quantity: 1 }) { id }", "id"),
    (
        "updateShopOrder(id: 1, input: { product: $id }) { id }",
        "input.product",
    ),
    (
        "updateShopOrder(id: 1, input: { quantity: 1, user: $id }) { id }",
        "input.user",
    ),
    ("deleteShopOrder(id: $id)", "id"),
    ("upvote(postId: $id) { id }", "postId"),
    ("downvote(postId: $id) { id }", "postId"),
    ("clearVote(postId: $id) { id }", "postId"),
];

/// As [`QUERIES`].
const SUBSCRIPTIONS: &[(&str, &str)] = &[
    ("bookChanged(ids: [1, $id]) { id }", "ids"),
    ("productChanged(ids: [1, $id]) { id }", "ids"),
    ("voteChanged(postId: $id) { id }", "postId"),
];

#[tokio::test]
async fn an_id_of_another_type_is_refused_by_every_argument_that_takes_one() {
    let agora = Agora::new().await;
    for (kind, fields) in [
        ("query", QUERIES),
        ("mutation", MUTATIONS),
        ("subscription", SUBSCRIPTIONS),
    ] {
        for (field, argument) in fields {
            let document = format!("{kind} ($id: ID!) {{ {field} }}");
            // No argument takes the id of a hold.
            let variables = json!({ "id": "hold_1" });
            // Administrators may do most of these, and programs the others.
            let for_programs = field.starts_with("setBalance") || field.starts_with("updateUser");
            let viewer = if for_programs {
                Viewer::service("tests")
            } else {
                admin()
            };
            let client = agora.client(viewer);
            let answer = match kind {
                "subscription" => client.subscribe(&document, variables).await.next().await.unwrap(),
                _ => client.query(&document, variables).await,
            };
            let refused = (answer.code(), answer.field());
            assert_eq!(refused, ("INVALID_INPUT", *argument), "{document}: {answer}");
            assert!(
                answer.message().contains("must be an id of the type "),
                "{document}: {answer}"
            );
        }
    }
}

#[test]
fn the_list_of_arguments_that_take_ids_is_complete() {
    let schema = public_sdl(agora::domains::SUPERGRAPH_SDL).unwrap();
    let schema = Schema::parse_and_validate(&schema, "schema.graphql").unwrap();
    let is_id = |argument: &&InputValueDefinition| argument.ty.inner_named_type() == "ID";
    let mut known = BTreeSet::new();
    for root in ["Query", "Mutation", "Subscription"] {
        for field in schema.get_object(root).unwrap().fields.values() {
            // An id of any type is right there.
            if ["node", "nodes"].contains(&field.name.as_str()) {
                continue;
            }
            for argument in &field.arguments {
                if is_id(&&**argument) {
                    known.insert((field.name.to_string(), argument.name.to_string()));
                }
                let Some(ExtendedType::InputObject(input)) = schema.types.get(argument.ty.inner_named_type()) else {
                    continue;
                };
                let members = input.fields.values().filter(|member| is_id(&&****member));
                known.extend(
                    members.map(|member| (field.name.to_string(), format!("{}.{}", argument.name, member.name))),
                );
            }
        }
    }
    let listed = [QUERIES, MUTATIONS, SUBSCRIPTIONS].into_iter().flatten();
    let name = |field: &str| field.split('(').next().unwrap_or(field).to_owned();
    let listed = listed.map(|(field, argument)| (name(field), (*argument).to_owned()));
    assert_eq!(listed.collect::<BTreeSet<_>>(), known);
}
