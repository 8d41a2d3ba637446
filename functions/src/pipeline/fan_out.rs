//! Triggered by the events queue: decides who gets an event, and queues one delivery for each.
//!
//! Doing it twice makes the same deliveries. A message that it cannot read ends in the dead-letter queue.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::{join_all, try_join};
use serde_json::value::RawValue;
use shared::domain::{Agent, Conversation, DeliveryId, DeliveryKey, Event, EventId, Owner, Scope, Status, Webhook};
use shared::queue::messages::{AsRead, DeliveryMessage, EventsMessage, Version, sendable};
use shared::queue::{Outgoing, Queue};
use shared::render::RENDERED_BYTES_MAX;
use shared::routing::{self, Decision, recipients};
use shared::store::repeats::Claim;
use shared::time::Timestamp;

use super::batch::Batch;
use super::entry::entry;
use super::packing::{self, Accepted};
use super::publish_events::{EVENTS_MAX, position};
use super::{conversation, event, record, report};
use crate::app::App;
use crate::dialect::Telling;
use crate::dialects;
use crate::fault::Fault;
use crate::function::{Function, each_record};

/// Deliveries that are held in memory together: what one batch of SQS takes.
const BATCH: usize = 10;

/// Events of one message that are told at once.
const EVENTS_AT_ONCE: usize = 10;

/// What a delivery's message has besides what is told, with the webhook's copy.
const MESSAGE_BYTES: usize = 4 * 1024;

/// How long an event waits that is put back: a repeat, for the publication that came before it.
const PUT_BACK_PAUSE: Duration = Duration::from_secs(2);

/// Deliveries to one webhook within a second, in one of perhaps hundreds of processes, and for how many seconds on end, that make it
/// a busy one: a burst does not.
const BUSY: (u32, u32) = (30, 5);

/// Partitions of a busy webhook's log: each takes a thousand writes a second.
const LOG_SHARDS: u8 = 16;

/// The function.
pub const FUNCTION: Function = Function::sqs("pipeline-fan-out", |app, event| Box::pin(fan_out_all(app, event)));

async fn fan_out_all(app: &App, event: SqsEvent) -> SqsBatchResponse {
    each_record(&Batch::new(app, event.records.len()), event, fan_out, Batch::leave).await
}

async fn fan_out(batch: &Batch<'_>, record: &SqsMessage) -> Result<(), Fault> {
    let message: EventsMessage = record::message(record)?;
    let accepted_at = message.accepted_at.or_else(|| record::sent_at(record)).unwrap_or_else(|| batch.app.clock.now());
    if message.events.len() > EVENTS_MAX {
        return Err(Fault::TooManyEvents(message.events.len()));
    }
    let raws = message.events.iter().enumerate();
    let events = raws.map(|(index, raw)| read_event(&message, record, index, raw, accepted_at));
    let events = events.collect::<Result<Vec<_>, _>>()?;
    if message.ids.is_none() {
        // They came straight to the queue, and not by way of publishing.
        conversation::remember(batch.app, &message.scope, &events).await?;
    }
    let events: Vec<Accepted<'_>> = message.events.iter().map(AsRef::as_ref).zip(&events).collect();
    let mut told = Ok(());
    for some in events.chunks(EVENTS_AT_ONCE) {
        // What they send goes together; the last of them leaves the record's own place to what follows.
        batch.join(some.len() - 1);
        let telling = AtomicUsize::new(some.len());
        let some = some.iter().map(async |event| {
            let told = tell_or_put_back(batch, &message, record, *event).await;
            if telling.fetch_sub(1, Ordering::Relaxed) > 1 {
                batch.part();
            }
            told
        });
        told = join_all(some).await.into_iter().fold(told, Result::and);
    }
    told
}

/// Tells of an event. One that cannot be told among others goes on alone, so that those are not told again with it; but where
/// AWS fails, all wait, and no more is asked of it.
async fn tell_or_put_back(
    batch: &Batch<'_>,
    message: &EventsMessage,
    record: &SqsMessage,
    accepted: Accepted<'_>,
) -> Result<(), Fault> {
    match tell_once(batch, message, record, accepted).await {
        Err(fault) if message.events.len() > 1 && !fault.is_awss() => {
            tracing::error!(error = &fault as &dyn Error, event_id = %accepted.1.id, "an event goes on alone");
            put_back(batch.app, message, record, accepted).await
        }
        told => told,
    }
}

/// Tells of an event, unless it is a repeat of a named one. A publication claims a named event before it tells of it, and
/// says so after: what is interrupted in between is told by this message when it is shown again, or by a repeat.
async fn tell_once(
    batch: &Batch<'_>,
    message: &EventsMessage,
    record: &SqsMessage,
    (raw, event): Accepted<'_>,
) -> Result<(), Fault> {
    let Some(publication) = publication(message, record, event) else {
        return tell(batch, message, event).await;
    };
    match batch.app.store.claim_event(&message.scope, &event.id, &publication, batch.app.clock.now()).await? {
        Claim::Told => Ok(()),
        Claim::Held => put_back(batch.app, message, record, (raw, event)).await,
        Claim::Ours => {
            tell(batch, message, event).await?;
            Ok(batch.app.store.event_is_told(&message.scope, &event.id).await?)
        }
    }
}

/// What tells this publication of a named event from others of the same id.
fn publication(message: &EventsMessage, record: &SqsMessage, event: &Event) -> Option<String> {
    let of_message = || {
        let message_id = record.message_id.as_deref().unwrap_or_default();
        message.publication.clone().unwrap_or_else(|| format!("{message_id}#{}", event.position))
    };
    event.is_named.then(of_message)
}

/// Looks at an event again, alone, a little later.
async fn put_back(
    app: &App,
    message: &EventsMessage,
    record: &SqsMessage,
    accepted: Accepted<'_>,
) -> Result<(), Fault> {
    let publication = publication(message, record, accepted.1);
    let again = packing::message(&message.scope, &[accepted], publication, message.only.clone())?;
    app.queues.send(Queue::Events, vec![Outgoing { delay: PUT_BACK_PAUSE, ..again }]).await?;
    Ok(())
}

/// Queues an event's deliveries, a batch at a time: there may be a hundred, of 256 KiB each.
async fn tell(batch: &Batch<'_>, message: &EventsMessage, event: &Event) -> Result<(), Fault> {
    let recipients = decide(batch, message, event).await?;
    let mut failure = None;
    for some in recipients.decided.chunks(BATCH) {
        let room = batch.room(some.iter().map(|(webhook, _)| bytes(event, &recipients, webhook)).sum()).await;
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        for (webhook, decision) in some {
            match (delivery(batch, &message.scope, event, &recipients, webhook), decision) {
                (Ok(delivery), Decision::Deliver) if delivery.slow_lane => slow.push(outgoing(&delivery)?),
                (Ok(delivery), Decision::Deliver) => fast.push(outgoing(&delivery)?),
                (Ok(delivery), Decision::Skip) => log_as_skipped(batch.app, &delivery).await?,
                // One webhook that cannot be told must not keep the event from the others.
                (Err(fault), _) => failure = Some(fault),
            }
        }
        batch.send_deliveries(fast).await?;
        batch.send_retries(slow).await?;
        drop(room);
    }
    for (webhook, _) in &recipients.decided {
        spread_log_if_busy(batch.app, &message.scope, webhook).await;
    }
    report::told(batch.app, event, recipients.decided.len());
    failure.map_or(Ok(()), Err)
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
        event::read(raw, &message.scope, accepted_at, fresh_id).map_err(|_detail| Fault::Event { index })?;
    event.id = given.unwrap_or(event.id);
    event.is_named |= message.publication.is_some();
    event.traceparent = message.traceparent.clone();
    event.position = message.positions.as_ref().and_then(|all| all.get(index)).copied().unwrap_or(position(index));
    Ok(event)
}

/// Who is told of an event, and what they are told besides it.
struct Recipients {
    agent: Option<Agent>,
    conversation: Conversation,
    decided: Vec<(Webhook, Decision)>,
}

/// The reads are consistent: what was set or deleted before an event was published counts for it.
async fn decide(batch: &Batch<'_>, message: &EventsMessage, event: &Event) -> Result<Recipients, Fault> {
    let scope = &message.scope;
    let agents = async {
        match &event.agent_id {
            Some(id) => batch.owned(scope, Owner::Agent(id.clone())).await,
            None => Ok(Arc::default()),
        }
    };
    let projects = batch.owned(scope, Owner::Project);
    let (agents, projects) = try_join(agents, projects).await?;
    let native = dialects::native_name(&event.kind);
    let name_in = |name: &_| dialects::by_name(name).map_or(native, |dialect| dialect.event_name(native)).to_owned();
    let decided = match &message.only {
        Some(wanted) => routing::only(&agents.webhooks, &projects.webhooks, wanted),
        None => recipients(&agents.webhooks, &projects.webhooks, name_in),
    };
    let decided: Vec<_> = decided.into_iter().map(|(webhook, decision)| (webhook.clone(), decision)).collect();
    let conversation = conversation::before(batch.app, scope, event, &decided).await?;
    Ok(Recipients { agent: agents.agent.clone(), conversation, decided })
}

/// Freezes everything that no attempt may change.
fn delivery(
    batch: &Batch<'_>,
    scope: &Scope,
    event: &Event,
    to: &Recipients,
    webhook: &Webhook,
) -> Result<DeliveryMessage, Fault> {
    let dialect = dialects::by_name(&webhook.dialect).ok_or_else(|| Fault::Dialect(webhook.dialect.clone()))?;
    let event_type = dialect.event_name(dialects::native_name(&event.kind));
    let id = DeliveryId::derive(&event.id, &webhook.id);
    let (agent, conversation) = (to.agent.as_ref(), &to.conversation);
    let told = (dialect.tell)(&Telling { scope, event, event_type, agent, conversation, webhook, id: &id })?;
    Ok(DeliveryMessage {
        v: Version,
        key: DeliveryKey {
            scope: scope.clone(),
            webhook_id: webhook.id.clone(),
            shard: id.shard(webhook.log_shards),
            created_at: event.accepted_at,
            id,
        },
        webhook: webhook.reference(),
        as_read: Some(AsRead {
            at: batch.began_at,
            updated_at: webhook.updated_at,
            webhook: batch.copy(scope, webhook)?,
        }),
        event_id: event.id.clone(),
        event_type: event_type.to_owned(),
        agent_id: event.agent_id.clone(),
        message_id: told.message_id,
        channel: event.channel.clone(),
        traceparent: event.traceparent.clone(),
        attempt: 1,
        due_at: event.accepted_at,
        slow_lane: webhook.health.slow_since.is_some(),
        scheme: told.scheme,
        headers: told.headers,
        body: sendable(told.body),
    })
}

/// About the most that a delivery's message takes.
fn bytes(event: &Event, to: &Recipients, webhook: &Webhook) -> usize {
    if !webhook.request.templates.is_empty() {
        return RENDERED_BYTES_MAX;
    }
    let state = event.conversation_state.as_ref().map_or(0, |state| state.get().len());
    let told: usize = to.conversation.messages.iter().map(|message| message.content.len()).sum();
    event.data.get().len() + state + told + MESSAGE_BYTES
}

fn outgoing(delivery: &DeliveryMessage) -> Result<Outgoing, Fault> {
    let body = serde_json::to_string(delivery)?;
    Ok(Outgoing { body, delay: Duration::ZERO, group: delivery.key.webhook_id.to_string() })
}

/// Spreads a webhook's log where it may get more deliveries than one partition of it takes. What was logged before stays where it is,
/// and an event that is fanned out once more just then may be logged in two places.
async fn spread_log_if_busy(app: &App, scope: &Scope, webhook: &Webhook) {
    let is_busy = || app.fanned_out.stays_busy(webhook.id.clone(), app.clock.now(), BUSY);
    if webhook.log_shards < LOG_SHARDS
        && is_busy()
        && let Err(error) = app.store.spread_log(scope, webhook, LOG_SHARDS).await
    {
        tracing::warn!(error = &error as &dyn Error, webhook_id = %webhook.id, "a busy webhook's log could not be spread");
    }
}

async fn log_as_skipped(app: &App, message: &DeliveryMessage) -> Result<(), Fault> {
    let mut skipped = entry(message, Status::Skipped, 0);
    skipped.error = Some("The webhook is disabled.".to_owned());
    app.store.record(&skipped, None).await?;
    Ok(())
}
