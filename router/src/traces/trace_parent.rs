//! `traceparent` and `tracestate` of a request (W3C Trace Context, level 1).

use std::str::FromStr;

use axum::http::HeaderMap;
use spans::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// The longest `tracestate` that is passed on; vendors have to keep theirs below it.
const STATE_CHARS_MAX: usize = 512;

/// Returns the span of the client; `None` without a valid header, because a malformed one counts as none.
pub fn parent_of(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(PARENT).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let (trace, span, flags) = parse(value.to_str().ok()?)?;
    Some(SpanContext::new(trace, span, flags, true, state_of(headers)))
}

/// Reads the text of `traceparent`.
fn parse(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = [version.len(), trace.len(), span.len(), flags.len()];
    if lengths != [2, 32, 16, 2] || ![version, trace, span, flags].into_iter().all(is_hex) {
        return None;
    }
    // A later version may have further parts; this one has none.
    if version == "ff" || version == "00" && parts.next().is_some() {
        return None;
    }
    let trace = TraceId::from(u128::from_str_radix(trace, 16).ok()?);
    let span = SpanId::from(u64::from_str_radix(span, 16).ok()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    (trace != TraceId::INVALID && span != SpanId::INVALID).then_some((trace, span, flags))
}

fn state_of(headers: &HeaderMap) -> TraceState {
    let values: Option<Vec<_>> = headers.get_all(STATE).iter().map(|value| value.to_str().ok()).collect();
    let text = values.unwrap_or_default().join(",");
    if text.is_empty() || text.len() > STATE_CHARS_MAX {
        return TraceState::NONE;
    }
    TraceState::from_str(&text).unwrap_or(TraceState::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn a_valid_parent_is_read_with_its_flag_and_state() {
        for (flags, is_sampled) in [("01", true), ("00", false), ("03", true), ("fe", false)] {
            let parent = format!("00-{TRACE}-{SPAN}-{flags}");
            let found = parent_of(&headers(&[("traceparent", &parent), ("tracestate", "a=1,b=2")])).expect("a parent");
            assert_eq!(
                spans::parent_header(&found),
                format!("00-{TRACE}-{SPAN}-{}", if is_sampled { "01" } else { "00" })
            );
            assert_eq!(found.trace_state().header(), "a=1,b=2");
            assert!(found.is_remote());
        }
        let later = format!("01-{TRACE}-{SPAN}-01-more");
        assert!(parent_of(&headers(&[("traceparent", &later)])).is_some());
    }

    #[test]
    fn a_malformed_parent_counts_as_none() {
        let valid = format!("00-{TRACE}-{SPAN}-01");
        let malformed = [
            String::new(),
            "00".to_owned(),
            valid.to_uppercase(),
            valid.replacen("00-", "ff-", 1),
            valid.replacen("00-", "0-", 1),
            format!("{valid}-more"),
            format!("{valid}0"),
            valid.replace(TRACE, &"0".repeat(32)),
            valid.replace(SPAN, &"0".repeat(16)),
            valid.replace(SPAN, "00f067aa0ba902bg"),
            valid.replace('-', "_"),
            "x".repeat(10_000),
        ];
        for text in malformed {
            assert!(parent_of(&headers(&[("traceparent", &text)])).is_none(), "{text}");
        }
        let twice = [("traceparent", &*valid), ("traceparent", &*valid)];
        assert!(parent_of(&headers(&twice)).is_none());
        assert!(parent_of(&HeaderMap::new()).is_none());
    }

    #[test]
    fn a_malformed_state_is_dropped_and_the_parent_stays() {
        let valid = format!("00-{TRACE}-{SPAN}-01");
        for state in ["a", &"a=1,".repeat(200)] {
            let found = parent_of(&headers(&[("traceparent", &valid), ("tracestate", state)])).expect("a parent");
            assert_eq!(found.trace_state().header(), "", "{state}");
        }
    }
}
