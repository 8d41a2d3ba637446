//! Dispatches an event: decides which webhooks get it, writes their requests, and queues the deliveries. `fan_out`
//! calls it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clients::queue::messages::{DeliveryMessage, EventsMessage, Version, WebhookSnapshot, deliveries_group, sendable};
use clients::queue::{BATCH_MESSAGES_MAX, Outgoing};
use domain::{Agent, Conversation, DeliveryId, DeliveryKey, Event, Owner, Status, Tenant, Webhook};
use futures::future::try_join;
use rules::render::RENDERED_BYTES_MAX;
use rules::routing::{self, Decision, recipients};

use super::batch::Batch;
use super::log_entry::log_entry;
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

/// Queues an event's deliveries in batches: there may be a hundred deliveries of 256 KiB each.
pub(super) async fn dispatch(batch: &Batch<'_>, message: &EventsMessage, event: &Event) -> Result<(), InternalError> {
    let recipients = decide(batch, message, event).await?;
    let (mut failure, mut queued) = (None, 0);
    for some in recipients.decided.chunks(BATCH_MESSAGES_MAX) {
        let room = batch.room(some.iter().map(|(webhook, _)| bytes(event, &recipients, webhook)).sum()).await;
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        for (webhook, decision) in some {
            match (delivery_message(batch, message, event, &recipients, webhook), decision) {
                (Ok(delivery), Decision::Deliver) if delivery.slow_lane => slow.push(outgoing(&delivery)?),
                (Ok(delivery), Decision::Deliver) => fast.push(outgoing(&delivery)?),
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
        spread_log_if_hot(batch.app, &message.tenant, webhook).await;
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    report::report_dispatched(batch.app, event, message.traceparent.as_ref(), queued);
    Ok(())
}

/// The webhooks that an event may go to, and the agent and conversation for their payloads.
struct Recipients {
    agent: Option<Agent>,
    conversation: Conversation,
    decided: Vec<(Webhook, Decision)>,
}

/// Decides which webhooks get the event. The reads are strongly consistent: a webhook set or deleted before the event
/// was published counts for it.
async fn decide(batch: &Batch<'_>, message: &EventsMessage, event: &Event) -> Result<Recipients, InternalError> {
    let tenant = &message.tenant;
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
    let decided = match &message.only {
        Some(wanted) => routing::only(&agents.webhooks, &projects.webhooks, wanted),
        None => recipients(&agents.webhooks, &projects.webhooks, name_in),
    };
    let decided: Vec<_> = decided.into_iter().map(|(webhook, decision)| (webhook.clone(), decision)).collect();
    let conversation = conversation_history::history_before(batch.app, tenant, event, &decided).await?;
    Ok(Recipients { agent: agents.agent.clone(), conversation, decided })
}

/// Writes a delivery's message. Its request stays the same on every attempt.
fn delivery_message(
    batch: &Batch<'_>,
    message: &EventsMessage,
    event: &Event,
    to: &Recipients,
    webhook: &Webhook,
) -> Result<DeliveryMessage, InternalError> {
    let tenant = &message.tenant;
    let dialect = batch
        .app
        .dialects
        .by_name(&webhook.dialect)
        .ok_or_else(|| InternalError::UnknownDialect(webhook.dialect.clone()))?;
    let native_type = batch.app.dialects.native_name(&event.event_type);
    let event_type = dialect.event_name(native_type);
    let id = DeliveryId::derive(&event.id, &webhook.id);
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
    Ok(DeliveryMessage {
        v: Version,
        key: DeliveryKey {
            tenant: tenant.clone(),
            webhook_id: webhook.id.clone(),
            shard: id.shard(webhook.log_shards),
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
        traceparent: message.traceparent.clone(),
        attempt: 1,
        due_at: event.accepted_at,
        slow_lane: webhook.health.slow_since.is_some(),
        signature: request.signature,
        headers: request.headers,
        body: sendable(request.body),
    })
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

fn outgoing(delivery: &DeliveryMessage) -> Result<Outgoing, InternalError> {
    let body = serde_json::to_string(delivery)?;
    Ok(Outgoing { body, delay: Duration::ZERO, group: deliveries_group(&delivery.key) })
}

/// Spreads a hot webhook's log over 16 partitions, because one partition may not take all of its writes. Entries logged
/// before stay where they are. An event that is fanned out again at that moment may be logged twice.
async fn spread_log_if_hot(app: &App, tenant: &Tenant, webhook: &Webhook) {
    let is_hot = || app.hot_webhooks.record(webhook.id.clone(), app.clock.now(), HOT);
    if webhook.log_shards < LOG_SHARDS
        && is_hot()
        && let Err(error) = app.store.spread_log(tenant, webhook, LOG_SHARDS).await
    {
        tracing::warn!(error = &error as &dyn Error, webhook_id = %webhook.id, "a hot webhook's log could not be spread");
    }
}

async fn log_as_skipped(app: &App, message: &DeliveryMessage) -> Result<(), InternalError> {
    let mut skipped = log_entry(message, Status::Skipped, 0);
    skipped.error = Some("The webhook is disabled.".to_owned());
    app.store.log_attempt(&skipped, None).await?;
    Ok(())
}
