//! Triggered by a schedule. It finds logged deliveries whose next attempt is overdue, and queues that attempt again.
//! The attempt's message was lost, or is in the dead-letter queue. The sweep does not find events and first attempts,
//! because no log entry exists for them yet.
//!
//! The sweep defers a delivery in the index before it queues the message. So of two sweeps at once, only one queues the
//! message. If a sweep stops in between, a later sweep finds the delivery again.

use std::time::Duration;

use clients::queue::{Outgoing, Queue};
use clients::store::deliveries::Overdue;
use futures::future::try_join_all;

use crate::app::App;
use crate::internal_error::InternalError;

/// Deliveries that one round takes from each of the index's 64 shards. Their bodies are in memory at the same time.
const SHARD_LIMIT: u16 = 3;

/// Rounds of one run. The next run continues.
const ROUNDS_MAX: usize = 50;

/// Deliveries that are deferred and queued together: SQS takes 10 messages in a batch.
const CHUNK: usize = 10;

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
        for chunk in overdue.chunks(CHUNK) {
            let deferred = try_join_all(chunk.iter().map(|overdue| app.store.defer(overdue, now))).await?;
            let ours = chunk.iter().zip(deferred).filter(|(_, deferred)| *deferred);
            let messages: Vec<_> = ours.map(|(overdue, _)| outgoing(overdue)).collect();
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
    let group = overdue.key.webhook_id.to_string();
    Outgoing { body: overdue.message.clone(), delay: Duration::ZERO, group }
}
