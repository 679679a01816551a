//! Ids: `i64` in the database, `ID` in GraphQL.

use async_graphql::ID;

/// The row id an `ID` stands for, or `None`: what is no 64-bit integer cannot be anybody's id.
///
/// Callers answer `None` as "not found". Only the canonical spelling counts, so that a cache or a
/// join key never sees two spellings of one id.
pub fn parse_id(id: &ID) -> Option<i64> {
    let number: i64 = id.parse().ok()?;
    (number.to_string() == id.as_str()).then_some(number)
}
