//! Answers as server-sent events: the distinct connections mode of graphql-sse's protocol.

use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use crate::http::error::HttpError;
use crate::http::response_stream::{ResponseStream, StreamItem, streaming_response};

/// A comment, which clients ignore.
const COMMENT: &[u8] = b":\n\n";
/// The `data` line is for browsers, which ignore an event without it.
const COMPLETE: &[u8] = b"event: complete\ndata: \n\n";

/// Streams `responses`. An error of the graph is an event too, as the protocol requires: a browser does not tell its
/// page about other statuses.
pub(super) fn respond(responses: ResponseStream, keep_alive: Duration) -> Response {
    streaming_response("text/event-stream; charset=utf-8", events(responses, keep_alive))
}

/// Streams one error, for a client that reads only events.
pub(super) fn respond_error(error: &HttpError) -> Response {
    let all = [COMMENT, &next(&error.body()), COMPLETE].concat();
    streaming_response("text/event-stream; charset=utf-8", stream::iter([Bytes::from(all)]))
}

fn events(responses: ResponseStream, keep_alive: Duration) -> impl Stream<Item = Bytes> {
    // Sends a comment at once, because a client notices the connection only when data arrives.
    let greeting = stream::iter([Bytes::from_static(COMMENT)]);
    let events = stream::unfold(Some(responses), move |responses| async move {
        let mut responses = responses?;
        match tokio::time::timeout(keep_alive, responses.next()).await {
            Err(_) => Some((Bytes::from_static(COMMENT), Some(responses))),
            Ok(Some(StreamItem::Response(answer))) => Some((next(&answer.body).into(), Some(responses))),
            Ok(Some(StreamItem::Ended(error))) => {
                let last = [next(&error.body()).as_slice(), COMPLETE].concat();
                Some((last.into(), None))
            }
            Ok(Some(StreamItem::Completed) | None) => Some((Bytes::from_static(COMPLETE), None)),
        }
    });
    greeting.chain(events)
}

fn next(body: &[u8]) -> Vec<u8> {
    let mut event = Vec::with_capacity(body.len() + 32);
    event.extend_from_slice(b"event: next\ndata: ");
    let start = event.len();
    event.extend_from_slice(body);
    // A line break would end the data. In JSON, a line break can stand only where a blank is allowed.
    if body.contains(&b'\n') || body.contains(&b'\r') {
        let line_breaks = event[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r'));
        line_breaks.for_each(|byte| *byte = b' ');
    }
    event.extend_from_slice(b"\n\n");
    event
}
