//! Tests of the values that each type accepts.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{RawInput, without_trailing_zeros};
use crate::rest::field::model::{FieldType, QUANTITY};

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[test]
fn only_integers_are_integers() {
    let quantity = |text: &str| QUANTITY.read(RawInput::Json(&json(text)));
    assert_eq!(quantity("7"), Ok(json!(7)));
    assert_eq!(quantity("2147483647"), Ok(json!(2_147_483_647)));
    for wrong in [
        "1.0",
        "1e3",
        "\"1\"",
        "true",
        "null",
        "[1]",
        "0",
        "-1",
        "2147483648",
        "1E0",
    ] {
        assert!(quantity(wrong).is_err(), "{wrong}");
    }
    for wrong in ["", " 1", "+1", "01", "1.0", "٣"] {
        assert!(QUANTITY.read(RawInput::Text(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn an_integer_is_read_by_its_value_in_any_spelling() {
    let karma = FieldType::Integer {
        min: -1_000,
        max: 1_000,
    };
    let id = FieldType::Id { min: 1 };
    for (sent, value) in [
        ("5", Some(5)),
        ("5.0", Some(5)),
        ("5e0", Some(5)),
        ("0.5E+1", Some(5)),
        ("50e-1", Some(5)),
        ("1E+2", Some(100)),
        ("-0", Some(0)),
        ("-0.0e5", Some(0)),
        ("0e999999999999999999999", Some(0)),
        ("-1.5e1", Some(-15)),
        ("1.5", None),
        ("1e-1", None),
        ("1e-99999999999999999999", None),
        ("1e3", Some(1_000)),
        ("1e4", None),
        ("1e999999999", None),
        ("-1e999999999999999999999", None),
        ("\"5\"", None),
        ("true", None),
        ("[5]", None),
    ] {
        let read = karma.read(RawInput::Json(&json(sent)));
        assert_eq!(read.ok(), value.map(Value::from), "{sent}");
        let text = value
            .filter(|value| *value > 0)
            .map(|value| Value::from(value.to_string()));
        let beyond = sent == "1e4";
        assert_eq!(
            id.read(RawInput::Json(&json(sent))).ok().filter(|_| !beyond),
            text,
            "{sent}"
        );
        // Quantities and values in a path must be canonical.
        let canonical = sent.bytes().all(|byte| byte.is_ascii_digit());
        assert_eq!(QUANTITY.read(RawInput::Json(&json(sent))).is_ok(), canonical, "{sent}");
        assert_eq!(id.read(RawInput::Text(sent)).is_ok(), canonical, "{sent}");
    }
    let why = |field_type: FieldType, text: &str| field_type.read(RawInput::Json(&json(text))).unwrap_err();
    assert_eq!(why(karma, "1e999999999").why, "must be from -1000 to 1000");
    assert!(why(id, "1e999999999").is_beyond_ids, "it is a number that nothing has");
    assert_eq!(
        why(FieldType::Number, "1e999").why,
        "must be a number of double precision"
    );
    assert_eq!(
        id.read(RawInput::Json(&json("9.223372036854775807E+18"))),
        Ok(json!("9223372036854775807"))
    );
}

#[test]
fn an_integer_beyond_the_id_range_differs_from_nonsense() {
    let id = FieldType::Id { min: 1 };
    assert_eq!(
        id.read(RawInput::Text("9223372036854775807")),
        Ok(json!("9223372036854775807"))
    );
    assert!(
        id.read(RawInput::Text("9223372036854775808"))
            .unwrap_err()
            .is_beyond_ids
    );
    for nonsense in ["abc", "0", "-1", "-9223372036854775809", "1.5", "007", ""] {
        assert!(
            !id.read(RawInput::Text(nonsense)).unwrap_err().is_beyond_ids,
            "{nonsense}"
        );
    }
}

#[test]
fn money_keeps_every_cent_that_was_written() {
    let money = |text: &str| FieldType::Money { min_minor: 0 }.read(RawInput::Json(&json(text)));
    let usd = |amount: &str| Ok(json!({ "amount": amount, "currency": "USD" }));
    assert_eq!(money("15.99"), usd("15.99"));
    assert_eq!(money("40"), usd("40.00"));
    assert_eq!(money("999999999999.99"), usd("999999999999.99"));
    assert_eq!(money("1.0E7"), usd("10000000.00"));
    assert_eq!(money("1599e-2"), usd("15.99"));
    assert_eq!(money("15.990"), usd("15.99"));
    for wrong in [
        "15.999",
        "1e-3",
        "1e13",
        "\"15.99\"",
        "-0.01",
        "true",
        "null",
        "1000000000000.01",
    ] {
        assert!(money(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_enum_word_ignores_case_only_where_declared() {
    const SIDES: &[(&str, &str)] = &[("buy", "BUY"), ("sell", "SELL")];
    let read = |field_type: FieldType, text: &str| field_type.read(RawInput::Text(text)).ok();
    for (sent, exactly, in_any_case) in [
        ("buy", Some(json!("BUY")), Some(json!("BUY"))),
        ("Buy", None, Some(json!("BUY"))),
        ("SELL", None, Some(json!("SELL"))),
        (" buy", None, None),
        ("buy ", None, None),
        ("hold", None, None),
        ("", None, None),
    ] {
        assert_eq!(read(FieldType::Enum(SIDES), sent), exactly, "{sent:?}");
        assert_eq!(read(FieldType::EnumIgnoringCase(SIDES), sent), in_any_case, "{sent:?}");
    }
}

#[test]
fn a_date_is_written_in_one_way_only() {
    let read = |text: &str| FieldType::Date.read(RawInput::Json(&json(text)));
    for day in ["\"2026-01-31\"", "\"2024-02-29\"", "\"0001-01-01\"", "\"9999-12-31\""] {
        assert_eq!(
            read(day),
            serde_json::from_str(day).map_err(|_| unreachable!()),
            "{day}"
        );
    }
    for wrong in [
        "\"2026-1-31\"",
        "\"+2026-1-31\"",
        "\"2026-02-29\"",
        "\"2026-01-31T00:00:00Z\"",
        "\" 2026-01-31\"",
        "\"31.01.2026\"",
        "\"\"",
        "20260131",
        "null",
        "[]",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_list_in_a_query_is_separated_by_commas() {
    let read = |text: &str| {
        FieldType::List(&FieldType::Id { min: i64::MIN })
            .read(RawInput::Text(text))
            .ok()
    };
    assert_eq!(read("3,1,3"), Some(json!(["3", "1", "3"])));
    assert_eq!(read("-7"), Some(json!(["-7"])));
    for wrong in [
        "",
        ",",
        "1,",
        ",1",
        "1,,2",
        "1, 2",
        "1;2",
        "[1]",
        "1,x",
        "1,9223372036854775808",
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn a_date_time_is_rfc_3339_or_a_day() {
    let (from, until) = (FieldType::DateTime, FieldType::EndOfValidity);
    let read = |field_type: FieldType, text: &str| field_type.read(RawInput::Text(text)).ok();
    for (sent, starts, ends) in [
        ("2026-12-31", "2026-12-31T00:00:00Z", "2026-12-31T23:59:59.999999Z"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02t03:04:05z", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:00Z"),
        (
            "2026-01-02T03:04:05.5+02:00",
            "2026-01-02T01:04:05.500Z",
            "2026-01-02T01:04:05.500Z",
        ),
    ] {
        assert_eq!(read(from, sent), Some(json!(starts)), "{sent}");
        assert_eq!(read(until, sent), Some(json!(ends)), "{sent}");
    }
    for wrong in [
        "",
        "tomorrow",
        "2026-02-30",
        "2026-1-2",
        "+2026-1-2",
        " 2026-01-02",
        "2026-01-02T03:04:05Z ",
        "2026-01-02 03:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:60Z",
        "2024-02-30T03:04:05Z",
        "0000-12-31",
        "2026-01-02T03:04:05",
        "20260102",
        "1767323045",
    ] {
        assert_eq!(read(from, wrong), None, "{wrong}");
    }
    assert!(from.read(RawInput::Json(&json("1767323045"))).is_err());
}

#[test]
fn a_time_without_an_offset_is_utc_only_where_declared() {
    let read = |text: &str| {
        FieldType::UtcByDefault(&FieldType::EndOfValidity)
            .read(RawInput::Text(text))
            .ok()
    };
    for (sent, moment) in [
        ("2022-04-11T02:06:12.073516", "2022-04-11T02:06:12.073516Z"),
        ("2022-04-11T02:06:12", "2022-04-11T02:06:12Z"),
        ("2022-04-11T02:06:12Z", "2022-04-11T02:06:12Z"),
        ("2022-04-11T02:06:12+02:00", "2022-04-11T00:06:12Z"),
        ("2022-04-11", "2022-04-11T23:59:59.999999Z"),
    ] {
        assert_eq!(read(sent), Some(json!(moment)), "{sent}");
    }
    for wrong in [
        "",
        "tomorrow",
        "2022-04-11Z",
        "2022-04-31T02:06:12",
        "2022-04-11T02:06",
        "T",
        "2022-04-11T25:06:12",
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn decimals_lose_only_zeros() {
    for (long, short) in [
        ("40.00", "40"),
        ("15.50", "15.5"),
        ("0.05", "0.05"),
        ("100", "100"),
        ("-0.10", "-0.1"),
    ] {
        assert_eq!(without_trailing_zeros(long), short);
    }
}
