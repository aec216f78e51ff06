//! nutcracker's statistics port: whoever connects gets one JSON document and the end of the stream. The supervisor
//! serves it on its own driver, from counters that anybody may read at any time, so that figures are those of the
//! moment and neither reading them nor a reader that is slow touches a worker.

mod document;
mod visitors;

use golem_engine::counters::{PoolCounters, ServerCounters, Shown};

pub use document::Source;
pub use visitors::{MOST as MOST_READERS, Visit, Visitors};

/// One row of a table of counters.
type Row = (&'static str, Shown, &'static str);

/// Whether the document shows the counter.
fn is_shown(row: &Row) -> bool {
    match row.1 {
        Shown::Document => true,
        Shown::Command => false,
    }
}

/// The names and meanings of the figures in the document, in nutcracker's layout: what `-D` prints.
pub fn description() -> String {
    let list = |rows: &[Row]| {
        let shown = rows.iter().filter(|row| is_shown(row));
        shown.map(|(name, _, text)| format!("  {name:<20}\"{text}\"\n")).collect::<String>()
    };
    format!("pool stats:\n{}\nserver stats:\n{}", list(PoolCounters::TABLE), list(ServerCounters::TABLE))
}

#[cfg(test)]
mod tests {
    use super::description;

    #[test]
    fn descriptions_stand_in_one_column() {
        let text = description();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with(' ')).collect();
        assert_eq!(rows.len(), 6 + 13);
        assert!(rows.iter().all(|row| row.find('"') == Some(22) && row.ends_with('"')), "{text}");
    }
}
