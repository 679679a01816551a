//! The lines of the log: those of a sampled request have the id of its trace.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// A format of lines that adds the id of the trace: as a member of an object, or behind a text.
pub(crate) struct WithTraceId<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for WithTraceId<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(span) = spans::current() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let trace = span.ids().trace_id();
        match line.strip_prefix('{') {
            Some(members) => write!(writer, "{{\"trace_id\":\"{trace:032x}\",{members}"),
            None => writeln!(writer, "{} trace_id={trace:032x}", line.trim_end()),
        }
    }
}
