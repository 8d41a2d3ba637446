//! Triggered by a schedule: finds logged deliveries whose next attempt is overdue, because its message was lost or landed
//! in the dead-letter queue, and queues it again. Events and first attempts, which no log holds yet, are not its matter.
//!
//! A delivery is postponed in the index before its message is sent: of two sweeps at once one sends it, and one that
//! stops in between leaves it for a later one to find.

use std::time::Duration;

use futures::future::try_join_all;
use shared::queue::{Outgoing, Queue};
use shared::store::deliveries::Overdue;

use crate::app::App;
use crate::fault::Fault;
use crate::function::Function;

/// Deliveries that one run takes from each part of the index.
const SHARD_LIMIT: u16 = 100;

/// Deliveries that are postponed and sent together: what one batch of SQS takes.
const CHUNK: usize = 10;

/// The function.
pub const FUNCTION: Function = Function::schedule("pipeline-sweep", |app| Box::pin(sweep(app)));

async fn sweep(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    let overdue = app.store.overdue(now.minus(app.settings.sweep_after), SHARD_LIMIT).await?;
    let mut count = 0;
    for chunk in overdue.chunks(CHUNK) {
        let postponed = try_join_all(chunk.iter().map(|overdue| app.store.postpone(overdue, now))).await?;
        let messages: Vec<_> = chunk
            .iter()
            .zip(postponed)
            .filter(|(_, postponed)| *postponed)
            .map(|(overdue, _)| outgoing(overdue))
            .collect();
        count += messages.len();
        app.queues.send(Queue::Retries, messages).await?;
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
