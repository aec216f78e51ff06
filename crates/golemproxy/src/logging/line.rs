//! One event as one line: `[2026-11-22 05:34:11.255] WARN text`, in local time. Control characters in the text are
//! written as escapes, so that no name in a configuration can forge a line.

use std::fmt::{self, Write};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// See the top of the file.
pub(super) struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        begin(&mut writer, event.metadata().level().as_str())?;
        context.format_fields(Writer::new(&mut OneLine(&mut writer)), event)?;
        writer.write_char('\n')
    }
}

/// The start of a line: time and level.
pub(super) fn begin(line: &mut impl Write, level: &str) -> fmt::Result {
    let now = jiff::Zoned::now();
    write!(line, "[{}] {level} ", now.strftime("%Y-%m-%d %H:%M:%S%.3f"))
}

/// Passes text on without what would end or hide a line.
struct OneLine<'a, 'w>(&'a mut Writer<'w>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(char::is_control) {
            let plain = piece.trim_end_matches(char::is_control);
            self.0.write_str(plain)?;
            let control = piece.get(plain.len()..).unwrap_or_default();
            write!(self.0, "{}", control.escape_debug())?;
        }
        Ok(())
    }
}
