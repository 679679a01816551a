//! From an answer of HTTP to a GraphQL response.

use std::io::Read;

use bytes::Bytes;
use engine::subgraph::TapeResponse;
use flate2::read::GzDecoder;
use foundation::truncate_chars;

use super::http_client::HttpAnswer;
use super::response::ResponseReader;
use super::subgraph_error::SubgraphError;

/// The characters of a media type that an error message repeats.
const MEDIA_TYPE_CHARS_MAX: usize = 100;

/// Reads the GraphQL response of an answer. With a status of an error, a GraphQL response in the body still counts.
///
/// # Errors
/// When the answer has no GraphQL response.
pub fn read_answer(answer: &HttpAnswer, reader: &ResponseReader) -> Result<TapeResponse, SubgraphError> {
    let is_success = answer.status.is_success();
    let status = SubgraphError::Status(answer.status.as_u16());
    let body = decoded(answer, reader)?;
    if body.is_empty() {
        return Err(if is_success { SubgraphError::EmptyBody } else { status });
    }
    if let Some(media_type) = answer.media_type.as_deref().map(essence)
        && !is_json(media_type)
    {
        let mut shown = media_type.to_owned();
        truncate_chars(&mut shown, MEDIA_TYPE_CHARS_MAX);
        return Err(if is_success {
            SubgraphError::MediaType(shown)
        } else {
            status
        });
    }
    reader.parse(&body).map_err(|error| match error {
        SubgraphError::InvalidResponse(_) if !is_success => status,
        error => error,
    })
}

/// Returns the body without its content encoding.
fn decoded(answer: &HttpAnswer, reader: &ResponseReader) -> Result<Bytes, SubgraphError> {
    match answer.encoding.as_deref() {
        None | Some("identity") => Ok(answer.body.clone()),
        Some("gzip" | "x-gzip") if reader.accepts_gzip => decompress(&answer.body, reader.bytes_max),
        Some(_) => Err(SubgraphError::ContentEncoding),
    }
}

/// Decompresses a body up to a bound.
fn decompress(body: &[u8], bytes_max: usize) -> Result<Bytes, SubgraphError> {
    let mut decoded = Vec::new();
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = GzDecoder::new(body).take(bound).read_to_end(&mut decoded);
    match read {
        Ok(bytes) if bytes > bytes_max => Err(SubgraphError::TooLarge(bytes_max)),
        Ok(_) => Ok(decoded.into()),
        Err(_) => Err(SubgraphError::InvalidGzip),
    }
}

/// Whether a media type is one of JSON: `application/json`, or any type that ends in `+json`.
fn is_json(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json" || media_type.ends_with("+json")
}

/// Returns a media type without its parameters.
pub fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}
