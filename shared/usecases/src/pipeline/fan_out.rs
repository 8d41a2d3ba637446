//! Triggered by the events queue: dispatches each event once, to the webhooks that get it.
//!
//! A repeated fan-out makes the same deliveries. A message that `fan_out` cannot read ends in the dead-letter queue.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clients::queue::messages::EventsMessage;
use clients::queue::{Outgoing, Queue};
use clients::store::dedup::DedupLock;
use domain::time::Timestamp;
use domain::{Event, EventId};
use futures::future::join_all;
use serde_json::value::RawValue;

use super::batch::Batch;
use super::dispatch::dispatch;
use super::process_records::process_records;
use super::queue_record::QueueRecord;
use crate::app::App;
use crate::internal_error::InternalError;
use crate::publish::pack_events::{self, Accepted};
use crate::publish::{EVENTS_MAX, conversation_history, position, read_event};

/// Events of one message that are dispatched at the same time.
const EVENTS_AT_ONCE: usize = 10;

/// How long a requeued event waits. A repeat waits that long for the publication that holds the dedup lock.
const REQUEUE_DELAY: Duration = Duration::from_secs(2);

/// Dispatches the events of a batch of messages. Returns the ids of the messages that failed: SQS redelivers them.
pub async fn fan_out(app: &App, records: &[QueueRecord]) -> Vec<String> {
    process_records(&Batch::new(app, records.len()), records, fan_out_one, Batch::leave).await
}

async fn fan_out_one(batch: &Batch<'_>, record: &QueueRecord) -> Result<(), InternalError> {
    let message: EventsMessage = record.message()?;
    let accepted_at = message.accepted_at.or(record.sent_at).unwrap_or_else(|| batch.app.clock.now());
    if message.events.len() > EVENTS_MAX {
        return Err(InternalError::TooManyEvents(message.events.len()));
    }
    let raws = message.events.iter().enumerate();
    let events = raws.map(|(index, raw)| read_queued_event(&message, record, index, raw, accepted_at));
    let events = events.collect::<Result<Vec<_>, _>>()?;
    if message.ids.is_none() {
        // A platform put these events into the queue directly, so publishing has not kept their conversations.
        conversation_history::store_messages(batch.app, &message.tenant, &events).await?;
    }
    let events: Vec<Accepted<'_>> = message.events.iter().map(AsRef::as_ref).zip(&events).collect();
    let mut dispatched = Ok(());
    for some in events.chunks(EVENTS_AT_ONCE) {
        // These events send their messages together. The last event to end leaves the record's own membership for the
        // next chunk.
        batch.join_senders(some.len() - 1);
        let under_way = AtomicUsize::new(some.len());
        let some = some.iter().map(async |event| {
            let dispatched = dispatch_or_requeue(batch, &message, record, *event).await;
            if under_way.fetch_sub(1, Ordering::Relaxed) > 1 {
                batch.leave_sender();
            }
            dispatched
        });
        dispatched = join_all(some).await.into_iter().fold(dispatched, Result::and);
    }
    dispatched
}

/// Dispatches an event. If that fails, it requeues the event alone, so that the message's other events are not
/// dispatched again. If AWS fails, the whole message waits instead, and AWS gets no more calls for it.
async fn dispatch_or_requeue(
    batch: &Batch<'_>,
    message: &EventsMessage,
    record: &QueueRecord,
    accepted: Accepted<'_>,
) -> Result<(), InternalError> {
    match dispatch_once(batch, message, record, accepted).await {
        Err(fault) if message.events.len() > 1 && !fault.is_transient() => {
            tracing::error!(error = &fault as &dyn Error, event_id = %accepted.1.id, "an event could not be dispatched and is requeued alone");
            requeue(batch.app, message, record, accepted).await
        }
        dispatched => dispatched,
    }
}

/// Dispatches an event, unless another publication of it has been dispatched. An event with a client id acquires its
/// dedup lock first, and completes the lock afterwards. If a crash comes in between, this message dispatches the event
/// when SQS redelivers it, or a repeat does.
async fn dispatch_once(
    batch: &Batch<'_>,
    message: &EventsMessage,
    record: &QueueRecord,
    (raw, event): Accepted<'_>,
) -> Result<(), InternalError> {
    let Some(publish_token) = token_of(message, record, event) else {
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

/// The publish token of an event with a client id. Another publication of the same client id has another token.
fn token_of(message: &EventsMessage, record: &QueueRecord, event: &Event) -> Option<String> {
    let of_message = || {
        let message_id = &record.message_id;
        message.publish_token.clone().unwrap_or_else(|| format!("{message_id}#{}", event.position))
    };
    event.has_client_id.then(of_message)
}

/// Queues an event again, alone and with a delay.
async fn requeue(
    app: &App,
    message: &EventsMessage,
    record: &QueueRecord,
    accepted: Accepted<'_>,
) -> Result<(), InternalError> {
    let publish_token = token_of(message, record, accepted.1);
    let (traceparent, only) = (message.traceparent.as_ref(), message.only.clone());
    let again = pack_events::message(&message.tenant, &[accepted], publish_token, traceparent, only)?;
    app.queues.send(Queue::Events, vec![Outgoing { delay: REQUEUE_DELAY, ..again }]).await?;
    Ok(())
}

fn read_queued_event(
    message: &EventsMessage,
    record: &QueueRecord,
    index: usize,
    raw: &RawValue,
    accepted_at: Timestamp,
) -> Result<Event, InternalError> {
    let given = message.ids.as_ref().and_then(|ids| ids.get(index)).cloned();
    let fresh_id = || EventId::from_queue_message(record.message_id.as_str(), index);
    let mut event = read_event(raw, &message.tenant, accepted_at, fresh_id)
        .map_err(|_detail| InternalError::InvalidEvent { index })?;
    event.id = given.unwrap_or(event.id);
    event.has_client_id |= message.publish_token.is_some();
    event.position = message.positions.as_ref().and_then(|all| all.get(index)).copied().unwrap_or(position(index));
    Ok(event)
}
