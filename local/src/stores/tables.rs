//! DynamoDB's tables: dynoxide's storage, with one SQLite transaction for a group of calls.
//!
//! dynoxide begins and commits a transaction for each item. Inside a group these statements do nothing: an authorizer
//! makes SQLite ignore them. Each call has a savepoint instead, so a call that fails is undone alone.

use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result as StartResult};
use dynoxide::actions::vector_lifecycle::VectorIndexLifecycle;
use dynoxide::storage::Storage;
use dynoxide::{DynoxideError, Result};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::dynamodb::{self, Answer, Kind, Request};
use super::group::Worker;
use super::tokens::Tokens;

/// The pages that SQLite keeps in memory, in KiB.
const CACHE_KIB: i64 = 64 * 1024;

/// The pages of the write-ahead log after which SQLite moves them into the database: 16 MiB.
const CHECKPOINT_PAGES: i64 = 4096;

/// The tables.
pub(super) struct Tables {
    storage: Storage,
    indexes: VectorIndexLifecycle,
    tokens: Tokens,
    /// Whether SQLite ignores BEGIN, COMMIT and ROLLBACK.
    in_group: Arc<AtomicBool>,
}

impl Tables {
    /// Opens the tables in this file.
    pub(super) fn open(path: &Path) -> StartResult<Self> {
        let storage = Storage::new(path.to_str().context("the path is not UTF-8")?)?;
        let connection = storage.conn();
        // The folder has a lock of its own, so no other process reads this file.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // A commit survives the end of the process, but perhaps not a power failure.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        Ok(Self::on(storage))
    }

    /// Tables in memory.
    pub(super) fn in_memory() -> StartResult<Self> {
        Ok(Self::on(Storage::memory()?))
    }

    fn on(storage: Storage) -> Self {
        let in_group = Arc::new(AtomicBool::new(false));
        let ignores = in_group.clone();
        storage.conn().authorizer(Some(move |context: AuthContext<'_>| {
            let is_transaction = matches!(context.action, AuthAction::Transaction { .. });
            if is_transaction && ignores.load(Ordering::Relaxed) { Authorization::Ignore } else { Authorization::Allow }
        }));
        Self { storage, indexes: VectorIndexLifecycle::new(), tokens: Tokens::default(), in_group }
    }

    fn execute(&self, sql: &str) -> Result<()> {
        Ok(self.storage.conn().prepare_cached(sql)?.execute([]).map(|_| ())?)
    }

    fn run(&self, request: &Request) -> Answer {
        dynamodb::run(&self.storage, &self.indexes, request)
    }

    /// Runs a call inside the group's transaction. Fails if SQLite ends the transaction, for example on a full disk.
    fn run_in_group(&self, request: &Request) -> Result<Answer> {
        self.execute("SAVEPOINT request")?;
        self.in_group.store(true, Ordering::Relaxed);
        let answer = self.run(request);
        self.in_group.store(false, Ordering::Relaxed);
        if self.storage.conn().is_autocommit() {
            return Err(DynoxideError::InternalServerError("SQLite ended the transaction".to_owned()));
        }
        if !answer.is_success() {
            self.execute("ROLLBACK TO request")?;
        }
        self.execute("RELEASE request")?;
        Ok(answer)
    }

    /// Runs calls of the kinds `Read` and `Write` in one transaction.
    fn run_group(&mut self, requests: &[Request]) -> Result<Vec<Answer>> {
        if requests.iter().all(|request| dynamodb::kind(&request.operation) == Kind::Read) {
            return Ok(requests.iter().map(|request| self.run(request)).collect());
        }
        self.storage.begin_transaction()?;
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            if dynamodb::kind(&request.operation) == Kind::Read {
                answers.push(self.run(request));
                continue;
            }
            let mut tokens = mem::take(&mut self.tokens);
            let answer = tokens.once(request, || self.run_in_group(request));
            self.tokens = tokens;
            answers.push(answer?);
        }
        self.storage.commit()?;
        Ok(answers)
    }

    /// Undoes the transaction that an error or a panic interrupted.
    fn end_interrupted_group(&self) {
        self.in_group.store(false, Ordering::Relaxed);
        if !self.storage.conn().is_autocommit()
            && let Err(error) = self.storage.rollback()
        {
            tracing::error!(error = &error as &dyn std::error::Error, "a transaction could not be undone");
        }
    }

    /// Like [`Tables::run_group`]. If the group's transaction fails, it is undone, and every call of the group fails.
    fn run_group_or_fail(&mut self, requests: &[Request]) -> Vec<Answer> {
        self.run_group(requests).unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a transaction of the embedded DynamoDB failed");
            self.end_interrupted_group();
            self.tokens.forget(requests);
            requests.iter().map(|_| Answer::error(&error)).collect()
        })
    }
}

impl Worker for Tables {
    type Request = Request;
    type Answer = Answer;

    fn work(&mut self, requests: Vec<Request>) -> Vec<Answer> {
        self.end_interrupted_group();
        let is_alone = |request: &Request| dynamodb::kind(&request.operation) == Kind::Alone;
        let groups = requests.chunk_by(|before, after| !is_alone(before) && !is_alone(after));
        let mut answers = Vec::with_capacity(requests.len());
        for group in groups {
            match group {
                [alone] if is_alone(alone) => answers.push(self.run(alone)),
                _ => answers.extend(self.run_group_or_fail(group)),
            }
        }
        answers
    }
}
