//! The queues and their messages on disk, so that they survive a restart, even after a SIGKILL.
//!
//! A message that was in flight when the process ended is visible again at the next start. Message attributes are not
//! kept: no function uses them.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result as StartResult;
use rusqlite::{Connection, OptionalExtension, Result, params};
use winterbaume_sqs::types::Message;

use super::group::Worker;
use super::messages::Place;

/// The pages of the write-ahead log after which SQLite moves them into the database: 16 MiB.
const CHECKPOINT_PAGES: i64 = 4096;

/// The journal's SQLite file.
pub(super) struct Journal {
    connection: Connection,
    /// Changes whose transaction failed. The next transaction makes them first.
    unwritten: Vec<Change>,
}

/// A change to the queues.
pub(super) enum Change {
    /// The queue has these attributes.
    PutQueue { name: String, attributes: HashMap<String, String> },
    /// The queue and its messages are gone.
    RemoveQueue { name: String },
    /// The queue's messages are gone.
    Purge { name: String },
    /// A message was sent.
    Put { place: Place, queue: String, message: Box<Message> },
    /// A message was received, and this often in all.
    Received { place: Place, receives: u32 },
    /// A message was moved to another queue.
    Moved { place: Place, queue: String },
    /// A message is gone.
    Remove { place: Place },
}

/// Changes to write, and the messages whose bodies to read afterwards.
#[derive(Default)]
pub(super) struct Request {
    pub(super) changes: Vec<Change>,
    pub(super) bodies: Vec<Place>,
}

/// A message as the journal keeps it. The body is read only if it is needed.
pub(super) struct Kept {
    pub(super) place: Place,
    pub(super) queue: String,
    pub(super) message: Message,
}

impl Journal {
    pub(super) fn open(path: &Path) -> StartResult<Self> {
        let connection = Connection::open(path)?;
        // The folder has a lock of its own, so no other process reads this file.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, attributes TEXT NOT NULL);
             CREATE TABLE IF NOT EXISTS waiting (
                 place INTEGER PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
                 body_md5 TEXT NOT NULL, sent_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL, receives INTEGER NOT NULL
             )",
        )?;
        let journal = Self { connection, unwritten: Vec::new() };
        journal.take_over_older_table()?;
        Ok(journal)
    }

    /// Until version 0.1.0 the messages were in another table.
    fn take_over_older_table(&self) -> StartResult<()> {
        if self.connection.table_exists(None, "messages")? {
            self.connection.execute_batch(
                "BEGIN;
                 INSERT INTO waiting SELECT rowid, queue, id, body, body_md5, sent_ms, visible_ms, receives FROM messages;
                 DROP TABLE messages;
                 COMMIT",
            )?;
        }
        Ok(())
    }

    /// Every queue's name and attributes.
    pub(super) fn queues(&self) -> StartResult<Vec<(String, HashMap<String, String>)>> {
        let mut select = self.connection.prepare("SELECT name, attributes FROM queues")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            row.map_err(anyhow::Error::from).and_then(|(name, json)| Ok((name, serde_json::from_str(&json)?)))
        })
        .collect()
    }

    /// Calls `each` with every message, the oldest first. The messages have no bodies.
    pub(super) fn for_each(&self, mut each: impl FnMut(Kept)) -> Result<()> {
        let mut select = self
            .connection
            .prepare("SELECT place, queue, id, body_md5, sent_ms, visible_ms, receives FROM waiting ORDER BY place")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let message = Message {
                message_id: row.get(2)?,
                body: String::new(),
                body_md5: row.get(3)?,
                receipt_handle: None,
                all_receipt_handles: Vec::new(),
                sender_id: String::new(),
                sent_timestamp: row.get(4)?,
                approximate_first_receive_timestamp: None,
                approximate_receive_count: row.get(6)?,
                visible_at: row.get(5)?,
                message_attributes: HashMap::new(),
            };
            each(Kept { place: row.get(0)?, queue: row.get(1)?, message });
        }
        Ok(())
    }

    fn write(&self, change: &Change) -> Result<()> {
        let execute = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
            self.connection.prepare_cached(sql)?.execute(parameters).map(|_| ())
        };
        match change {
            Change::PutQueue { name, attributes } => {
                let attributes = serde_json::json!(attributes).to_string();
                execute("INSERT OR REPLACE INTO queues VALUES (?1, ?2)", params![name, attributes])
            }
            Change::RemoveQueue { name } => {
                execute("DELETE FROM queues WHERE name = ?1", params![name])?;
                execute("DELETE FROM waiting WHERE queue = ?1", params![name])
            }
            Change::Purge { name } => execute("DELETE FROM waiting WHERE queue = ?1", params![name]),
            Change::Put { place, queue, message } => execute(
                "INSERT INTO waiting VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    place,
                    queue,
                    message.message_id,
                    message.body,
                    message.body_md5,
                    message.sent_timestamp,
                    message.visible_at,
                    message.approximate_receive_count,
                ],
            ),
            Change::Received { place, receives } => {
                execute("UPDATE waiting SET receives = ?2 WHERE place = ?1", params![place, receives])
            }
            Change::Moved { place, queue } => execute(
                "UPDATE waiting SET queue = ?2, receives = 0, visible_ms = 0 WHERE place = ?1",
                params![place, queue],
            ),
            Change::Remove { place } => execute("DELETE FROM waiting WHERE place = ?1", params![place]),
        }
    }

    fn write_all(&self) -> Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        // A transaction that is dropped is undone.
        let transaction = self.connection.unchecked_transaction()?;
        self.unwritten.iter().try_for_each(|change| self.write(change))?;
        transaction.commit()
    }

    /// The bodies of these messages, without those of messages that are gone.
    fn bodies(&self, places: &[Place]) -> Result<Vec<Option<String>>> {
        let mut select = self.connection.prepare_cached("SELECT body FROM waiting WHERE place = ?1")?;
        places.iter().map(|place| select.query_row([place], |row| row.get(0)).optional()).collect()
    }
}

impl Worker for Journal {
    type Request = Request;
    /// The bodies, or why the changes could not be written.
    type Answer = std::result::Result<Vec<Option<String>>, String>;

    fn work(&mut self, mut requests: Vec<Request>) -> Vec<Self::Answer> {
        self.unwritten.extend(requests.iter_mut().flat_map(|request| request.changes.drain(..)));
        let written = self.write_all();
        if written.is_ok() {
            self.unwritten.clear();
        }
        let written = written.map_err(|error| error.to_string());
        let answer = |request: Request| {
            written.clone()?;
            self.bodies(&request.bodies).map_err(|error| error.to_string())
        };
        requests.into_iter().map(answer).collect()
    }
}
