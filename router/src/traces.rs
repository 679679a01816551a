//! Traces by OpenTelemetry (docs/RUNNING.md#traces): which requests are sampled, and the way of their spans to a collector.
//!
//! The crate `spans` makes the spans. This module decides which requests have any, and sends ended spans by OTLP over HTTP.

mod exporter;
mod sampler;
mod trace_parent;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SdkTracerProvider};
use spans::{NewSpan, Span, SpanKind, Tracing};

use crate::config::{ConfigError, TelemetrySettings};
use exporter::{Exporter, QueueingProcessor};
use sampler::Sampler;

pub use exporter::SpanCounts;

/// The header with the ids of the server's span (W3C Trace Context, level 2).
const RESPONSE_HEADER: HeaderName = HeaderName::from_static("traceresponse");
/// The most characters of a path in an attribute.
const PATH_CHARS_MAX: usize = 256;

/// The traces of a server.
#[derive(Debug)]
pub struct Traces {
    tracing: Tracing,
    sampler: Sampler,
    exporter: Exporter,
    /// Keeps the tracer working.
    _provider: SdkTracerProvider,
}

impl Traces {
    /// Starts to send spans to the collector of the settings; `None` if they name none.
    ///
    /// # Errors
    /// When the address of the collector cannot be used.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn start(settings: &TelemetrySettings) -> Result<Option<Arc<Self>>, ConfigError> {
        let Some(endpoint) = settings.traces_url()? else {
            return Ok(None);
        };
        let resource = Resource::builder_empty()
            .with_service_name("agora")
            .with_attribute(spans::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let (exporter, queue) = Exporter::start(settings, endpoint, &resource)?;
        let provider = SdkTracerProvider::builder()
            .with_span_processor(QueueingProcessor::new(queue))
            // The requests that reach it are those that are sampled.
            .with_sampler(SdkSampler::AlwaysOn)
            .with_resource(resource)
            .build();
        Ok(Some(Arc::new(Self {
            tracing: Tracing::new(provider.tracer("agora"), settings.trace_spans_max),
            sampler: Sampler::new(settings.trace_sample_ratio, settings.trace_parents_per_second_max),
            exporter,
            _provider: provider,
        })))
    }

    /// Begins the span of a request, if it is sampled.
    pub fn begin_request(&self, request: &Request, id: &str) -> Option<Span> {
        let parent = self.sampler.sample(request.headers())?;
        let path: String = request.uri().path().chars().take(PATH_CHARS_MAX).collect();
        let new = NewSpan::new(request.method().as_str().to_owned())
            .kind(SpanKind::Server)
            .with("http.request.method", request.method().as_str().to_owned())
            .with("url.path", path)
            .with("agora.request_id", id.to_owned());
        Some(self.tracing.begin(parent, new))
    }

    /// Begins the span of an operation that arrives over an open WebSocket, if it is sampled.
    pub fn begin_operation(&self, id: &str) -> Option<Span> {
        let parent = self.sampler.sample(&HeaderMap::new())?;
        let new = NewSpan::new("websocket operation")
            .kind(SpanKind::Server)
            .with("agora.request_id", id.to_owned());
        Some(self.tracing.begin(parent, new))
    }

    /// Returns the numbers of spans since the start.
    pub fn counts(&self) -> SpanCounts {
        self.exporter.counts()
    }

    /// Sends the spans that have ended, within the time of one export, and stops.
    pub async fn stop(&self) {
        self.exporter.stop().await;
    }
}

/// Puts the result of a request on its span, and the ids of the span on the response.
pub(crate) fn end_request(span: &Span, response: &mut axum::response::Response) {
    let status = response.status();
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
    if let Ok(value) = HeaderValue::from_str(&spans::parent_header(&span.ids())) {
        response.headers_mut().insert(RESPONSE_HEADER, value);
    }
}

/// Returns a time of the settings.
fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}
