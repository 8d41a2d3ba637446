//! Triggered by the tasks queue: makes a step of a longer work. A step handles some pages, and then queues the next step
//! with the last row as its cursor.
//!
//! A step may run twice, because SQS may deliver its message twice. So each delivery is moved by a conditional write,
//! and only the invocation whose write succeeds queues the attempt. If an invocation ends between the write and the
//! message, the attempt is overdue later, and a sweep finds it.

use std::error::Error;
use std::time::Duration;

use clients::queue::messages::{Task, TaskMessage};
use clients::queue::{BATCH_MESSAGES_MAX, Outgoing, Queue};
use clients::store::deliveries::{LogEntry, StoredDelivery};
use clients::store::waiting::{WaitingRow, WaitingShard, WaitsIn};
use domain::time::Timestamp;
use domain::{Delivery, Status};
use futures::future::join_all;

use super::log_entry::next_message;
use super::process_records::process_records;
use super::queue_attempt::outgoing;
use super::queue_record::QueueRecord;
use super::sweep::{release_task, released_before};
use crate::app::App;
use crate::internal_error::InternalError;

/// The deliveries of one page. Their bodies are in memory at the same time.
const PAGE: u16 = 25;

/// Pages that one step handles at most. AWS ends a chain of more than 16 steps, so a step does much.
const PAGES_MAX: usize = 20;

/// How long after its event was accepted the body of a delivery may be missing. SQS delivers the event's message again
/// within an hour.
const BODY_COMES_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a delivery whose body is not stored is deferred.
const NOT_STORED_PAUSE: Duration = Duration::from_secs(30 * 60);

/// Makes the steps of a batch of messages. Returns the ids of the messages that failed: SQS redelivers them.
pub async fn run_task(app: &App, records: &[QueueRecord]) -> Vec<String> {
    process_records(app, records, run_one, |_| ()).await
}

async fn run_one(app: &App, record: &QueueRecord) -> Result<(), InternalError> {
    let TaskMessage { task: Task::Release { shard, after }, .. } = record.message()?;
    release(app, shard, after).await
}

/// Queues the attempts of some pages of waiting deliveries. The next step continues after them.
async fn release(app: &App, shard: WaitingShard, mut after: Option<WaitingRow>) -> Result<(), InternalError> {
    let (now, mut count) = (app.clock.now(), 0);
    let before = released_before(app, shard.waits_in, now);
    for _ in 0..PAGES_MAX {
        let rows = app.store.waiting_rows(shard, before, after.as_ref(), PAGE).await?;
        after = rows.last().filter(|_| rows.len() == usize::from(PAGE)).cloned();
        for some in app.store.waiting_deliveries(rows, now).await?.chunks(BATCH_MESSAGES_MAX) {
            let released = join_all(some.iter().map(|(row, stored)| release_one(app, shard, row, stored, now))).await;
            let (released, failed): (Vec<_>, Vec<_>) = released.into_iter().partition(Result::is_ok);
            // The deliveries that were moved must not wait for the others.
            let messages: Vec<_> = released.into_iter().flatten().flatten().collect();
            count += messages.len();
            app.queues.send(Queue::Retries, messages).await?;
            failed.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        if after.is_none() {
            break;
        }
    }
    if count > 0 && shard.waits_in == WaitsIn::Queue {
        tracing::warn!(count, "overdue deliveries were requeued");
    }
    if let Some(after) = after {
        app.queues.send(Queue::Tasks, vec![release_task(shard, Some(after))?]).await?;
    }
    Ok(())
}

/// The message of a delivery's attempt. `None` if another invocation queues it, or if the delivery cannot be sent.
async fn release_one(
    app: &App,
    shard: WaitingShard,
    row: &WaitingRow,
    stored: &StoredDelivery,
    now: Timestamp,
) -> Result<Option<Outgoing>, InternalError> {
    let delivery = &stored.delivery;
    let message = match next_message(app, stored.clone()).await {
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => {
            let (error, delivery_id) = (&error as &dyn Error, &delivery.key.id);
            tracing::error!(error, %delivery_id, "the body of a waiting delivery cannot be read");
            None
        }
        Ok(message) => message,
    };
    let Some(message) = message else {
        wait_for_body(app, row, stored, now).await?;
        return Ok(None);
    };
    // A sweep looks at the row again when the attempt is overdue.
    let due_at = match shard.waits_in {
        WaitsIn::Queue => now,
        WaitsIn::Table => row.due_at,
    };
    let is_moved = app.store.move_to_queue(row, &delivery.key, due_at).await?;
    is_moved.then(|| outgoing(&message, due_at.since(now))).transpose()
}

/// Defers a delivery whose body is not stored. The event is stored after its deliveries are queued, so it may come yet.
/// After a day, the delivery ends as failed.
async fn wait_for_body(
    app: &App,
    row: &WaitingRow,
    stored: &StoredDelivery,
    now: Timestamp,
) -> Result<(), InternalError> {
    let delivery_id = &stored.delivery.key.id;
    if now.since(stored.delivery.key.created_at) < BODY_COMES_WITHIN {
        tracing::error!(%delivery_id, "the body of a waiting delivery is not stored, and the delivery is deferred");
        return Ok(app.store.defer(row, now.plus(NOT_STORED_PAUSE)).await?);
    }
    tracing::error!(%delivery_id, "the body of a waiting delivery is not stored, and the delivery has failed");
    let ended = Delivery {
        status: Status::Failed,
        attempts: Vec::new(),
        end_reason: Some("The body is not stored any more.".to_owned()),
        next_retry_at: None,
        ..stored.delivery.clone()
    };
    let entry = LogEntry { delivery: ended, request: stored.request.clone(), body_apart: None, is_parked: false };
    app.store.log_attempt(&entry).await?;
    Ok(())
}
