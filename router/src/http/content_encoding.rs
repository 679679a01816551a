//! Compressed request bodies, which the server refuses.

use axum::http::{HeaderMap, header};

/// The message that refuses a compressed body.
pub(crate) const ENCODED_BODY_MESSAGE: &str = "Content-Encoding must be identity: bodies are not decompressed";

/// Whether a body is compressed, or encoded in another way.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.any(|coding| !matches!(coding.trim_ascii().to_ascii_lowercase().as_slice(), b"" | b"identity"))
}
