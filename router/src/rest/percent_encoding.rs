//! Percent-encoding and forms (RFC 3986, the URL standard).

use std::borrow::Cow;
use std::fmt::Write;

/// The reason why a parameter cannot be read.
pub(super) const NOT_ENCODED: &str = "must be percent-encoded UTF-8";

/// Decodes `%20`, and `+` where that means a space. Returns `None` when the text is no UTF-8 or `%` is not followed by two
/// digits.
pub(super) fn percent_decode(text: &str, plus_is_space: bool) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || (plus_is_space && byte == b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// Encodes `text` for a path or a query.
pub(super) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => write!(encoded, "%{other:02X}").expect("a String takes everything"),
        }
    }
    encoded
}

/// Returns the pairs of a query or a form.
///
/// # Errors
/// The name of the first pair that is not well encoded, where the name can be read.
pub(super) fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, Option<String>> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let decoded = |text| percent_decode(text, true).map(Cow::into_owned);
        let name = decoded(name).ok_or(None)?;
        match decoded(value) {
            Some(value) => Ok((name, value)),
            None => Err(Some(name)),
        }
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// Replaces `{name}` by the result of `value`, percent-encoded where `encode`; a name without a value stays.
pub(super) fn fill_template(template: &str, encode: bool, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        text.push_str(before);
        match value(name) {
            Some(value) if encode => text.push_str(&percent_encode(&value)),
            Some(value) => text.push_str(&value),
            None => write!(text, "{{{name}}}").expect("a String takes everything"),
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_valid_encodings_and_refuses_broken_ones() {
        assert_eq!(percent_decode("a%20b+c", false).as_deref(), Some("a b+c"));
        assert_eq!(percent_decode("a%20b+c", true).as_deref(), Some("a b c"));
        for broken in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decode(broken, false), None, "{broken}");
        }
        assert_eq!(percent_encode("a b/é"), "a%20b%2F%C3%A9");
        assert_eq!(
            parse_pairs("a=1&b=x+y&&c"),
            Ok(vec![
                ("a".into(), "1".into()),
                ("b".into(), "x y".into()),
                ("c".into(), String::new())
            ])
        );
        assert_eq!(parse_pairs("a=1&b=%ff"), Err(Some("b".into())));
        assert_eq!(parse_pairs("a=1&%ff=b"), Err(None));
    }

    #[test]
    fn fills_a_template() {
        let value = |name: &str| (name == "id").then(|| "a b".to_owned());
        assert_eq!(fill_template("/x/{id}/{no}", true, value), "/x/a%20b/{no}");
        assert_eq!(fill_template("open {id", false, value), "open {id");
    }
}
