//! The sums over all people at the end: what was listed is what is left and what acknowledged requests took.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::caller::{Abandoned, Caller, NEVER};
use crate::report::Check;
use crate::scenario::VoteBounds;
use crate::values::{cents, id_number};
use crate::world::{Item, Operator, World, done};

const STEP: &str = "compare the sums";
/// The posts that one query reads.
const POSTS_PER_QUERY: usize = 50;

/// Compares the sums, and returns a line for each.
pub(crate) async fn check(caller: &mut Caller, operator: &Operator, world: &World) -> Vec<Check> {
    let mut checks = Vec::new();
    let unknown = caller.recorder().unknown_outcomes();
    for (name, result) in [
        (
            "shares of the stocks",
            left(caller, &world.stocks, "stock", "quantity").await,
        ),
        (
            "copies of the books",
            left(caller, &world.books, "book", "quantity").await,
        ),
        (
            "units of the products",
            left(caller, &world.products, "product", "available").await,
        ),
        ("fees of the brokers", fees(caller, operator, world).await),
        ("votes on the posts", votes(caller, world).await),
    ] {
        let differences = match result {
            Ok(differences) => differences,
            Err(Abandoned) => vec!["the server did not answer".to_owned()],
        };
        // A change whose answer never arrived may have happened: then a difference proves nothing.
        let proves = unknown == 0;
        if proves {
            for difference in &differences {
                caller.wrong(STEP, difference.clone());
            }
        }
        checks.push(Check {
            name: name.to_owned(),
            is_right: differences.is_empty(),
            proves,
            differences,
        });
    }
    checks
}

async fn left(caller: &mut Caller, items: &[Item], field: &str, quantity: &str) -> Result<Vec<String>, Abandoned> {
    let document = format!("query($id: ID!) {{ item: {field}(id: $id) {{ left: {quantity} }} }}");
    let mut differences = Vec::new();
    for item in items {
        let variables = json!({ "id": format!("{field}_{}", item.id) });
        let data = done(caller.graphql(STEP, &document, variables, NEVER).await?)?;
        let left = data["item"]["left"].as_i64();
        if left != Some(item.left()) {
            differences.push(format!("{} has {left:?} left, expected {}", item.name, item.left()));
        }
    }
    Ok(differences)
}

async fn fees(caller: &mut Caller, operator: &Operator, world: &World) -> Result<Vec<String>, Abandoned> {
    let token = Some(operator.token(caller).await?);
    let document = "query($id: ID!) { user(id: $id) { wallet { balance } } }";
    let mut differences = Vec::new();
    for broker in &world.brokers {
        let variables = json!({ "id": format!("user_{}", broker.id) });
        let data = done(
            caller
                .graphql_as(token.clone(), STEP, document, variables, NEVER)
                .await?,
        )?;
        // A broker without a trade has no wallet.
        let balance = cents(&data["user"]["wallet"]["balance"]).unwrap_or_default();
        let expected = broker.fees.load(Ordering::Relaxed);
        if balance != expected {
            differences.push(format!("broker {} has {balance} cents, expected {expected}", broker.id));
        }
    }
    Ok(differences)
}

async fn votes(caller: &mut Caller, world: &World) -> Result<Vec<String>, Abandoned> {
    let document = "query($ids: [ID!]!) { postsByScore(ids: $ids) { id upvotes downvotes score } }";
    let mut differences = Vec::new();
    for posts in world.finished_posts().chunks(POSTS_PER_QUERY) {
        let ids: Vec<String> = posts.iter().map(|(id, _)| format!("post_{id}")).collect();
        let data = done(caller.graphql(STEP, document, json!({ "ids": ids }), NEVER).await?)?;
        let rows = data["postsByScore"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (id, tally) in posts {
            let row = rows.iter().find(|row| id_number(&row["id"]) == Some(*id));
            let Some(row) = row else {
                differences.push(format!("post {id} is missing"));
                continue;
            };
            let [upvotes, downvotes, score] =
                ["upvotes", "downvotes", "score"].map(|name| row[name].as_i64().unwrap_or(-1));
            // Nothing is in flight any more, so both bounds are the same.
            let bounds = VoteBounds::before(tally);
            differences.extend(bounds.contradiction(tally, upvotes, downvotes, score));
        }
    }
    Ok(differences)
}
