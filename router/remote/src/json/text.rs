//! Strings.

use std::borrow::Cow;

use super::{JsonError, Parser};

/// Parses a string; the place is that of its opening quote. Only one with escapes is copied.
pub fn string<'a>(parser: &mut Parser<'a>) -> Result<Cow<'a, str>, JsonError> {
    parser.at += 1;
    let plain = plain_text(parser);
    if parser.peek() == Some(b'"') {
        parser.at += 1;
        return Ok(Cow::Borrowed(plain));
    }
    let mut unescaped = plain.to_owned();
    loop {
        match parser.peek() {
            Some(b'"') => {
                parser.at += 1;
                return Ok(Cow::Owned(unescaped));
            }
            Some(b'\\') => {
                parser.at += 1;
                unescaped.push(escape(parser)?);
            }
            Some(_) => return Err(parser.error("a string has a control character")),
            None => return Err(parser.error("the text ends within a string")),
        }
        unescaped.push_str(plain_text(parser));
    }
}

/// Takes the text up to the next quote, backslash or control character.
fn plain_text<'a>(parser: &mut Parser<'a>) -> &'a str {
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let rest = parser.rest();
    let start = parser.at;
    parser.at += rest.iter().position(is_special).unwrap_or(rest.len());
    parser.slice(start, parser.at)
}

/// Parses an escape; the place is behind its backslash.
fn escape(parser: &mut Parser<'_>) -> Result<char, JsonError> {
    let escaped = match parser.peek() {
        Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(parser),
        _ => return Err(parser.error("a string has an invalid escape")),
    };
    parser.at += 1;
    Ok(escaped)
}

/// Parses `uXXXX`, or two of them that are a surrogate pair.
fn unicode_escape(parser: &mut Parser<'_>) -> Result<char, JsonError> {
    let first = code_unit(parser)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).ok_or_else(|| parser.error("a string has a lone surrogate"));
    }
    if !parser.rest().starts_with(b"\\u") {
        return Err(parser.error("a string has a lone surrogate"));
    }
    parser.at += 1;
    let second = code_unit(parser)?;
    if !(0xDC00..0xE000).contains(&second) {
        return Err(parser.error("a string has a lone surrogate"));
    }
    let character = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    char::from_u32(character).ok_or_else(|| parser.error("a string has a lone surrogate"))
}

/// Parses `u` and its four hexadecimal digits.
fn code_unit(parser: &mut Parser<'_>) -> Result<u32, JsonError> {
    let digits = parser.rest().get(1..5).unwrap_or_default();
    let unit = digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((unit << 4) | digit)
    });
    match unit {
        Some(unit) if digits.len() == 4 => {
            parser.at += 5;
            Ok(unit)
        }
        _ => Err(parser.error("a string has an invalid escape")),
    }
}
