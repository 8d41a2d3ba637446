//! Dispatches an event: decides which webhooks get it, writes their requests, and queues the deliveries. `fan_out` and
//! the short way call it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clients::queue::BATCH_MESSAGES_MAX;
use clients::queue::messages::{DeliveryMessage, Version, WebhookSnapshot, sendable};
use clients::store::events::{AroundData, Recipient};
use domain::{
    Agent, Conversation, DeliveryId, DeliveryKey, Event, Owner, Status, Tenant, Traceparent, Webhook, WebhookId,
};
use futures::future::try_join;
use rules::render::RENDERED_BYTES_MAX;
use rules::routing::{self, Decision, recipients};

use super::batch::Batch;
use super::log_entry::{delivery_of, log_entry};
use super::queue_attempt::outgoing;
use super::report;
use crate::app::App;
use crate::dialect::PayloadContext;
use crate::hot_keys::Threshold;
use crate::internal_error::InternalError;
use crate::publish::conversation_history;

/// Bytes of a delivery's message besides event data, state and history. They include the webhook's snapshot.
const MESSAGE_BYTES: usize = 4 * 1024;

/// A webhook is hot if this process dispatches 30 deliveries a second to it, for 5 seconds in a row. A shorter burst
/// does not count. There may be hundreds of such processes.
const HOT: Threshold = Threshold { times: 30, seconds: 5 };

/// Partitions of a hot webhook's log. Each partition takes 1,000 writes a second.
const LOG_SHARDS: u8 = 16;

/// The most deliveries of an event whose requests are stored with the event. Ten such events fit into an item of DynamoDB,
/// even if their requests do not compress.
const WITH_EVENT_MAX: usize = 20;

/// How long after it was noticed a hot webhook's log is spread: until then, every fan-out has read the new number of
/// partitions.
const SPREAD_AFTER: Duration = Duration::from_secs(5);

/// An event to dispatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dispatch<'a> {
    /// The tenant.
    pub(crate) tenant: &'a Tenant,
    /// The event.
    pub(crate) event: &'a Event,
    /// The trace of the call that published the event.
    pub(crate) traceparent: Option<&'a Traceparent>,
    /// The only webhooks that receive the event.
    pub(crate) only: Option<&'a [WebhookId]>,
    /// Whether the event is stored, so that its deliveries need not repeat its data in the log.
    pub(crate) is_stored: bool,
}

/// Decides which webhooks get an event, and queues its deliveries. Returns the webhooks.
pub(crate) async fn dispatch(batch: &Batch<'_>, of: Dispatch<'_>) -> Result<Vec<Recipient>, InternalError> {
    dispatch_to(batch, of, &decide(batch, of).await?).await
}

/// Queues an event's deliveries in batches: there may be a hundred deliveries of 256 KiB each. Returns the webhooks that
/// the event went to.
pub(crate) async fn dispatch_to(
    batch: &Batch<'_>,
    of: Dispatch<'_>,
    recipients: &Recipients,
) -> Result<Vec<Recipient>, InternalError> {
    let (mut failure, mut queued, mut to) = (None, 0, Vec::new());
    for some in recipients.decided.chunks(BATCH_MESSAGES_MAX) {
        let room = batch.room(some.iter().map(|(webhook, _)| bytes(of.event, recipients, webhook)).sum()).await;
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        for (webhook, decision) in some {
            let message = delivery_message(batch, of, recipients, webhook).map(|(message, recipient)| {
                to.push(recipient);
                message
            });
            match (message, decision) {
                (Ok(delivery), Decision::Deliver) if delivery.slow_lane => {
                    slow.push(outgoing(&delivery, Duration::ZERO)?)
                }
                (Ok(delivery), Decision::Deliver) => fast.push(outgoing(&delivery, Duration::ZERO)?),
                (Ok(delivery), Decision::Skip) => log_as_skipped(batch.app, &delivery).await?,
                // An error of one webhook must not keep the event from the others.
                (Err(error), _) => failure = Some(error),
            }
        }
        queued += fast.len() + slow.len();
        batch.send_deliveries(fast).await?;
        batch.send_retries(slow).await?;
        drop(room);
    }
    for (webhook, _) in &recipients.decided {
        spread_log_if_hot(batch.app, of.tenant, webhook).await;
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    report::report_dispatched(batch.app, of.event, of.traceparent, queued);
    Ok(to)
}

/// The webhooks that an event may go to, and the agent and conversation for their payloads.
pub(crate) struct Recipients {
    agent: Option<Agent>,
    conversation: Conversation,
    decided: Vec<(Webhook, Decision)>,
}

impl Recipients {
    /// The number of deliveries.
    pub(crate) fn len(&self) -> usize {
        self.decided.len()
    }

    /// Whether this release has the dialects of all webhooks. If not, the dispatch fails after the other deliveries are
    /// queued, and the event is not stored.
    fn all_have_dialects(&self, batch: &Batch<'_>) -> bool {
        self.decided.iter().all(|(webhook, _)| batch.app.dialects.by_name(&webhook.dialect).is_some())
    }
}

/// Decides which webhooks get the event. The reads are strongly consistent: a webhook set or deleted before the event
/// was published counts for it.
pub(crate) async fn decide(batch: &Batch<'_>, of: Dispatch<'_>) -> Result<Recipients, InternalError> {
    let Dispatch { tenant, event, .. } = of;
    let agents = async {
        match &event.agent_id {
            Some(id) => batch.owned(tenant, Owner::Agent(id.clone())).await,
            None => Ok(Arc::default()),
        }
    };
    let projects = batch.owned(tenant, Owner::Project);
    let (agents, projects) = try_join(agents, projects).await?;
    let dialects = batch.app.dialects;
    let native = dialects.native_name(&event.event_type);
    let name_in = |name: &_| dialects.by_name(name).map_or(native, |dialect| dialect.event_name(native)).to_owned();
    let decided = match of.only {
        Some(wanted) => routing::only(&agents.webhooks, &projects.webhooks, wanted),
        None => recipients(&agents.webhooks, &projects.webhooks, name_in),
    };
    let decided: Vec<_> = decided.into_iter().map(|(webhook, decision)| (webhook.clone(), decision)).collect();
    let conversation = conversation_history::history_before(batch.app, tenant, event, &decided).await?;
    Ok(Recipients { agent: agents.agent.clone(), conversation, decided })
}

/// Writes a delivery's message, and what the stored event says of it. The request stays the same on every attempt.
fn delivery_message(
    batch: &Batch<'_>,
    of: Dispatch<'_>,
    to: &Recipients,
    webhook: &Webhook,
) -> Result<(DeliveryMessage, Recipient), InternalError> {
    let Dispatch { tenant, event, .. } = of;
    let dialect = batch
        .app
        .dialects
        .by_name(&webhook.dialect)
        .ok_or_else(|| InternalError::UnknownDialect(webhook.dialect.clone()))?;
    let native_type = batch.app.dialects.native_name(&event.event_type);
    let event_type = dialect.event_name(native_type);
    let shards = webhook.log_shards_at(event.accepted_at);
    let id = DeliveryId::derive(&event.id, &webhook.id, event.accepted_at, shards);
    let (agent, conversation) = (to.agent.as_ref(), &to.conversation);
    let request = (dialect.build_request)(&PayloadContext {
        tenant,
        event,
        native_type,
        event_type,
        agent,
        conversation,
        webhook,
        id: &id,
    })?;
    let body = sendable(request.body);
    let is_with_event =
        of.is_stored && batch.app.store.keeps_all_bodies() && to.len() <= WITH_EVENT_MAX && to.all_have_dialects(batch);
    let around = is_with_event.then(|| AroundData::split(&request.headers, body.get(), event.data.get())).flatten();
    let with_event = around.is_some();
    let recipient = Recipient { webhook: webhook.id.clone(), log_shards: shards, request: around };
    let message = DeliveryMessage {
        v: Version,
        key: DeliveryKey {
            tenant: tenant.clone(),
            webhook_id: webhook.id.clone(),
            shard: id.place().map_or(0, |place| place.shard),
            created_at: event.accepted_at,
            id,
        },
        webhook: webhook.reference(),
        snapshot: Some(WebhookSnapshot {
            at: batch.began_at,
            updated_at: webhook.updated_at,
            webhook: batch.snapshot(tenant, webhook)?,
        }),
        event_id: event.id.clone(),
        event_type: event_type.to_owned(),
        agent_id: event.agent_id.clone(),
        message_id: request.message_id,
        channel: event.channel.clone(),
        conversation_id: event.conversation_id.clone(),
        dialect: Some(webhook.dialect.clone()),
        traceparent: of.traceparent.cloned(),
        attempt: 1,
        due_at: event.accepted_at,
        slow_lane: webhook.health.slow_since.is_some(),
        signature: (dialect.signature)(),
        headers: request.headers,
        with_event,
        body,
    };
    Ok((message, recipient))
}

/// An upper estimate of the bytes of a delivery's message.
fn bytes(event: &Event, to: &Recipients, webhook: &Webhook) -> usize {
    if !webhook.request.templates.is_empty() {
        return RENDERED_BYTES_MAX;
    }
    let state = event.conversation_state.as_ref().map_or(0, |state| state.get().len());
    let history: usize = to.conversation.messages.iter().map(|message| message.content.len()).sum();
    event.data.get().len() + state + history + MESSAGE_BYTES
}

/// Spreads a hot webhook's log over 16 partitions, because one partition may not take all of its writes. Entries of
/// events that were accepted before stay where they are.
async fn spread_log_if_hot(app: &App, tenant: &Tenant, webhook: &Webhook) {
    let now = app.clock.now();
    let is_hot = || app.hot_webhooks.record(webhook.id.clone(), now, HOT);
    if webhook.log_shards < LOG_SHARDS
        && is_hot()
        && let Err(error) = app.store.spread_log(tenant, webhook, LOG_SHARDS, now.plus(SPREAD_AFTER)).await
    {
        tracing::warn!(error = &error as &dyn Error, webhook_id = %webhook.id, "a hot webhook's log could not be spread");
    }
}

async fn log_as_skipped(app: &App, message: &DeliveryMessage) -> Result<(), InternalError> {
    let mut skipped = delivery_of(message, Status::Skipped, 0);
    skipped.end_reason = Some("The webhook is disabled.".to_owned());
    app.store.log_attempt(&log_entry(app, message, skipped, false)).await?;
    Ok(())
}
