//! Values that a schema does not allow.

use serde_json::Value;

/// Returns wrong values for a body field, as JSON.
pub fn of_member(schema: &Value) -> Vec<String> {
    let alternatives = alternatives(schema);
    let is_nullable = |one: &Value| one["type"] == "null" || one["type"][1] == "null";
    let nullable = alternatives.iter().any(is_nullable);
    let mut values: Vec<String> = if nullable { Vec::new() } else { vec!["null".to_owned()] };
    let schema = alternatives.iter().find(|one| one["type"] != "null").expect("a schema");
    let object = schema["type"] == "object" || schema["$ref"].is_string();
    // A type that may be null too is a list of both.
    let type_name = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    let fixed: &[&str] = match type_name {
        _ if object => &["true", "5", "\"nonsense\"", "[]", "[{}]", "\"\\u0000\""],
        Some("boolean") => &["\"true\"", "1", "0", "{}", "[true]", "\"\""],
        Some("integer") => &[
            "true",
            "{}",
            "[]",
            "[1]",
            "\"\"",
            "\"1\"",
            "1.5",
            "\"NaN\"",
            "\"\\u0000\"",
            "99999999999999999999",
            "-99999999999999999999",
            "1e999999999",
            "-1E+999999999",
            "1e-999999999",
        ],
        Some("number") => &[
            "true",
            "{}",
            "[]",
            "[1]",
            "\"\"",
            "\"1\"",
            "\"NaN\"",
            "99999999999999999999",
            "-99999999999999999999",
            "1e999999999",
            "-1E+999999999",
        ],
        Some("string") => &["true", "5", "5.0", "{}", "{\"a\":1}", "[]", "[\"a\"]"],
        other => panic!("{other:?} in {schema}"),
    };
    values.extend(fixed.iter().map(|value| (*value).to_owned()));
    let one_less = schema["minimum"].as_i64().filter(|least| *least > i64::MIN);
    values.extend(one_less.map(|least| (least - 1).to_string()));
    let one_more = schema["maximum"].as_i64().filter(|most| *most < i64::MAX);
    values.extend(one_more.map(|most| (most + 1).to_string()));
    if schema["multipleOf"].is_number() {
        values.push("5.001".to_owned());
    }
    if type_name == Some("string") {
        values.extend(texts(schema).into_iter().map(|text| Value::from(text).to_string()));
    }
    values
}

/// Returns wrong values for a parameter, percent-encoded where needed.
pub fn of_parameter(schema: &Value, place: &str) -> Vec<String> {
    let mut values = vec!["%FF".to_owned(), "%ED%A0%80".to_owned(), "a%zz".to_owned()];
    let fixed: &[&str] = match schema["type"].as_str() {
        Some("integer") => &[
            "null",
            "true",
            "%7B%7D",
            "%5B1%5D",
            "%20",
            "%00",
            "1.5",
            "1e1",
            "5.0",
            "NaN",
            "nonsense",
            "01",
            "%2B1",
            "%D9%A1",
            "99999999999999999999",
            "-99999999999999999999",
        ],
        Some("boolean") => &["null", "1", "TRUE", "%20", "%00", "nonsense"],
        Some("array") => &["null", "1,,2", "1,x", "1.5", "%5B1%5D", "%00", "99999999999999999999"],
        // Of texts, only blank ones and control characters are wrong.
        Some("string") if schema["minLength"].is_number() => &["%20", "%00", "%E2%80%8B"],
        Some("string") if schema["enum"].is_array() || schema["pattern"].is_string() => {
            &["null", "5", "%20", "%00", "nonsense"]
        }
        _ => &[],
    };
    values.extend(fixed.iter().map(|value| (*value).to_owned()));
    // An empty path parameter makes another path.
    if place == "query" && !fixed.is_empty() {
        values.push(String::new());
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        values.push(vec!["1"; usize::try_from(most).expect("a size") + 1].join(","));
    }
    values.retain(|value| !(schema["pattern"].is_string() && value == "5"));
    values
}

fn alternatives(schema: &Value) -> Vec<Value> {
    match schema["anyOf"].as_array() {
        Some(any) => any.clone(),
        None => vec![schema.clone()],
    }
}

fn texts(schema: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    // The pattern of a moment has the digits of its parts.
    let is_moment = schema["pattern"]
        .as_str()
        .is_some_and(|pattern| pattern.contains("[0-9]{4}-"));
    let is_chosen = schema["enum"].is_array() || schema["format"].is_string() || is_moment;
    if is_chosen {
        for text in [
            "",
            " ",
            "nonsense",
            "NaN",
            "2026-02-30",
            "2026-01-31T25:00:00Z",
            "a\u{0}b",
        ] {
            texts.push(text.to_owned());
        }
    }
    if schema["minLength"].as_u64().is_some_and(|least| least > 0) {
        texts.push(String::new());
        texts.push(" ".to_owned());
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        texts.push("x".repeat(usize::try_from(most).expect("a length") + 1));
    }
    let control = schema["pattern"]
        .as_str()
        .is_some_and(|pattern| pattern.contains("u0000"));
    if control && !is_chosen {
        texts.push("a\u{0}b".to_owned());
        texts.push("a\u{1b}b".to_owned());
    }
    texts
}
