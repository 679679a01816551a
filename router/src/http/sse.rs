//! Answers as server-sent events: the distinct connections mode of graphql-sse's protocol.

use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use crate::http::answers::{Answers, Part, streamed};
use crate::http::refusal::Refusal;

/// A comment, which clients ignore.
const NOTHING: &[u8] = b":\n\n";
/// The `data` line is for browsers, which ignore an event without it.
const COMPLETE: &[u8] = b"event: complete\ndata: \n\n";

/// Streams `answers`. An error of the graph is an event too, as the protocol requires: a browser does not tell its
/// page about other statuses.
pub(super) fn respond(answers: Answers, keep_alive: Duration) -> Response {
    streamed("text/event-stream; charset=utf-8", events(answers, keep_alive))
}

/// Streams one refusal, for a client that reads only events.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let all = [NOTHING, &next(&refusal.body()), COMPLETE].concat();
    streamed("text/event-stream; charset=utf-8", stream::iter([Bytes::from(all)]))
}

fn events(answers: Answers, keep_alive: Duration) -> impl Stream<Item = Bytes> {
    // Sends a comment at once, because a client notices the connection only when data arrives.
    let greeting = stream::iter([Bytes::from_static(NOTHING)]);
    let events = stream::unfold(Some(answers), move |answers| async move {
        let mut answers = answers?;
        match tokio::time::timeout(keep_alive, answers.next()).await {
            Err(_) => Some((Bytes::from_static(NOTHING), Some(answers))),
            Ok(Some(Part::Answer(answer))) => Some((next(&answer.body).into(), Some(answers))),
            Ok(Some(Part::Ended(refusal))) => {
                let last = [next(&refusal.body()).as_slice(), COMPLETE].concat();
                Some((last.into(), None))
            }
            Ok(Some(Part::Completed) | None) => Some((Bytes::from_static(COMPLETE), None)),
        }
    });
    greeting.chain(events)
}

fn next(body: &[u8]) -> Vec<u8> {
    let mut event = Vec::with_capacity(body.len() + 32);
    event.extend_from_slice(b"event: next\ndata: ");
    // A line break would end the data. In JSON, a line break can stand only where a blank is allowed.
    event.extend(body.iter().map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        other => *other,
    }));
    event.extend_from_slice(b"\n\n");
    event
}
