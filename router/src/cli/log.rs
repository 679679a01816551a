//! The log of a command, and the last words of one that fails.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;

use super::CommandError;
use crate::config::{LogFormat, Settings};
use crate::log::WithTraceId;

/// The format of the log, once it has begun.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Starts the log on standard error.
pub(super) fn start(settings: &Settings) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&settings.server.log))
        .with_ansi(std::io::stderr().is_terminal())
        // If the starter of a replica was killed, the log has no reader, and the replica must still end cleanly.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // A second log in one process (in tests) is not an error: the first one stays.
    let _ = match settings.server.log_format {
        LogFormat::Text => log.map_event_format(WithTraceId).try_init(),
        LogFormat::Json => log.json().map_event_format(WithTraceId).try_init(),
    };
    if FORMAT.set(settings.server.log_format).is_ok() && settings.server.log_format == LogFormat::Json {
        log_panics();
    }
}

/// Writes a panic as a line of the log: a program reads the log, and the text of a panic is no JSON.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let place = panic.location().map(ToString::to_string);
        tracing::error!(panic = text.unwrap_or("unknown"), place, "a thread panicked");
    }));
}

/// Reports the error that ends a command, in the format of the log.
pub(super) fn report(error: &CommandError) {
    if FORMAT.get() == Some(&LogFormat::Json) && tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!("{error}");
    } else {
        eprintln!("agora: {error}");
    }
}
