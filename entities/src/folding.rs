//! Text that is compared and searched without regard to case.

use sea_orm::sea_query::LikeExpr;

/// `text` as it is compared: without regard to case in any script (`ß` is `SS`, every sigma is one).
pub fn folded(text: &str) -> String {
    // Up first: what differs only in lower case (σ and ς, s and ſ) becomes one there.
    text.trim()
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// The pattern of what contains `text`, once both are [`folded`].
pub(crate) fn containing(text: &str) -> LikeExpr {
    // `%` and `_` are what they are, not wildcards.
    let plain = folded(text)
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    LikeExpr::new(format!("%{plain}%")).escape('\\')
}
