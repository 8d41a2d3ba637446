//! Triggered by the events queue: has each event told once, to those who get it.
//!
//! Doing it twice makes the same deliveries. A message that it cannot read ends in the dead-letter queue.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use serde_json::value::RawValue;
use shared::domain::{Event, EventId};
use shared::queue::messages::EventsMessage;
use shared::queue::{Outgoing, Queue};
use shared::store::dedup::DedupLock;
use shared::time::Timestamp;

use super::batch::Batch;
use super::dispatch::dispatch;
use super::packing::{self, Accepted};
use super::publish_events::{EVENTS_MAX, position};
use super::{conversation, event, sqs_record};
use crate::app::App;
use crate::fault::Fault;
use crate::function::{Function, each_record};

/// Events of one message that are told at once.
const EVENTS_AT_ONCE: usize = 10;

/// How long an event waits that is put back: a repeat, for the publication that came before it.
const REQUEUE_DELAY: Duration = Duration::from_secs(2);

/// The function.
pub const FUNCTION: Function = Function::sqs("pipeline-fan-out", |app, event| Box::pin(fan_out_all(app, event)));

async fn fan_out_all(app: &App, event: SqsEvent) -> SqsBatchResponse {
    each_record(&Batch::new(app, event.records.len()), event, fan_out, Batch::leave).await
}

async fn fan_out(batch: &Batch<'_>, record: &SqsMessage) -> Result<(), Fault> {
    let message: EventsMessage = sqs_record::message(record)?;
    let accepted_at =
        message.accepted_at.or_else(|| sqs_record::sent_at(record)).unwrap_or_else(|| batch.app.clock.now());
    if message.events.len() > EVENTS_MAX {
        return Err(Fault::TooManyEvents(message.events.len()));
    }
    let raws = message.events.iter().enumerate();
    let events = raws.map(|(index, raw)| read_event(&message, record, index, raw, accepted_at));
    let events = events.collect::<Result<Vec<_>, _>>()?;
    if message.ids.is_none() {
        // They came straight to the queue, and not by way of publishing.
        conversation::remember(batch.app, &message.tenant, &events).await?;
    }
    let events: Vec<Accepted<'_>> = message.events.iter().map(AsRef::as_ref).zip(&events).collect();
    let mut dispatched = Ok(());
    for some in events.chunks(EVENTS_AT_ONCE) {
        // What they send goes together; the last of them leaves the record's own place to what follows.
        batch.join(some.len() - 1);
        let under_way = AtomicUsize::new(some.len());
        let some = some.iter().map(async |event| {
            let dispatched = dispatch_or_requeue(batch, &message, record, *event).await;
            if under_way.fetch_sub(1, Ordering::Relaxed) > 1 {
                batch.part();
            }
            dispatched
        });
        dispatched = join_all(some).await.into_iter().fold(dispatched, Result::and);
    }
    dispatched
}

/// Tells of an event. One that cannot be told among others goes on alone, so that those are not told again with it; but where
/// AWS fails, all wait, and no more is asked of it.
async fn dispatch_or_requeue(
    batch: &Batch<'_>,
    message: &EventsMessage,
    record: &SqsMessage,
    accepted: Accepted<'_>,
) -> Result<(), Fault> {
    match dispatch_once(batch, message, record, accepted).await {
        Err(fault) if message.events.len() > 1 && !fault.is_transient() => {
            tracing::error!(error = &fault as &dyn Error, event_id = %accepted.1.id, "an event goes on alone");
            requeue(batch.app, message, record, accepted).await
        }
        dispatched => dispatched,
    }
}

/// Tells of an event, unless it is a repeat of a named one. A publication claims a named event before it tells of it, and
/// says so after: what is interrupted in between is told by this message when it is shown again, or by a repeat.
async fn dispatch_once(
    batch: &Batch<'_>,
    message: &EventsMessage,
    record: &SqsMessage,
    (raw, event): Accepted<'_>,
) -> Result<(), Fault> {
    let Some(publish_token) = publish_token(message, record, event) else {
        return dispatch(batch, message, event).await;
    };
    match batch.app.store.acquire_dedup_lock(&message.tenant, &event.id, &publish_token, batch.app.clock.now()).await? {
        DedupLock::Done => Ok(()),
        DedupLock::InProgress => requeue(batch.app, message, record, (raw, event)).await,
        DedupLock::Acquired => {
            dispatch(batch, message, event).await?;
            Ok(batch.app.store.complete_dedup_lock(&message.tenant, &event.id).await?)
        }
    }
}

/// What tells this publication of a named event from others of the same id.
fn publish_token(message: &EventsMessage, record: &SqsMessage, event: &Event) -> Option<String> {
    let of_message = || {
        let message_id = record.message_id.as_deref().unwrap_or_default();
        message.publish_token.clone().unwrap_or_else(|| format!("{message_id}#{}", event.position))
    };
    event.has_client_id.then(of_message)
}

/// Looks at an event again, alone, a little later.
async fn requeue(app: &App, message: &EventsMessage, record: &SqsMessage, accepted: Accepted<'_>) -> Result<(), Fault> {
    let publish_token = publish_token(message, record, accepted.1);
    let (traceparent, only) = (message.traceparent.as_ref(), message.only.clone());
    let again = packing::message(&message.tenant, &[accepted], publish_token, traceparent, only)?;
    app.queues.send(Queue::Events, vec![Outgoing { delay: REQUEUE_DELAY, ..again }]).await?;
    Ok(())
}

fn read_event(
    message: &EventsMessage,
    record: &SqsMessage,
    index: usize,
    raw: &RawValue,
    accepted_at: Timestamp,
) -> Result<Event, Fault> {
    let given = message.ids.as_ref().and_then(|ids| ids.get(index)).cloned();
    let fresh_id = || EventId::from_queue_message(record.message_id.as_deref().unwrap_or_default(), index);
    let mut event =
        event::read(raw, &message.tenant, accepted_at, fresh_id).map_err(|_detail| Fault::Event { index })?;
    event.id = given.unwrap_or(event.id);
    event.has_client_id |= message.publish_token.is_some();
    event.position = message.positions.as_ref().and_then(|all| all.get(index)).copied().unwrap_or(position(index));
    Ok(event)
}
