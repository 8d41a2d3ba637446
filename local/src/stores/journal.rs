//! The queues and their messages on disk, so that they survive a restart, even after a SIGKILL.
//!
//! A message that was in flight when the process ended is visible again at the next start. Message attributes are not
//! kept: no function uses them.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, params};
use winterbaume_sqs::types::Message;

/// The journal's SQLite file.
#[derive(Debug)]
pub(super) struct Journal(Connection);

impl Journal {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        // The folder has a lock of its own, so no other process reads this file.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS messages (
                 id TEXT PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, body_md5 TEXT NOT NULL,
                 sent_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL, receives INTEGER NOT NULL
             );
             CREATE TABLE IF NOT EXISTS queues (name TEXT PRIMARY KEY, attributes TEXT NOT NULL)",
        )?;
        Ok(Self(connection))
    }

    /// Every queue's name and attributes.
    pub(super) fn queues(&self) -> Result<Vec<(String, HashMap<String, String>)>> {
        let mut select = self.0.prepare_cached("SELECT name, attributes FROM queues")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            row.map_err(anyhow::Error::from).and_then(|(name, json)| Ok((name, serde_json::from_str(&json)?)))
        })
        .collect()
    }

    /// Writes a queue's name and attributes.
    pub(super) fn put_queue(&self, name: &str, attributes: &HashMap<String, String>) -> rusqlite::Result<()> {
        let attributes = serde_json::json!(attributes).to_string();
        self.0.execute("INSERT OR REPLACE INTO queues VALUES (?1, ?2)", [name, &attributes])?;
        Ok(())
    }

    /// Removes a queue, but not its messages.
    pub(super) fn remove_queue(&self, name: &str) -> rusqlite::Result<()> {
        self.0.execute("DELETE FROM queues WHERE name = ?1", [name])?;
        Ok(())
    }

    /// The messages of `queue`, oldest first.
    pub(super) fn load(&self, queue: &str) -> rusqlite::Result<Vec<Message>> {
        let mut select = self.0.prepare_cached(
            "SELECT id, body, body_md5, sent_ms, visible_ms, receives FROM messages WHERE queue = ?1 ORDER BY rowid",
        )?;
        let messages = select.query_map([queue], |row| {
            Ok(Message {
                message_id: row.get(0)?,
                body: row.get(1)?,
                body_md5: row.get(2)?,
                receipt_handle: None,
                all_receipt_handles: Vec::new(),
                sender_id: String::new(),
                sent_timestamp: row.get(3)?,
                approximate_first_receive_timestamp: None,
                approximate_receive_count: row.get(5)?,
                visible_at: row.get(4)?,
                message_attributes: HashMap::new(),
            })
        })?;
        messages.collect()
    }

    /// Writes that `message` is now in `queue`.
    pub(super) fn put(&self, queue: &str, message: &Message) -> rusqlite::Result<()> {
        let mut insert =
            self.0.prepare_cached("INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        insert.execute(params![
            message.message_id,
            queue,
            message.body,
            message.body_md5,
            message.sent_timestamp,
            message.visible_at,
            message.approximate_receive_count,
        ])?;
        Ok(())
    }

    /// Writes how often each of these messages has been received, in one transaction.
    pub(super) fn received(&self, messages: &[Message]) -> rusqlite::Result<()> {
        let transaction = self.0.unchecked_transaction()?;
        let mut update = self.0.prepare_cached("UPDATE messages SET receives = ?2 WHERE id = ?1")?;
        for message in messages {
            update.execute(params![message.message_id, message.approximate_receive_count])?;
        }
        drop(update);
        transaction.commit()
    }

    /// Removes a message.
    pub(super) fn remove(&self, id: &str) -> rusqlite::Result<()> {
        self.0.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// Replaces all messages by these, after a call that changes whole queues.
    pub(super) fn rewrite<'a>(&self, all: impl Iterator<Item = (&'a str, &'a Message)>) -> rusqlite::Result<()> {
        let transaction = self.0.unchecked_transaction()?;
        self.0.execute("DELETE FROM messages", [])?;
        for (queue, message) in all {
            self.put(queue, message)?;
        }
        transaction.commit()
    }
}
