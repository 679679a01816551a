//! Answers as parts of one HTTP response: the multipart protocol for subscriptions that Apollo Client implements.
//!
//! async-graphql's own implementation leaves out `payload`. The protocol wraps every answer in it, so that errors of the
//! transport can stand beside it.

use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;

use crate::http::response_stream::{ResponseStream, StreamItem, streaming_response};

const BEGIN: &[u8] = b"--graphql";
const END: &[u8] = b"--\r\n";

/// Streams `responses`.
pub(super) fn respond(responses: ResponseStream, heartbeat: Duration) -> Response {
    streaming_response(
        "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0",
        parts(responses, heartbeat),
    )
}

fn parts(responses: ResponseStream, heartbeat: Duration) -> impl Stream<Item = Bytes> {
    // Sends a heartbeat at once, because a client notices the connection only when data arrives.
    let greeting = stream::iter([[BEGIN, &part(b"{}")].concat().into()]);
    let parts = stream::unfold(Some(responses), move |responses| async move {
        let mut responses = responses?;
        match tokio::time::timeout(heartbeat, responses.next()).await {
            Err(_) => Some((part(b"{}").into(), Some(responses))),
            Ok(Some(StreamItem::Response(answer))) => Some((payload(&answer.body).into(), Some(responses))),
            Ok(Some(StreamItem::Ended(error))) => {
                let last = json!({ "payload": null, "errors": error.errors() }).to_string();
                Some(([&part(last.as_bytes()), END].concat().into(), None))
            }
            Ok(Some(StreamItem::Completed) | None) => Some((Bytes::from_static(END), None)),
        }
    });
    greeting.chain(parts)
}

fn payload(body: &[u8]) -> Vec<u8> {
    part(&[b"{\"payload\":", body, b"}"].concat())
}

/// Encodes a part followed at once by the delimiter: a client treats a part as complete only when it has received that.
fn part(json: &[u8]) -> Vec<u8> {
    [b"\r\ncontent-type: application/json\r\n\r\n", json, b"\r\n", BEGIN].concat()
}
