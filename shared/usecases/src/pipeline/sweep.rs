//! Triggered by a schedule: finds logged deliveries whose next attempt is overdue, because its message was lost or landed
//! in the dead-letter queue, and queues it again. Events and first attempts, which no log holds yet, are not its matter.
//!
//! A delivery is postponed in the index before its message is sent: of two sweeps at once one sends it, and one that
//! stops in between leaves it for a later one to find.

use std::time::Duration;

use clients::queue::{Outgoing, Queue};
use clients::store::deliveries::Overdue;
use futures::future::try_join_all;

use crate::app::App;
use crate::internal_error::InternalError;

/// Deliveries that one round takes from each of the index's 64 parts: their bodies are held in memory together.
const SHARD_LIMIT: u16 = 3;

/// Rounds of one run; the next run goes on.
const ROUNDS_MAX: usize = 50;

/// Deliveries that are postponed and sent together: what one batch of SQS takes.
const CHUNK: usize = 10;

/// Queues overdue attempts again, for as many rounds as one run takes.
///
/// # Errors
/// Where DynamoDB or SQS fails. The next run goes on.
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
        tracing::warn!(count, "deliveries were overdue and are queued again");
    }
    Ok(())
}

fn outgoing(overdue: &Overdue) -> Outgoing {
    let group = overdue.key.webhook_id.to_string();
    Outgoing { body: overdue.message.clone(), delay: Duration::ZERO, group }
}
