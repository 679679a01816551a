//! The operations of `operations.graphql`, and the scalars of the schema. The schema is that of this checkout; another project
//! keeps a copy of it.

use std::fmt;

use graphql_client::GraphQLQuery;
use serde::{Deserialize, Serialize};

/// Amounts are decimal text, so that no program rounds them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Money {
    pub amount: String,
    pub currency: String,
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount, self.currency)
    }
}

type DateTime = chrono::DateTime<chrono::Utc>;

macro_rules! operations {
    ($($name:ident)+) => { $(
        #[derive(GraphQLQuery)]
        #[graphql(schema_path = "../../../schema.graphql", query_path = "src/operations.graphql")]
        pub struct $name;
    )+ };
}

operations! { SignIn Renew Books Buy StockChanged }
