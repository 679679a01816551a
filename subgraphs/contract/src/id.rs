//! Ids: `i64` in the database, `ID` in GraphQL.

use async_graphql::ID;

/// Returns the row id that an `ID` stands for; `None` if it is not a 64-bit integer and so cannot be an id.
///
/// Callers treat `None` as "not found". Only the canonical spelling counts, so that a cache or a join key never
/// sees two spellings of one id.
pub fn parse_id(id: &ID) -> Option<i64> {
    let number: i64 = id.parse().ok()?;
    (number.to_string() == id.as_str()).then_some(number)
}
