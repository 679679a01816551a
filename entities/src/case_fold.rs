//! Text that is compared and searched without regard to case and to how its characters are encoded.

use icu_casemap::CaseMapper;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use sea_orm::sea_query::LikeExpr;
use unicode_normalization::UnicodeNormalization;

/// Returns `text` as it is compared: trimmed, and in the form that Unicode calls NFKC_Casefold.
///
/// Two spellings have one form when they differ in case in any script (`ß` is `ss`, every sigma is one), in how a
/// character is composed, in full-width or other compatibility forms, or in code points that are not displayed.
/// Source: The Unicode Standard, section 3.13, definitions D146 and R5.
pub fn folded(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Folding can make a character that normalizes again, and the other way round: the second round reaches the fixed point.
    let once = fold_and_normalize(text);
    let twice = fold_and_normalize(&once);
    twice.trim().to_owned()
}

fn fold_and_normalize(text: &str) -> String {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let displayed: String = text.nfkc().filter(|c| !ignorable.contains(*c)).collect();
    CaseMapper::new().fold_string(&displayed).nfkc().collect()
}

/// Whether a code point of `text` is not displayed: two texts that look the same can differ in it.
pub fn has_invisible(text: &str) -> bool {
    text.chars().any(is_invisible)
}

/// Whether a reader sees nothing of `text`: only white space and code points that are not displayed.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// Unicode's `Default_Ignorable_Code_Point`, and what no property says: the separators of lines and paragraphs, which end
/// what a name is written on, the marks of annotations, and the pattern of Braille without a dot.
fn is_invisible(c: char) -> bool {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    ignorable.contains(c) || matches!(c, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}')
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
