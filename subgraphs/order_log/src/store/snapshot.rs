//! Snapshots: copies of the whole ledger, for replicas that were away longer than the log is kept.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{LogId, Membership, Store, StoreError, ledger, open_reader, state_machine};
use crate::command::NumberedTrade;

/// A snapshot, on either side of a transfer.
pub(crate) struct SnapshotData(Source);

enum Source {
    /// The ledger as it was when the snapshot was requested: a connection inside of a read transaction.
    Local(Box<Mutex<Connection>>, Arc<File>),
    /// Lines that came from another replica.
    Received(File),
}

/// A line of a snapshot transfer, in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SnapshotLine {
    /// A trade.
    #[serde(rename = "order")]
    Trade(NumberedTrade),
    /// A cancelled attempt, which is never recorded.
    Cancelled(String),
    /// The last line, with the number of lines before it: without it a snapshot is incomplete.
    End(u64),
}

impl SnapshotData {
    /// A snapshot from a file of lines, which may still be empty.
    pub(crate) fn from_file(file: File) -> Self {
        Self(Source::Received(file))
    }

    /// Calls `with` for each line, and fails if the snapshot is incomplete. Blocks.
    pub(crate) fn for_each_line(
        self,
        with: &mut dyn FnMut(SnapshotLine) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.0 {
            Source::Local(connection, _lock) => {
                let db = connection.into_inner().map_err(|_| StoreError::Closed)?;
                let mut lines = 0;
                ledger::for_each_trade(&db, &mut |trade| {
                    lines += 1;
                    with(SnapshotLine::Trade(trade))
                })?;
                ledger::for_each_tombstone(&db, &mut |attempt| {
                    lines += 1;
                    with(SnapshotLine::Cancelled(attempt))
                })?;
                with(SnapshotLine::End(lines))
            }
            Source::Received(mut file) => {
                file.rewind()?;
                for (seen, line) in (0..).zip(BufReader::new(file).lines()) {
                    let line = serde_json::from_str(&line?)?;
                    if let SnapshotLine::End(lines) = line {
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
    /// The folder of the file, where snapshots are received too.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The ledger as it is now, and its last applied entry. Writers continue meanwhile.
    pub(super) async fn open_snapshot(&self) -> Result<(Option<LogId>, Membership, SnapshotData), StoreError> {
        let (path, lock) = (self.path.clone(), self.lock.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let connection = open_reader(&path)?;
            connection.execute_batch("BEGIN")?;
            // The first read fixes what the transaction sees.
            let (applied, membership) = state_machine::applied(&connection)?;
            Ok((
                applied,
                membership,
                SnapshotData(Source::Local(Box::new(Mutex::new(connection)), lock)),
            ))
        });
        opened.await.map_err(|_| StoreError::Closed)?
    }
}
