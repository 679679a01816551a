//! Reads and writes the values of the API: money in cents, and the numbers in ids.

use serde_json::{Value, json};

/// Returns the input of `Money`: US dollars.
pub fn money(cents: i64) -> Value {
    json!({ "amount": format!("{}.{:02}", cents / 100, cents % 100) })
}

/// Returns the cents of a `Money`.
pub fn cents(money: &Value) -> Option<i64> {
    if money.get("currency")?.as_str()? != "USD" {
        return None;
    }
    decimal_cents(money.get("amount")?.as_str()?)
}

fn decimal_cents(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "00"));
    let (sign, whole) = whole.strip_prefix('-').map_or((1, whole), |whole| (-1, whole));
    if part.len() != 2
        || ![whole, part]
            .iter()
            .all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    Some(sign * (whole.parse::<i64>().ok()? * 100 + part.parse::<i64>().ok()?))
}

/// Returns the amount of a REST body, such as `15.5`.
pub fn rest_money(cents: i64) -> Value {
    // Exact to the cent: a double has 15 digits.
    json!(cents as f64 / 100.0)
}

/// Returns the cents of an amount in a REST body; `None` where it has parts of a cent.
pub fn rest_cents(amount: &Value) -> Option<i64> {
    let scaled = amount.as_f64()? * 100.0;
    let rounded = scaled.round();
    ((scaled - rounded).abs() < 0.001).then_some(rounded as i64)
}

/// Returns the number in an id such as `book_7`.
pub fn id_number(id: &Value) -> Option<i64> {
    id.as_str()?.rsplit_once('_')?.1.parse().ok()
}

/// Returns the number at the end of a path such as `/shop/api/order/4`.
pub fn path_number(path: &str) -> Option<i64> {
    path.rsplit_once('/')?.1.parse().ok()
}

/// Percent-encodes a segment of a path.
pub fn path_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Returns the broker's fee of a trade, half up to the cent.
pub fn fee(total_cents: i64, basis_points: i64) -> i64 {
    (total_cents * basis_points + 5_000) / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_to_the_cent_or_not_at_all() {
        for (text, expected) in [
            ("15.99", Some(1_599)),
            ("-0.50", Some(-50)),
            ("7", Some(700)),
            ("1.5", None),
            ("x", None),
        ] {
            assert_eq!(cents(&json!({ "amount": text, "currency": "USD" })), expected, "{text}");
        }
        assert_eq!(cents(&json!({ "amount": "1.00", "currency": "EUR" })), None);
        assert_eq!(rest_cents(&json!(15.5)), Some(1_550));
        assert_eq!(rest_cents(&json!(0.005)), None);
        assert_eq!(rest_cents(&rest_money(123_456_789)), Some(123_456_789));
    }

    #[test]
    fn a_fee_is_rounded_half_up() {
        assert_eq!([fee(49, 100), fee(50, 100), fee(149, 100)], [0, 1, 1]);
    }
}
