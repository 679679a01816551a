//! A check as data: a rule, the rows that it concerns, and the rows that violate it.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::report::{CheckResult, Deviation};

/// A check of the tables.
pub(crate) struct Check {
    /// Its name, in the report and on the command line.
    pub name: &'static str,
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// The query of the number of rows that the rule concerns.
    pub rows: &'static str,
    /// The query of the rows that violate it: table, key, expected value, found value.
    pub deviations: &'static str,
}

impl Check {
    /// Runs the check on a connection.
    pub fn run(&self, connection: &Connection, deviations_max: usize) -> rusqlite::Result<CheckResult> {
        let mut result = CheckResult {
            name: self.name,
            rule: self.rule,
            rows: connection.query_row(self.rows, [], |row| row.get(0))?,
            deviations: 0,
            first: Vec::new(),
        };
        let mut statement = connection.prepare(self.deviations)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| Ok::<_, rusqlite::Error>(text(row.get_ref(column)?));
            let deviation = Deviation {
                table: text(0)?,
                key: text(1)?,
                expected: text(2)?,
                found: text(3)?,
            };
            result.add(deviation, deviations_max);
        }
        Ok(result)
    }
}

impl CheckResult {
    /// Counts a deviation, and lists it if there is room.
    pub(crate) fn add(&mut self, deviation: Deviation, deviations_max: usize) {
        self.deviations += 1;
        if self.first.len() < deviations_max {
            self.first.push(deviation);
        }
    }
}

/// The most characters of a value that a report shows.
const VALUE_CHARS_MAX: usize = 200;

/// Returns a value as the report shows it.
pub(crate) fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "nothing".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).chars().take(VALUE_CHARS_MAX).collect(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
