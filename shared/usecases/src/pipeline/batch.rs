//! Shares the work of one batch's records: each item is read, written or sent once, or with others in one
//! call.
//!
//! A batch lasts as long as its invocation. A value that was read for one record is good for the others, because all of
//! them were in the queue before the read.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clients::queue::messages::WebhookSnapshot;
use clients::queue::{Outgoing, Queue};
use clients::store::deliveries::LogEntry;
use clients::store::webhooks::Owned;
use domain::time::Timestamp;
use domain::{Owner, Tenant, Webhook, WebhookId, WebhookRef};
use futures::FutureExt;
use serde_json::value::RawValue;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::app::App;
use crate::coalescer::Coalescer;
use crate::internal_error::InternalError;

/// How long a read or a message waits for others to share its call.
const LOAD_LINGER: Duration = Duration::from_millis(1);

/// How long a success waits for others to share its write. It delays nobody: an invocation takes as long as its slowest
/// record.
const WRITE_LINGER: Duration = Duration::from_millis(20);

/// KiB of messages that wait to be sent at the same time. They are in memory twice, in a function of 256 MiB.
const MEMORY_KIB: usize = 32 * 1024;

type WebhookKey = (Tenant, WebhookRef);
/// An owner's agent and webhooks. One record reads them, and the others wait for the result.
type ReadOnce = Arc<OnceCell<Result<Arc<Owned>, Arc<InternalError>>>>;

/// The state that the records of one batch share.
pub(crate) struct Batch<'a> {
    /// The app.
    pub(super) app: &'a App,
    /// When the batch began. Everything that it reads is at least as new.
    pub(super) began_at: Timestamp,
    owners: Mutex<HashMap<(Tenant, Owner), ReadOnce>>,
    webhooks: Coalescer<'a, WebhookKey, Arc<HashMap<WebhookKey, Webhook>>>,
    successes: Coalescer<'a, LogEntry, bool>,
    deliveries: Coalescer<'a, Vec<Outgoing>, bool>,
    retries: Coalescer<'a, Vec<Outgoing>, bool>,
    memory: Semaphore,
    snapshots: Mutex<HashMap<WebhookId, Box<RawValue>>>,
}

impl<'a> Batch<'a> {
    /// The shared state of a batch of `records` records.
    pub(crate) fn new(app: &'a App, records: usize) -> Self {
        let send = |queue: Queue| {
            Coalescer::new(LOAD_LINGER, records, move |messages: Vec<Vec<Outgoing>>| {
                let messages = messages.into_iter().flatten().collect();
                async move { app.queues.send(queue, messages).await.is_ok() }.boxed()
            })
        };
        Self {
            app,
            began_at: app.clock.now(),
            owners: Mutex::default(),
            webhooks: Coalescer::new(LOAD_LINGER, records, move |keys: Vec<WebhookKey>| {
                async move { Arc::new(read_webhooks(app, &keys).await) }.boxed()
            }),
            successes: Coalescer::new(WRITE_LINGER, records, move |entries: Vec<LogEntry>| {
                async move { app.store.log_successful(&entries).await.is_ok() }.boxed()
            }),
            deliveries: send(Queue::Deliveries),
            retries: send(Queue::Retries),
            memory: Semaphore::new(MEMORY_KIB),
            snapshots: Mutex::default(),
        }
    }

    /// An owner's agent and webhooks, as they were when a record of this batch first read them.
    pub(super) async fn owned(&self, tenant: &Tenant, owner: Owner) -> Result<Arc<Owned>, InternalError> {
        let key = (tenant.clone(), owner);
        let cell = {
            let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
            owners.entry(key.clone()).or_default().clone()
        };
        // The records share an error, too. Otherwise each record would repeat the failing read, one after another.
        let read = async || match self.app.store.owned(&key.0, &key.1).await {
            Ok(owned) => Ok(Arc::new(owned)),
            Err(error) => Err(Arc::new(InternalError::from(error))),
        };
        cell.get_or_init(read).await.clone().map_err(InternalError::Shared)
    }

    /// A webhook as it was within the last second, and at least as new as `snapshot`. `None` if there is no such
    /// webhook, or if the read failed.
    pub(super) async fn webhook(
        &self,
        tenant: &Tenant,
        reference: &WebhookRef,
        snapshot: Option<&WebhookSnapshot>,
    ) -> Option<Webhook> {
        let (key, cache, now) = ((tenant.clone(), reference.clone()), &self.app.webhook_cache, self.app.clock.now());
        let is_new_enough = |webhook: &Webhook| snapshot.is_none_or(|read| webhook.updated_at >= read.updated_at);
        if let Some(read) = snapshot {
            if let Some(webhook) = cache.get(&key, now).filter(is_new_enough) {
                return Some(webhook);
            }
            // A snapshot that was sealed with another key cannot be opened. Then the webhook is read again.
            if cache.is_recent(read.at, now)
                && let Ok(snapshot) = self.app.store.open_snapshot(tenant, reference, &read.webhook)
                && is_new_enough(&snapshot)
            {
                cache.insert(key, snapshot.clone(), read.at, now);
                return Some(snapshot);
            }
        }
        let webhook = self.webhooks.load(key.clone()).await.get(&key).cloned().filter(is_new_enough)?;
        let now = self.app.clock.now();
        cache.insert(key, webhook.clone(), now, now);
        Some(webhook)
    }

    /// Logs a delivery that succeeded; `false` if the write failed.
    pub(super) async fn log_success(&self, entry: LogEntry) -> bool {
        self.successes.load(entry).await
    }

    /// A webhook's snapshot for a message. The batch seals it once.
    pub(super) fn snapshot(&self, tenant: &Tenant, webhook: &Webhook) -> Result<Box<RawValue>, InternalError> {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = snapshots.get(&webhook.id) {
            return Ok(snapshot.clone());
        }
        let snapshot = self.app.store.snapshot(tenant, webhook)?;
        snapshots.insert(webhook.id.clone(), snapshot.clone());
        Ok(snapshot)
    }

    /// Waits until there is room for `bytes` of messages. The room is taken until the returned permit is dropped.
    pub(super) async fn room(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let kib = u32::try_from(bytes.div_ceil(1024).min(MEMORY_KIB)).ok()?;
        self.memory.acquire_many(kib).await.ok()
    }

    /// Makes the coalescers wait for `senders` more senders, besides one for each record.
    pub(super) fn join_senders(&self, senders: usize) {
        self.deliveries.join(senders);
        self.retries.join(senders);
    }

    /// One of the senders added by `join_senders` sends nothing more.
    pub(super) fn leave_sender(&self) {
        self.deliveries.leave();
        self.retries.leave();
    }

    /// One record is done: the coalescers wait for it no longer.
    pub(crate) fn leave(&self) {
        self.webhooks.leave();
        self.successes.leave();
        self.leave_sender();
    }

    /// Sends first attempts to the deliveries queue.
    pub(super) async fn send_deliveries(&self, messages: Vec<Outgoing>) -> Result<(), InternalError> {
        self.send(&self.deliveries, Queue::Deliveries, messages).await
    }

    /// Sends later attempts, and first attempts to slow webhooks, to the retries queue.
    pub(super) async fn send_retries(&self, messages: Vec<Outgoing>) -> Result<(), InternalError> {
        self.send(&self.retries, Queue::Retries, messages).await
    }

    /// Sends the messages of several records together. If that fails, each record sends its own, so that a message that
    /// SQS refuses fails only its own record.
    async fn send(
        &self,
        coalescer: &Coalescer<'a, Vec<Outgoing>, bool>,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<(), InternalError> {
        if !messages.is_empty() && !coalescer.load(messages.clone()).await {
            self.app.queues.send(queue, messages).await?;
        }
        Ok(())
    }
}

/// Reads several webhooks in one call. If that fails, each record reads its own webhook.
async fn read_webhooks(app: &App, keys: &[WebhookKey]) -> HashMap<WebhookKey, Webhook> {
    app.store.batch_get_webhooks(keys).await.unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn Error, "a batch's webhooks could not be read with one call");
        HashMap::new()
    })
}
