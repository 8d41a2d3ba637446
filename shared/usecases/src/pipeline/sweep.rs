//! Triggered by a schedule. It finds the shards with waiting deliveries that are due soon or overdue, and queues a task
//! for each. [`run_task`](super::run_task()) then queues the attempts.
//!
//! A parked delivery is due soon when SQS can delay its message until it is due. An attempt is overdue when its message
//! was lost, or is in the dead-letter queue. The sweep does not find events and first attempts, because no log entry
//! exists for them yet.

use std::time::Duration;

use clients::queue::messages::{Task, TaskMessage, Version};
use clients::queue::{DELAY_MAX, Outgoing, Queue};
use clients::store::waiting::{WaitingRow, WaitingShard, WaitsIn};
use domain::time::Timestamp;

use crate::app::App;
use crate::internal_error::InternalError;

/// How long before it is due a parked delivery is queued. A task may start a minute later than its sweep.
const RELEASE_BEFORE: Duration = DELAY_MAX.saturating_sub(Duration::from_secs(60));

/// Queues a task for each shard that has deliveries to release.
///
/// # Errors
/// Where DynamoDB or SQS fails. The next run continues.
pub async fn sweep(app: &App) -> Result<(), InternalError> {
    let now = app.clock.now();
    let shards = app.store.shards_with_due(|waits_in| released_before(app, waits_in, now)).await?;
    let tasks: Result<Vec<_>, _> = shards.into_iter().map(|shard| release_task(shard, None)).collect();
    app.queues.send(Queue::Tasks, tasks?).await?;
    Ok(())
}

/// Deliveries are released if they are due before this time.
pub(super) fn released_before(app: &App, waits_in: WaitsIn, now: Timestamp) -> Timestamp {
    match waits_in {
        WaitsIn::Queue => now.minus(app.settings.sweep_after),
        WaitsIn::Table => now.plus(RELEASE_BEFORE),
    }
}

/// The message of a task that releases the deliveries of a shard, after the row `after`.
pub(super) fn release_task(shard: WaitingShard, after: Option<WaitingRow>) -> Result<Outgoing, InternalError> {
    let message = TaskMessage { v: Version, task: Task::Release { shard, after } };
    let group = format!("release-{:?}-{}", shard.waits_in, shard.number);
    Ok(Outgoing { body: serde_json::to_string(&message)?, delay: Duration::ZERO, group })
}
