//! Text that is compared and searched without regard to case and to how its characters are encoded.

use icu_casemap::CaseMapper;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use sea_orm::sea_query::LikeExpr;
use unicode_normalization::UnicodeNormalization;

/// Returns the comparison key of `text`: trimmed, and in the form that Unicode calls NFKC_Casefold.
///
/// Two spellings have one form when they differ in case in any script (`ß` is `ss`, every sigma is one), in how a
/// character is composed, in full-width or other compatibility forms, or in code points that are not displayed.
/// Source: The Unicode Standard, section 3.13, definitions D146 and R5.
pub fn case_fold(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Folding can produce a character that normalizes again, and normalizing one that folds again: the second round
    // reaches the fixed point.
    let once = fold_and_normalize(text);
    let twice = fold_and_normalize(&once);
    twice.trim().to_owned()
}

fn fold_and_normalize(text: &str) -> String {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let displayed: String = text.nfkc().filter(|c| !ignorable.contains(*c)).collect();
    CaseMapper::new().fold_string(&displayed).nfkc().collect()
}

/// Whether `text` has a code point that is not displayed: two texts that look the same can differ in it.
pub fn has_invisible(text: &str) -> bool {
    text.chars().any(is_invisible)
}

/// Whether `text` has a code point that is not displayed and that no way of writing needs: names of persons may have the
/// joiners of Persian and of emoji, and the selectors of their variants.
pub fn has_invisible_beyond_joiners(text: &str) -> bool {
    let is_joiner =
        |c: char| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    text.chars().any(|c| is_invisible(c) && !is_joiner(c))
}

/// Whether `text` displays as empty: it has only white space and code points that are not displayed.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// Unicode's `Default_Ignorable_Code_Point`, and code points that no property covers: the line and paragraph
/// separators, which end the line of a name, the annotation marks, and the Braille pattern without a dot.
fn is_invisible(c: char) -> bool {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    ignorable.contains(c) || matches!(c, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}')
}

/// Returns the `LIKE` pattern of texts that contain `text`, after [`case_fold`] of both.
pub(crate) fn contains_pattern(text: &str) -> LikeExpr {
    // `%` and `_` stand for themselves, not for wildcards.
    let plain = case_fold(text)
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    LikeExpr::new(format!("%{plain}%")).escape('\\')
}
