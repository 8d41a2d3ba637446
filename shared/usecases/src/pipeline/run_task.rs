//! Triggered by the tasks queue: makes a step of a longer work. A step handles one page, and then queues the next step
//! with the page's last row as its cursor.
//!
//! A step may run twice, because SQS may deliver its message twice. So each delivery is moved by a conditional write,
//! and only the invocation whose write succeeds queues the attempt. If an invocation ends between the write and the
//! message, the attempt is overdue later, and a sweep finds it.

use std::time::Duration;

use clients::queue::messages::{DeliveryMessage, Task, TaskMessage, deliveries_group};
use clients::queue::{BATCH_MESSAGES_MAX, Outgoing, Queue};
use clients::store::deliveries::StoredDelivery;
use clients::store::waiting::{WaitingRow, WaitingShard, WaitsIn};
use domain::time::Timestamp;
use futures::future::try_join_all;

use super::log_entry::next_message;
use super::process_records::process_records;
use super::queue_record::QueueRecord;
use super::sweep::{release_task, released_before};
use crate::app::App;
use crate::internal_error::InternalError;

/// The deliveries of one page. Their bodies are in memory at the same time.
const PAGE: u16 = 25;

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

/// Queues the attempts of a page of waiting deliveries.
async fn release(app: &App, shard: WaitingShard, after: Option<WaitingRow>) -> Result<(), InternalError> {
    let now = app.clock.now();
    let before = released_before(app, shard.waits_in, now);
    let rows = app.store.waiting_rows(shard, before, after.as_ref(), PAGE).await?;
    let next = rows.last().filter(|_| rows.len() == usize::from(PAGE)).cloned();
    let mut count = 0;
    for some in app.store.waiting_deliveries(rows, now).await?.chunks(BATCH_MESSAGES_MAX) {
        let released = try_join_all(some.iter().map(|(row, stored)| release_one(app, shard, row, stored, now))).await?;
        let messages: Vec<_> = released.into_iter().flatten().collect();
        count += messages.len();
        app.queues.send(Queue::Retries, messages).await?;
    }
    if count > 0 && shard.waits_in == WaitsIn::Queue {
        tracing::warn!(count, "overdue deliveries were requeued");
    }
    if let Some(next) = next {
        app.queues.send(Queue::Tasks, vec![release_task(shard, Some(next))?]).await?;
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
    let key = stored.delivery.key.clone();
    let Some(message) = next_message(app, stored.clone()).await? else {
        // The event is stored after its deliveries are queued, so it may come yet.
        tracing::error!(delivery_id = %key.id, "the body of a waiting delivery is not stored, and the delivery is deferred");
        app.store.defer(row, now.plus(NOT_STORED_PAUSE)).await?;
        return Ok(None);
    };
    // A sweep looks at the row again when the attempt is overdue.
    let due_at = match shard.waits_in {
        WaitsIn::Queue => now,
        WaitsIn::Table => row.due_at,
    };
    let is_moved = app.store.move_to_queue(row, &key, due_at).await?;
    is_moved.then(|| outgoing(&message, due_at, now)).transpose()
}

fn outgoing(message: &DeliveryMessage, due_at: Timestamp, now: Timestamp) -> Result<Outgoing, InternalError> {
    let group = deliveries_group(&message.key);
    Ok(Outgoing { body: serde_json::to_string(message)?, delay: due_at.since(now), group })
}
