//! Copies of the whole ledger, for who was away for longer than the log is kept.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{LogId, Membership, Store, StoreError, ledger, machine, reading};
use crate::order::ExchangeOrder;

/// A copy, on either side of the wire.
pub(crate) struct SnapshotData(Source);

enum Source {
    /// The ledger as it was when the copy was asked for: a connection inside of a read transaction.
    Here(Box<Mutex<Connection>>, Arc<File>),
    /// Lines that came from another replica.
    Received(File),
}

/// A line of a copy on its way, in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Line {
    /// An order.
    Order(ExchangeOrder),
    /// An attempt that is never recorded.
    Cancelled(String),
    /// The last line says how many came before it: what breaks off does not count as a copy.
    End(u64),
}

impl SnapshotData {
    /// Of lines that were, or will be, written to a file.
    pub(crate) fn received(file: File) -> Self {
        Self(Source::Received(file))
    }

    /// Calls `with` for each line of a complete copy. Blocks.
    pub(crate) fn each(self, with: &mut dyn FnMut(Line) -> Result<(), StoreError>) -> Result<(), StoreError> {
        match self.0 {
            Source::Here(connection, _lock) => {
                let db = connection.into_inner().map_err(|_| StoreError::Closed)?;
                let mut lines = 0;
                ledger::each_order(&db, &mut |order| {
                    lines += 1;
                    with(Line::Order(order))
                })?;
                ledger::each_cancelled(&db, &mut |attempt| {
                    lines += 1;
                    with(Line::Cancelled(attempt))
                })?;
                with(Line::End(lines))
            }
            Source::Received(mut file) => {
                file.rewind()?;
                for (seen, line) in (0..).zip(BufReader::new(file).lines()) {
                    let line = serde_json::from_str(&line?)?;
                    if let Line::End(lines) = line {
                        return if lines == seen {
                            with(line)
                        } else {
                            Err(StoreError::Incomplete)
                        };
                    }
                    with(line)?;
                }
                Err(StoreError::Incomplete)
            }
        }
    }
}

impl Store {
    /// The folder that the file is in, where copies are received too.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The ledger as it is now, and how far that is. Writers go on meanwhile.
    pub(super) async fn view(&self) -> Result<(Option<LogId>, Membership, SnapshotData), StoreError> {
        let (path, lock) = (self.path.clone(), self.lock.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let connection = reading(&path)?;
            connection.execute_batch("BEGIN")?;
            // The first read fixes what the transaction sees.
            let (applied, membership) = machine::applied(&connection)?;
            Ok((
                applied,
                membership,
                SnapshotData(Source::Here(Box::new(Mutex::new(connection)), lock)),
            ))
        });
        opened.await.map_err(|_| StoreError::Closed)?
    }
}
