//! Publishes events: those of a platform's request, and Switchhook's own.

use clients::queue::Queue;
use domain::time::Timestamp;
use domain::{Event, EventId, Tenant, Traceparent, WebhookId, hex};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

use super::dispatch_here::dispatch_here;
use super::{InvalidField, conversation_history, pack_events, read_event, register_events};
use crate::app::App;
use crate::internal_error::InternalError;
use crate::pipeline;

/// The most events in one request.
pub const EVENTS_MAX: usize = 100;

/// A platform's request to publish events.
#[derive(Debug, Clone, Copy)]
pub struct PublishRequest<'a> {
    /// The events' JSON as received; at most [`EVENTS_MAX`] events.
    pub events: &'a [Box<RawValue>],
    /// The request's idempotency key, and its body. A repeat within 24 hours must have the same body.
    pub idempotency_key: Option<(&'a str, &'a [u8])>,
    /// The trace that the platform's call belongs to.
    pub traceparent: Option<&'a Traceparent>,
}

/// Why a request failed.
#[derive(Debug)]
pub enum PublishError {
    /// Some events are not valid. The list has the first invalid field of each of them.
    Invalid(Vec<InvalidEventField>),
    /// The idempotency key was used with another body within the last 24 hours.
    KeyReused,
    /// The client ids of the events with these indexes were used for other events within the last 24 hours. No event of
    /// the request was published.
    IdsReused(Vec<usize>),
    /// DynamoDB or SQS failed. Some events may be queued already.
    Internal(InternalError),
}

/// An invalid field in one event of a request.
#[derive(Debug)]
pub struct InvalidEventField {
    /// The event's index in the request, from 0.
    pub index: usize,
    /// The invalid field.
    pub field: InvalidField,
}

impl<E: Into<InternalError>> From<E> for PublishError {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

/// Publishes all events of a request, and returns their ids in the same order. It returns once SQS has all events, or
/// all of their deliveries.
///
/// # Errors
/// Where an event is not valid, a client id or the key was used with other content, or AWS fails.
pub async fn publish_events(
    app: &App,
    tenant: &Tenant,
    request: PublishRequest<'_>,
) -> Result<Vec<EventId>, PublishError> {
    let now = app.clock.now();
    let mut events = read_events(app, tenant, request, now)?;
    if let Some((key, body)) = request.idempotency_key {
        // It does not matter whether the first request queued its events. A repeat has the same event ids, and each
        // event is dispatched once.
        let digest = hex(&Sha256::digest(body));
        if !app.store.register_request(tenant, key, &digest, now).await? {
            return Err(PublishError::KeyReused);
        }
    }
    let packs = pack_events::pack(request.events, &mut events, || app.ids.event_pack(now));
    register_events::register(app, tenant, request.events, &mut events, now).await?;
    conversation_history::store_messages(app, tenant, &events).await?;
    if !dispatch_here(app, tenant, &events, &packs, request.traceparent).await {
        let accepted = (request.events, events.as_slice());
        let messages = pack_events::messages(tenant, accepted, &packs, &app.ids.token(), request.traceparent)?;
        app.queues.send(Queue::Events, messages).await?;
    }
    pipeline::report_accepted(app, &events, request.traceparent);
    Ok(events.into_iter().map(|event| event.id).collect())
}

/// Reads all events of a request. One invalid event makes the whole request invalid.
fn read_events(
    app: &App,
    tenant: &Tenant,
    request: PublishRequest<'_>,
    now: Timestamp,
) -> Result<Vec<Event>, PublishError> {
    let key = request.idempotency_key.map(|(key, _)| key);
    // Packing gives the events other ids.
    let unpacked = app.ids.event_pack(now).event_id(0);
    let (mut events, mut invalid) = (Vec::new(), Vec::new());
    for (index, raw) in request.events.iter().enumerate() {
        let fresh_id = || match key {
            Some(key) => EventId::from_request_key(tenant, key, index),
            None => unpacked.clone(),
        };
        match read_event(raw, tenant, now, fresh_id) {
            Ok(event) => {
                let has_client_id = event.has_client_id || key.is_some();
                events.push(Event { has_client_id, position: position(index), ..event });
            }
            Err(field) => invalid.push(InvalidEventField { index, field }),
        }
    }
    if invalid.is_empty() { Ok(events) } else { Err(PublishError::Invalid(invalid)) }
}

/// An event's position among the events accepted with it, from 0. There are at most [`EVENTS_MAX`] of them.
pub(crate) fn position(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// Publishes an event of Switchhook's own to `webhooks` only, through the queues like any event. A dialect's test call
/// uses it. Returns the event's id.
///
/// # Errors
/// Where `event` is not a valid event, or SQS fails.
pub async fn publish_to_webhooks(
    app: &App,
    tenant: &Tenant,
    event: &Value,
    webhooks: Vec<WebhookId>,
) -> Result<EventId, InternalError> {
    publish_event(app, tenant, event, Some(webhooks)).await
}

/// Publishes an event of Switchhook's own to every webhook that asks for it. Returns the event's id.
///
/// # Errors
/// Where `event` is not a valid event, or SQS fails.
pub async fn publish_system_event(app: &App, tenant: &Tenant, event: &Value) -> Result<EventId, InternalError> {
    publish_event(app, tenant, event, None).await
}

async fn publish_event(
    app: &App,
    tenant: &Tenant,
    event: &Value,
    only: Option<Vec<WebhookId>>,
) -> Result<EventId, InternalError> {
    let (now, raw) = (app.clock.now(), to_raw_value(event)?);
    let mut event = read_event(&raw, tenant, now, || app.ids.event_pack(now).event_id(0))
        .map_err(|_field| InternalError::InvalidEvent { index: 0 })?;
    if event.has_client_id {
        register_events::register_own(app, tenant, &mut event).await?;
    }
    let publish_token = event.has_client_id.then(|| app.ids.token());
    let message = pack_events::message(tenant, &[(&raw, &event)], publish_token, None, only)?;
    app.queues.send(Queue::Events, vec![message]).await?;
    Ok(event.id)
}
