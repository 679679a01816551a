//! Serves the changes of the supergraph file.
//!
//! One task looks at the file, so reloads follow one another, and changes during one are read together after it.

mod watched_file;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::Clock;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::watched_file::{FileStamp, WatchedFile};
use super::RemoteOpenError;
use super::loader::{LoadedSupergraph, SupergraphLoader};
use crate::http::ServedSchema;
use crate::reload_status::ReloadStatus;
use crate::supergraph::ReloadableSupergraph;

/// Serves the changes of the supergraph file. A file that cannot be served is refused with the reason, and the last good one is served.
pub struct Reloader {
    loader: SupergraphLoader,
    clock: Arc<dyn Clock>,
    file: Mutex<WatchedFile>,
    graph: ReloadableSupergraph,
    schema: ServedSchema,
    status: ReloadStatus,
}

/// The outcome of reading the file again.
#[derive(Debug)]
enum Reload {
    /// The file has changed, and is served from now on.
    Served,
    /// It is the one that is served.
    Unchanged,
    /// It is the one that was refused before.
    RefusedBefore,
}

impl Reloader {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When the file cannot be read or served.
    pub fn open(loader: SupergraphLoader, clock: Arc<dyn Clock>) -> Result<Self, RemoteOpenError> {
        let text = loader.read()?;
        let LoadedSupergraph { graph, sdl } = loader.load(&text)?;
        Ok(Self {
            clock,
            file: Mutex::new(WatchedFile::new(&text)),
            graph: ReloadableSupergraph::new(graph),
            schema: ServedSchema::new(sdl),
            status: ReloadStatus::default(),
            loader,
        })
    }

    /// Returns the graph.
    pub fn graph(&self) -> &ReloadableSupergraph {
        &self.graph
    }

    /// Returns the public schema.
    pub fn schema(&self) -> &ServedSchema {
        &self.schema
    }

    /// Returns the outcome of the reloads.
    pub fn status(&self) -> &ReloadStatus {
        &self.status
    }

    /// Starts the task that looks at the file in this interval and at SIGHUP, which no longer ends the process from now on. Without an
    /// interval, only SIGHUP leads to a look.
    pub fn start(self: Arc<Self>, poll_interval: Option<Duration>, shutdown: CancellationToken) {
        let hangups = signal(SignalKind::hangup())
            .inspect_err(|error| tracing::warn!(%error, "SIGHUP will not reload the supergraph file"))
            .ok();
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.run(poll_interval, hangups) => {}
            }
        });
    }

    async fn run(self: Arc<Self>, poll_interval: Option<Duration>, mut hangups: Option<Signal>) {
        loop {
            let look = tokio::select! {
                () = next_hangup(&mut hangups) => Self::read_again,
                () = wait(poll_interval) => Self::look,
            };
            let reloader = Arc::clone(&self);
            if let Err(error) = spawn_blocking(move || look(&reloader)).await {
                tracing::error!(%error, "the supergraph file cannot be read");
                self.status.record_refused();
            }
        }
    }

    /// Reads the file if it has changed.
    fn look(&self) {
        let stamp = FileStamp::of(self.loader.file());
        let mut file = self.file();
        if file.is_due(stamp) {
            self.reload(&mut file, stamp);
        }
    }

    /// Reads the file, also if it was refused before.
    fn read_again(&self) {
        let stamp = FileStamp::of(self.loader.file());
        let mut file = self.file();
        file.refused = None;
        self.reload(&mut file, stamp);
    }

    /// Reads the file, whose stamp was read before it.
    fn reload(&self, file: &mut WatchedFile, stamp: FileStamp) {
        file.begin_reading(stamp, self.clock.now_us());
        let path = self.loader.file().display();
        match self.try_reload(file) {
            Ok(Reload::Served) => {
                self.status.record_served();
                tracing::info!(file = %path, "the supergraph file has changed and is served");
            }
            Ok(Reload::Unchanged) => self.status.record_unchanged(),
            Ok(Reload::RefusedBefore) => {}
            Err(error) => {
                self.status.record_refused();
                tracing::warn!(%error, "the supergraph file was refused; the last good one is served");
            }
        }
    }

    fn try_reload(&self, file: &mut WatchedFile) -> Result<Reload, RemoteOpenError> {
        let text = self.loader.read()?;
        let digest = watched_file::digest(&text);
        if file.served == digest {
            file.refused = None;
            return Ok(Reload::Unchanged);
        }
        // Until it is served.
        if file.refused.replace(digest) == Some(digest) {
            return Ok(Reload::RefusedBefore);
        }
        let LoadedSupergraph { graph, sdl } = self.loader.load(&text)?;
        self.graph.replace(graph);
        self.schema.replace(sdl);
        file.served = digest;
        file.refused = None;
        Ok(Reload::Served)
    }

    fn file(&self) -> MutexGuard<'_, WatchedFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn next_hangup(hangups: &mut Option<Signal>) {
    let hangup = match hangups {
        Some(hangups) => hangups.recv().await,
        None => None,
    };
    if hangup.is_none() {
        std::future::pending().await
    }
}

async fn wait(interval: Option<Duration>) {
    match interval {
        Some(interval) => sleep(interval).await,
        None => std::future::pending().await,
    }
}
