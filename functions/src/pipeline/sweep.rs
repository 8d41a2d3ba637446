//! Triggered by a schedule: finds deliveries whose next attempt is overdue, because its message was lost or landed in
//! the dead-letter queue, and queues it again.
//!
//! A delivery is postponed in the index before its message is sent: of two sweeps at once one sends it, and one that
//! stops in between leaves it for a later one to find.

use std::time::Duration;

use shared::queue::{Outgoing, Queue};
use shared::store::deliveries::Overdue;

use crate::app::App;
use crate::fault::Fault;
use crate::function::Function;

/// Deliveries that one run takes from each part of the index.
const SHARD_LIMIT: u16 = 100;

/// The function.
pub const FUNCTION: Function = Function::schedule("pipeline-sweep", |app| Box::pin(sweep(app)));

async fn sweep(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    let before = now.minus(app.settings.sweep_after);
    let mut messages = Vec::new();
    for overdue in app.store.overdue(before, SHARD_LIMIT).await? {
        if app.store.postpone(&overdue, now).await? {
            messages.push(outgoing(overdue));
        }
    }
    let count = messages.len();
    app.queues.send(Queue::Retries, messages).await?;
    if count > 0 {
        tracing::warn!(count, "deliveries were overdue and are queued again");
    }
    Ok(())
}

fn outgoing(overdue: Overdue) -> Outgoing {
    Outgoing { body: overdue.message, delay: Duration::ZERO, group: overdue.key.webhook_id.to_string() }
}
