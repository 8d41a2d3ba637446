//! Triggered by a schedule. It finds logged deliveries whose next attempt is overdue, and queues that attempt again.
//! The attempt's message was lost, or is in the dead-letter queue. The sweep does not find events and first attempts,
//! because no log entry exists for them yet.
//!
//! The sweep defers a delivery in the index before it queues the message. So of two sweeps at once, only one queues the
//! message. If a sweep stops in between, a later sweep finds the delivery again.

use std::time::Duration;

use clients::queue::messages::deliveries_group;
use clients::queue::{BATCH_MESSAGES_MAX, Outgoing, Queue};
use clients::store::deliveries::Overdue;
use futures::future::try_join_all;

use crate::app::App;
use crate::internal_error::InternalError;

/// Deliveries that one round takes from each of the index's 64 shards. Their bodies are in memory at the same time.
const SHARD_LIMIT: u16 = 3;

/// Rounds of one run. The next run continues.
const ROUNDS_MAX: usize = 50;

/// Queues overdue attempts again, for at most `ROUNDS_MAX` rounds.
///
/// # Errors
/// Where DynamoDB or SQS fails. The next run continues.
pub async fn sweep(app: &App) -> Result<(), InternalError> {
    let now = app.clock.now();
    let (before, mut count) = (now.minus(app.settings.sweep_after), 0);
    for _ in 0..ROUNDS_MAX {
        let overdue = app.store.overdue(before, SHARD_LIMIT).await?;
        if overdue.is_empty() {
            break;
        }
        for chunk in overdue.chunks(BATCH_MESSAGES_MAX) {
            let deferred = try_join_all(chunk.iter().map(|overdue| app.store.defer(overdue, now))).await?;
            let deferred_here = chunk.iter().zip(deferred).filter(|(_, deferred)| *deferred);
            let messages: Vec<_> = deferred_here.map(|(overdue, _)| outgoing(overdue)).collect();
            count += messages.len();
            app.queues.send(Queue::Retries, messages).await?;
        }
    }
    if count > 0 {
        tracing::warn!(count, "overdue deliveries were requeued");
    }
    Ok(())
}

fn outgoing(overdue: &Overdue) -> Outgoing {
    let group = deliveries_group(&overdue.key);
    Outgoing { body: overdue.message.clone(), delay: Duration::ZERO, group }
}
