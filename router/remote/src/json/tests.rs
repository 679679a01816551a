use async_graphql::Value;

use super::*;

const BOUNDS: Bounds = Bounds {
    depth_max: 127,
    values_max: 1_000,
};

fn parsed(text: &str) -> Result<Value, JsonError> {
    parse(text.as_bytes(), BOUNDS)
}

#[test]
fn the_last_of_several_members_with_one_key_counts() {
    assert_eq!(parsed(r#"{"a":1,"b":2,"a":3}"#), parsed(r#"{"a":3,"b":2}"#));
}

#[test]
fn integers_of_64_bits_are_exact() {
    for text in ["0", "-1", "18446744073709551615", "-9223372036854775808"] {
        assert_eq!(parsed(text).unwrap().to_string(), text);
    }
}

#[test]
fn nesting_is_accepted_to_the_bound() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(parsed(&nested(127)).is_ok());
    assert_eq!(parsed(&nested(128)), Err(JsonError::TooDeep(127)));
    assert_eq!(parsed(&"[".repeat(1_000_000)), Err(JsonError::TooDeep(127)));
}

#[test]
fn values_are_accepted_to_the_bound() {
    let list = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
    assert!(parsed(&list(999)).is_ok());
    assert_eq!(parsed(&list(1_000)), Err(JsonError::TooManyValues(1_000)));
}

#[test]
fn an_error_names_the_place() {
    let error = parsed(r#"{"a": [1, }"#).unwrap_err();
    assert_eq!(error.to_string(), "a value is expected at byte 10");
}
