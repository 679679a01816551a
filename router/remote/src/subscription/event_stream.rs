//! Subscriptions by server-sent events: the "distinct connections mode" of GraphQL over SSE.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use engine::subgraph::SubgraphRequest;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::event::SourceEvent;
use super::event_lines::EventLines;
use crate::answer::{essence, read_answer};
use crate::endpoint::Endpoint;
use crate::http_client::{OpenAnswer, read_open};
use crate::request::RequestParts;
use crate::response::ResponseReader;
use crate::subgraph_error::SubgraphError;

const ACCEPTED: HeaderValue =
    HeaderValue::from_static("text/event-stream, application/graphql-response+json, application/json");

/// A subscription over a stream of events.
pub struct EventStream {
    answer: OpenAnswer,
    lines: EventLines,
    reader: Arc<ResponseReader>,
    silence_max: Duration,
    /// The response of a subgraph that rejected the subscription without a stream.
    rejection: Option<async_graphql::Response>,
}

/// An event under construction.
#[derive(Default)]
struct Event {
    name: String,
    data: String,
}

impl Event {
    /// Adds a line that is not empty: a field, or a comment, which begins with a colon.
    fn add(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {}
        }
    }
}

impl EventStream {
    /// Connects and subscribes.
    ///
    /// # Errors
    /// When the subgraph cannot be reached, or answers neither with a stream nor with a GraphQL response.
    pub async fn open(
        endpoint: &Endpoint,
        request: &SubgraphRequest,
        caller: HeaderMap,
    ) -> Result<Self, SubgraphError> {
        let mut sent = RequestParts::new(request, &[]).into_http(caller, &endpoint.host, false);
        sent.headers.insert(ACCEPT, ACCEPTED);
        let answer = endpoint.client.open(&sent).await?;
        let mut stream = Self {
            answer,
            lines: EventLines::default(),
            reader: Arc::clone(&endpoint.reader),
            silence_max: endpoint.settings.silence_max(),
            rejection: None,
        };
        if !stream.has_events() {
            let answer = read_open(&mut stream.answer, stream.reader.bytes_max).await?;
            let response = read_answer(&answer, &stream.reader)?.into_response();
            if response.errors.is_empty() {
                return Err(SubgraphError::SubscriptionProtocol("a single response".to_owned()));
            }
            stream.rejection = Some(response);
        }
        Ok(stream)
    }

    /// Waits for the next event of the subscription.
    ///
    /// # Errors
    /// When the connection breaks, or the subgraph breaks the protocol.
    pub async fn next(&mut self) -> Result<SourceEvent, SubgraphError> {
        if let Some(rejection) = self.rejection.take() {
            return Ok(SourceEvent::Rejected(rejection));
        }
        loop {
            let event = self.event().await?;
            match &*event.name {
                "next" => {
                    let read = self.reader.parse_values(event.data.as_bytes());
                    let response = read.unwrap_or_else(|error| self.reader.failure(error));
                    return Ok(SourceEvent::Next(response));
                }
                "complete" => return Ok(SourceEvent::Complete),
                // The specification of server-sent events permits further kinds, which a client ignores.
                _ => {}
            }
        }
    }

    fn has_events(&self) -> bool {
        let media_type = self.answer.head.headers.get(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.answer.head.status.is_success() && essence(media_type).eq_ignore_ascii_case("text/event-stream")
    }

    /// Reads lines until one is empty: the end of an event.
    async fn event(&mut self) -> Result<Event, SubgraphError> {
        let mut event = Event::default();
        loop {
            let line = self.line().await?;
            let line = std::str::from_utf8(&line)
                .map_err(|_| SubgraphError::SubscriptionProtocol("invalid UTF-8".to_owned()))?;
            if !line.is_empty() {
                event.add(line);
            } else if event.name.is_empty() {
                // Without a name it is none of the protocol's, and neither are its data those of the next one.
                event = Event::default();
            } else {
                return Ok(event);
            }
            if event.data.len() > self.reader.bytes_max {
                return Err(SubgraphError::TooLarge(self.reader.bytes_max));
            }
        }
    }

    async fn line(&mut self) -> Result<BytesMut, SubgraphError> {
        loop {
            if let Some(line) = self.lines.next() {
                return Ok(line);
            }
            if self.lines.unread_bytes() > self.reader.bytes_max {
                return Err(SubgraphError::TooLarge(self.reader.bytes_max));
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), SubgraphError> {
        let lost = |reason: String| SubgraphError::ConnectionLost(reason);
        match timeout(self.silence_max, self.answer.body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    self.lines.push(&data);
                }
                Ok(())
            }
            Ok(Some(Err(error))) => Err(lost(error.to_string())),
            Ok(None) => Err(lost("the stream ended without `complete`".to_owned())),
            Err(_) => Err(SubgraphError::Silence(self.silence_max)),
        }
    }
}
