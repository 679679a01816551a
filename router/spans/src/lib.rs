//! The spans of a sampled request.
//!
//! Whether a request is sampled is decided before it begins ([`Tracing::begin`]). A request that is not has no span and no
//! context: every function here then returns after one look at a thread-local value, and no name or attribute is made.
//!
//! The current span belongs to the future that is being polled ([`within`]), so that steps which run at the same time in one task
//! have their own. A future that moves to another task takes its span along ([`carried`]).

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use futures_util::future::Either;
use opentelemetry::context::FutureExt;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanBuilder, Status, TraceContextExt, Tracer};

pub use opentelemetry::context::WithContext;
pub use opentelemetry::global::ObjectSafeTracer;
pub use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
pub use opentelemetry::{Context, KeyValue, Value};

/// Begins the spans of sampled requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracing {
    tracer: Arc<BoxedTracer>,
    spans_max: usize,
}

/// The spans of one request: its tracer, and the number of spans that it may still begin.
struct RequestSpans {
    tracer: Arc<BoxedTracer>,
    left: AtomicUsize,
}

/// A span, which ends when its last clone is dropped.
#[derive(Clone, Debug)]
pub struct Span(Context);

/// The description of a span that begins.
#[derive(Debug)]
pub struct NewSpan(SpanBuilder);

impl NewSpan {
    /// A span with that name, which should be one of few.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(SpanBuilder::from_name(name).with_kind(SpanKind::Internal))
    }

    /// The same span of that kind; by default, it is internal.
    #[must_use]
    pub fn kind(self, kind: SpanKind) -> Self {
        Self(self.0.with_kind(kind))
    }

    /// The same span with this attribute.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        let mut attributes = self.0.attributes.clone().unwrap_or_default();
        attributes.push(KeyValue::new(name, value));
        Self(self.0.with_attributes(attributes))
    }

    /// The same span, which began then.
    #[must_use]
    pub fn begun_at(self, at: SystemTime) -> Self {
        Self(self.0.with_start_time(at))
    }
}

impl Tracing {
    /// Begins spans by this tracer, at most `spans_max` for a request.
    pub fn new(tracer: impl ObjectSafeTracer + Send + Sync + 'static, spans_max: usize) -> Self {
        Self {
            tracer: Arc::new(BoxedTracer::new(Box::new(tracer))),
            spans_max,
        }
    }

    /// Begins the first span of a sampled request, below the span of the client if there is one.
    pub fn begin(&self, parent: Option<SpanContext>, new: NewSpan) -> Span {
        let context = Context::new().with_value(RequestSpans {
            tracer: Arc::clone(&self.tracer),
            left: AtomicUsize::new(self.spans_max.saturating_sub(1)),
        });
        let context = match parent {
            Some(parent) => context.with_remote_span_context(parent),
            None => context,
        };
        let span = self.tracer.build_with_context(new.0, &context);
        Span(context.with_span(span))
    }
}

impl Span {
    /// Sets an attribute.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        self.0.span().set_attribute(KeyValue::new(name, value));
    }

    /// Changes the name.
    pub fn rename(&self, name: impl Into<Cow<'static, str>>) {
        self.0.span().update_name(name.into());
    }

    /// Marks the work as failed, for this reason.
    pub fn fail(&self, reason: impl Into<Cow<'static, str>>) {
        self.0.span().set_status(Status::error(reason));
    }

    /// Returns the ids of the span.
    pub fn ids(&self) -> SpanContext {
        self.0.span().span_context().clone()
    }

    /// Runs `work`, during which it is the current span.
    pub fn scope<T>(&self, work: impl FnOnce() -> T) -> T {
        let _current = self.0.clone().attach();
        work()
    }
}

/// Whether the work of this task belongs to a sampled request.
pub fn is_sampled() -> bool {
    Context::map_current(TraceContextExt::has_active_span)
}

/// Returns the current span, for work that moves elsewhere.
pub fn current() -> Option<Span> {
    Context::map_current(|context| context.has_active_span().then(|| Span(context.clone())))
}

/// Begins a span below the current one. Returns `None` if there is none, or if the request has as many as it may have.
pub fn start(describe: impl FnOnce() -> NewSpan) -> Option<Span> {
    let Span(parent) = current()?;
    let request = parent.get::<RequestSpans>()?;
    let take = |left: usize| left.checked_sub(1);
    request
        .left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .ok()?;
    let span = request.tracer.build_with_context(describe().0, &parent);
    Some(Span(parent.with_span(span)))
}

/// Changes the current span, if there is one.
pub fn with_current(change: impl FnOnce(&Span)) {
    if let Some(span) = current() {
        change(&span);
    }
}

/// Runs `work`, during which `span` is the current span. Without one, this is `work` itself.
pub fn within<F: Future>(span: Option<Span>, work: F) -> Either<WithContext<F>, F> {
    match span {
        Some(Span(context)) => Either::Left(work.with_context(context)),
        None => Either::Right(work),
    }
}

/// Runs `work` within the span that is current now, wherever it is polled.
pub fn carried<F: Future>(work: F) -> Either<WithContext<F>, F> {
    within(current(), work)
}

/// Returns the headers that continue the trace in another program: `traceparent`, and `tracestate` if there is one (W3C Trace
/// Context).
pub fn headers() -> Option<(String, Option<String>)> {
    let ids = current()?.ids();
    let state = ids.trace_state().header();
    Some((parent_header(&ids), (!state.is_empty()).then_some(state)))
}

/// Returns the text of `traceparent` and `traceresponse` for a span.
pub fn parent_header(ids: &SpanContext) -> String {
    format!(
        "00-{:032x}-{:016x}-{:02x}",
        ids.trace_id(),
        ids.span_id(),
        ids.trace_flags()
    )
}
