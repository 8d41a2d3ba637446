//! Converts between a delivery's queue message and its log entry.

use clients::queue::messages::{DeliveryMessage, Version};
use clients::store::deliveries::{LogEntry, StoredDelivery};
use clients::store::kept_request::{KeptBody, KeptRequest};
use domain::{Delivery, Status};
use serde_json::value::RawValue;

use crate::app::App;
use crate::internal_error::InternalError;

/// A delivery without attempts, as its message describes it.
pub(super) fn delivery_of(message: &DeliveryMessage, status: Status, attempt_count: u32) -> Delivery {
    Delivery {
        key: message.key.clone(),
        event_id: message.event_id.clone(),
        event_type: message.event_type.clone(),
        dialect: message.dialect.clone(),
        agent_id: message.agent_id.clone(),
        message_id: message.message_id.clone(),
        channel: message.channel.clone(),
        conversation_id: message.conversation_id.clone(),
        status,
        attempt_count,
        attempts: Vec::new(),
        end_reason: None,
        next_retry_at: None,
    }
}

/// The log entry of a delivery, with what it takes to send the message's bytes again.
pub(super) fn log_entry(app: &App, message: &DeliveryMessage, delivery: Delivery, is_parked: bool) -> LogEntry {
    let succeeded_at_once = delivery.status == Status::Success && delivery.attempt_count == 1;
    if succeeded_at_once && !app.store.keeps_all_bodies() {
        return LogEntry { delivery, request: None, body_apart: None, is_parked };
    }
    let body = if message.with_event { KeptBody::WithEvent } else { KeptBody::of(message.body.get()) };
    // The log of a later attempt has the body already. An entry of release 0.1.0 has it in another form.
    let is_new = message.attempt == 1 || message.dialect.is_none();
    let body_apart = (body == KeptBody::Apart && is_new).then(|| message.body.get().to_owned());
    let (headers, traceparent) = match body {
        KeptBody::WithEvent => (Vec::new(), None),
        KeptBody::Whole(_) | KeptBody::Apart => (message.headers.clone(), message.traceparent.clone()),
    };
    let signature = message.dialect.is_none().then(|| message.signature.clone());
    let webhook = message.webhook.clone();
    let request = KeptRequest { webhook, signature, headers, traceparent, body: Some(body) };
    LogEntry { delivery, request: Some(request), body_apart, is_parked }
}

/// The message of a delivery's next attempt, made from the log. `None` if the delivery waits for no attempt, or if its
/// body is not stored any more.
///
/// # Errors
/// Where DynamoDB cannot be read.
pub(super) async fn next_message(app: &App, stored: StoredDelivery) -> Result<Option<DeliveryMessage>, InternalError> {
    if let Some(message) = stored.message_v1 {
        return Ok(Some(serde_json::from_str(&message)?));
    }
    let (delivery, Some(request)) = (stored.delivery, stored.request) else { return Ok(None) };
    let Some(due_at) = delivery.next_retry_at else { return Ok(None) };
    let (webhook, signature, with_event) =
        (request.webhook.clone(), request.signature.clone(), request.body == Some(KeptBody::WithEvent));
    let Some(sent_again) = app.store.sent_again(&delivery, request).await? else { return Ok(None) };
    Ok(Some(DeliveryMessage {
        v: Version,
        webhook,
        snapshot: None,
        event_id: delivery.event_id,
        event_type: delivery.event_type,
        agent_id: delivery.agent_id,
        message_id: delivery.message_id,
        channel: delivery.channel,
        conversation_id: delivery.conversation_id,
        traceparent: sent_again.traceparent,
        attempt: delivery.attempt_count + 1,
        due_at,
        slow_lane: false,
        signature: match &delivery.dialect {
            Some(dialect) => app.dialects.signature(dialect),
            None => signature.unwrap_or_default(),
        },
        dialect: delivery.dialect,
        headers: sent_again.headers,
        with_event,
        body: RawValue::from_string(sent_again.body)?,
        key: delivery.key,
    }))
}
