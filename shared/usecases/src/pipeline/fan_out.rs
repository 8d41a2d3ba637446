//! Triggered by the events queue: dispatches each event once, to the webhooks that get it.
//!
//! A repeated fan-out makes the same deliveries. A message that `fan_out` cannot read ends in the dead-letter queue.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clients::queue::messages::EventsMessage;
use clients::queue::{Outgoing, Queue};
use clients::store::dedup::DedupLock;
use clients::store::events::Recipient;
use domain::time::Timestamp;
use domain::{Event, EventId, EventPack};
use futures::future::{join_all, try_join_all};
use serde_json::value::RawValue;

use super::batch::Batch;
use super::dispatch::{Dispatch, dispatch};
use super::process_records::process_records;
use super::queue_record::QueueRecord;
use crate::app::App;
use crate::internal_error::InternalError;
use crate::publish::pack_events::{self, Accepted};
use crate::publish::{EVENTS_MAX, conversation_history, position, read_event, register_events};

/// Events of one message that are dispatched at the same time.
const EVENTS_AT_ONCE: usize = 10;

/// From this size on, each event of a message that a platform sent is stored alone: a DynamoDB item has at most 400 KB.
const LARGE_MESSAGE_BYTES: usize = 300_000;

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
    let events = read_queued_events(batch.app, &message, record, accepted_at).await?;
    let accepted: Vec<Accepted<'_>> = events.iter().map(|(raw, event)| (*raw, event)).collect();
    let (mut all, mut recipients) = (Ok(()), Vec::new());
    for some in accepted.chunks(EVENTS_AT_ONCE) {
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
        for dispatched in join_all(some).await {
            match dispatched {
                Ok(to) => recipients.push(to),
                Err(error) => all = Err(error),
            }
        }
    }
    all?;
    store_packs(batch.app, &message, &accepted, recipients).await
}

/// An event, and the webhooks that it went to. `None` if it is dispatched later, alone.
type Dispatched<'a> = (&'a Event, Option<Vec<Recipient>>);

/// Stores the events without a client id, each with the webhooks that it went to.
async fn store_packs(
    app: &App,
    message: &EventsMessage,
    events: &[Accepted<'_>],
    recipients: Vec<Option<Vec<Recipient>>>,
) -> Result<(), InternalError> {
    let mut packs: Vec<(EventPack, Vec<Dispatched<'_>>)> = Vec::new();
    for ((_, event), recipients) in events.iter().zip(recipients) {
        let Some((pack, _)) = event.id.pack().filter(|_| !event.has_client_id) else { continue };
        match packs.last_mut() {
            Some((last, events)) if *last == pack => events.push((*event, recipients)),
            _ => packs.push((pack, vec![(*event, recipients)])),
        }
    }
    try_join_all(
        packs
            .iter()
            .map(|(pack, events)| app.store.put_events(&message.tenant, pack, events, message.traceparent.as_ref())),
    )
    .await?;
    Ok(())
}

/// Dispatches an event, and returns the webhooks that it went to. If that fails, it requeues the event alone, so that the message's other events are not
/// dispatched again. If AWS fails, the whole message waits instead, and AWS gets no more calls for it.
async fn dispatch_or_requeue(
    batch: &Batch<'_>,
    message: &EventsMessage,
    record: &QueueRecord,
    accepted: Accepted<'_>,
) -> Result<Option<Vec<Recipient>>, InternalError> {
    match dispatch_once(batch, message, record, accepted).await {
        Err(fault) if message.events.len() > 1 && !fault.is_transient() => {
            tracing::error!(error = &fault as &dyn Error, event_id = %accepted.1.id, "an event could not be dispatched and is requeued alone");
            requeue(batch.app, message, record, accepted).await?;
            Ok(None)
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
) -> Result<Option<Vec<Recipient>>, InternalError> {
    let of = Dispatch {
        tenant: &message.tenant,
        event,
        traceparent: message.traceparent.as_ref(),
        only: message.only.as_deref(),
        // After a day, another event may replace an event with a client id, while deliveries still wait. Release 0.1.0 gave
        // events other ids, under which they are not stored.
        is_stored: !event.has_client_id && event.id.pack().is_some(),
    };
    let Some(publish_token) = token_of(message, record, (raw, event)) else {
        return dispatch(batch, of).await.map(Some);
    };
    match batch.app.store.acquire_dedup_lock(&message.tenant, &event.id, &publish_token, batch.app.clock.now()).await? {
        DedupLock::Done => {}
        DedupLock::InProgress => requeue(batch.app, message, record, (raw, event)).await?,
        DedupLock::Acquired => {
            let recipients = dispatch(batch, of).await?;
            batch.app.store.complete_dedup_lock(&message.tenant, &event.id, &recipients).await?;
        }
    }
    Ok(None)
}

/// The publish token of an event with a client id. Another publication of the same client id has another token, in the
/// same message, too.
fn token_of(message: &EventsMessage, record: &QueueRecord, (raw, event): Accepted<'_>) -> Option<String> {
    let of_message = || {
        let index = message.events.iter().position(|other| std::ptr::eq(other.get(), raw.get()));
        format!("{}#{}", record.message_id, index.unwrap_or_default())
    };
    event.has_client_id.then(|| message.publish_token.clone().unwrap_or_else(of_message))
}

/// Queues an event again, alone and with a delay.
async fn requeue(
    app: &App,
    message: &EventsMessage,
    record: &QueueRecord,
    accepted: Accepted<'_>,
) -> Result<(), InternalError> {
    let publish_token = token_of(message, record, accepted);
    let (traceparent, only) = (message.traceparent.as_ref(), message.only.clone());
    let again = pack_events::message(&message.tenant, &[accepted], publish_token, traceparent, only)?;
    app.queues.send(Queue::Events, vec![Outgoing { delay: REQUEUE_DELAY, ..again }]).await?;
    Ok(())
}

/// Reads the events of a message. For events that a platform put into the queue directly, it also does what publishing
/// does: it registers client ids, and keeps conversations.
async fn read_queued_events<'a>(
    app: &App,
    message: &'a EventsMessage,
    record: &QueueRecord,
    accepted_at: Timestamp,
) -> Result<Vec<(&'a RawValue, Event)>, InternalError> {
    let raws = message.events.iter().map(AsRef::as_ref).enumerate();
    let events = raws.map(|(index, raw)| Ok((raw, read_queued_event(message, record, index, raw, accepted_at)?)));
    let mut events = events.collect::<Result<Vec<_>, InternalError>>()?;
    if message.ids.is_none() {
        events = register_queued_events(app, message, events).await?;
        conversation_history::store_messages(app, &message.tenant, events.iter().map(|(_, event)| event)).await?;
    }
    Ok(events)
}

/// Registers the events of a message that a platform put into the queue. An event whose client id belongs to another
/// event is requeued alone. There it fails, and ends in the dead-letter queue, without its message's other events.
async fn register_queued_events<'a>(
    app: &App,
    message: &EventsMessage,
    events: Vec<(&'a RawValue, Event)>,
) -> Result<Vec<(&'a RawValue, Event)>, InternalError> {
    let (mut registered, is_alone) = (Vec::new(), events.len() == 1);
    for (raw, mut event) in events {
        let result = match event.has_client_id {
            true => register_events::register_queued(app, &message.tenant, raw, &mut event).await,
            false => Ok(()),
        };
        match result {
            Ok(()) => registered.push((raw, event)),
            Err(InternalError::IdReused(id)) if !is_alone => {
                tracing::error!(event_id = %id, "an event's client id belongs to another event, and the event is requeued alone");
                let alone = pack_events::unregistered_message(message, raw, event.accepted_at)?;
                app.queues.send(Queue::Events, vec![alone]).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(registered)
}

fn read_queued_event(
    message: &EventsMessage,
    record: &QueueRecord,
    index: usize,
    raw: &RawValue,
    accepted_at: Timestamp,
) -> Result<Event, InternalError> {
    let given = message.ids.as_ref().and_then(|ids| ids.get(index)).cloned();
    let mut event = read_event(raw, &message.tenant, accepted_at, || queued_id(record, index, accepted_at))
        .map_err(|_detail| InternalError::InvalidEvent { index })?;
    event.id = given.unwrap_or(event.id);
    event.has_client_id |= message.publish_token.is_some();
    event.position = message.positions.as_ref().and_then(|all| all.get(index)).copied().unwrap_or(position(index));
    Ok(event)
}

/// The id of an event that a platform put into the queue without an id.
fn queued_id(record: &QueueRecord, index: usize, accepted_at: Timestamp) -> EventId {
    let pack_size = if record.body.len() > LARGE_MESSAGE_BYTES { 1 } else { EVENTS_AT_ONCE };
    let pack = EventPack::of_queue_message(accepted_at, &format!("{}/{}", record.message_id, index / pack_size));
    pack.event_id(u8::try_from(index % pack_size).unwrap_or(u8::MAX))
}
