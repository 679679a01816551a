//! Sends ended spans to a collector: a bounded queue, and a task that sends them in batches by OTLP over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use spans::Context;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::milliseconds;
use crate::config::{ConfigError, TelemetrySettings};

/// The time between two lines of the log about a collector that cannot be reached.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// The task that sends spans.
#[derive(Debug)]
pub struct Exporter {
    counts: Arc<Counts>,
    stopping: CancellationToken,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

/// The numbers of spans since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanCounts {
    /// Spans that the collector has accepted.
    pub exported: u64,
    /// Spans that were lost, because the queue was full or the collector did not take them.
    pub dropped: u64,
}

#[derive(Debug, Default)]
struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
}

/// The queue of ended spans.
#[derive(Debug)]
pub struct SpanQueue {
    sender: mpsc::Sender<SpanData>,
    counts: Arc<Counts>,
}

impl Exporter {
    /// Starts the task. Returns it with the queue that it reads.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn start(
        settings: &TelemetrySettings,
        endpoint: String,
        resource: &Resource,
    ) -> Result<(Self, SpanQueue), ConfigError> {
        let refused = |why: String| ConfigError::new("telemetry.otlp_endpoint", why);
        let time_max = milliseconds(settings.trace_export_ms_max);
        let client = reqwest::Client::builder().timeout(time_max).build();
        let client = client.map_err(|error| refused(error.to_string()))?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient(client))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(time_max)
            .build();
        let mut exporter = exporter.map_err(|error| refused(error.to_string()))?;
        exporter.set_resource(resource);
        let counts = Arc::<Counts>::default();
        let (sender, queue) = mpsc::channel(settings.trace_queue_max);
        let stopping = CancellationToken::new();
        let sending = Sending {
            queue,
            exporter,
            counts: Arc::clone(&counts),
            batch_max: settings.trace_batch_max,
            delay: milliseconds(settings.trace_delay_ms),
            time_max,
            warned_at: None,
        };
        let task = tokio::spawn(sending.run(stopping.clone()));
        let exporter = Self {
            counts: Arc::clone(&counts),
            stopping,
            task: tokio::sync::Mutex::new(Some(task)),
        };
        Ok((exporter, SpanQueue { sender, counts }))
    }

    /// Returns the numbers of spans since the start.
    pub fn counts(&self) -> SpanCounts {
        SpanCounts {
            exported: self.counts.exported.load(Ordering::Relaxed),
            dropped: self.counts.dropped.load(Ordering::Relaxed),
        }
    }

    /// Sends the spans in the queue for the time of an export, and stops. The rest counts as dropped.
    pub async fn stop(&self) {
        self.stopping.cancel();
        if let Some(task) = self.task.lock().await.take() {
            // A task that panicked has stopped too.
            let _ = task.await;
        }
    }
}

/// The work of the task.
struct Sending<E> {
    queue: mpsc::Receiver<SpanData>,
    exporter: E,
    counts: Arc<Counts>,
    batch_max: usize,
    delay: Duration,
    time_max: Duration,
    warned_at: Option<Instant>,
}

impl<E: SpanExporter> Sending<E> {
    /// Sends batches until the end. A batch is sent when it is full, or some time after its first span.
    async fn run(mut self, stopping: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                received = self.queue.recv_many(&mut batch, self.batch_max) => if received == 0 { break },
            }
            let due = Instant::now() + self.delay;
            while batch.len() < self.batch_max {
                let room = self.batch_max - batch.len();
                let more = timeout_at(due, self.queue.recv_many(&mut batch, room));
                let received = tokio::select! {
                    biased;
                    () = stopping.cancelled() => break,
                    received = more => received,
                };
                if !matches!(received, Ok(1..)) {
                    break;
                }
            }
            self.send(std::mem::take(&mut batch)).await;
        }
        self.queue.close();
        let until = Instant::now() + self.time_max;
        loop {
            while batch.len() < self.batch_max
                && let Ok(span) = self.queue.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            let batch = std::mem::take(&mut batch);
            if Instant::now() < until {
                self.send(batch).await;
            } else {
                self.counts.dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
            }
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let number = batch.len() as u64;
        let sent = timeout(self.time_max, self.exporter.export(batch)).await;
        let error = match sent {
            Ok(Ok(())) => {
                self.counts.exported.fetch_add(number, Ordering::Relaxed);
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it did not answer in time".to_owned(),
        };
        self.counts.dropped.fetch_add(number, Ordering::Relaxed);
        if self.warned_at.is_none_or(|at| at.elapsed() > WARNING_PAUSE) {
            self.warned_at = Some(Instant::now());
            tracing::warn!(
                error,
                spans = number,
                "the collector of traces does not take spans; they are lost"
            );
        }
    }
}

/// Puts ended spans into the queue; a full queue loses them.
#[derive(Debug)]
pub struct QueueingProcessor(SpanQueue);

impl QueueingProcessor {
    /// A processor for that queue.
    pub fn new(queue: SpanQueue) -> Self {
        Self(queue)
    }
}

impl SpanProcessor for QueueingProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.sender.try_send(span).is_err() {
            self.0.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The client of the collector.
#[derive(Debug)]
struct CollectorClient(reqwest::Client);

/// The longest answer of a collector that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: axum::http::Request<Bytes>) -> Result<axum::http::Response<Bytes>, HttpError> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut answer = axum::http::Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err("the answer of the collector is too long".into());
            }
            body.extend_from_slice(&piece);
        }
        *answer.body_mut() = body.into();
        Ok(answer)
    }
}
