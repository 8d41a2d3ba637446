//! Publishing events, for a platform's request and for Switchhook's own.

use clients::queue::Queue;
use domain::{Event, EventId, Tenant, Traceparent, WebhookId, hex};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

use super::{InvalidField, conversation_history, pack_events, read_event};
use crate::app::App;
use crate::internal_error::InternalError;
use crate::pipeline;

/// Events in one request.
pub const EVENTS_MAX: usize = 100;

/// What a platform publishes with one request.
#[derive(Debug, Clone, Copy)]
pub struct PublishRequest<'a> {
    /// The events as they came; at most [`EVENTS_MAX`].
    pub events: &'a [Box<RawValue>],
    /// The platform's name for the request, and the body that came with it. A repeat within 24 hours has to have the same body.
    pub idempotency_key: Option<(&'a str, &'a [u8])>,
    /// The trace that the platform's call belongs to.
    pub traceparent: Option<&'a Traceparent>,
}

/// Why nothing was published.
#[derive(Debug)]
pub enum PublishError {
    /// Some events are not valid. All of their faults are listed.
    Invalid(Vec<InvalidEventField>),
    /// The idempotency key came with another body within the last 24 hours.
    KeyReused,
    /// DynamoDB or SQS failed. Some events may have been taken.
    Internal(InternalError),
}

/// What is wrong with one event of a request.
#[derive(Debug)]
pub struct InvalidEventField {
    /// The event's index in the request, from 0.
    pub index: usize,
    /// The field of the event.
    pub field: InvalidField,
}

impl<E: Into<InternalError>> From<E> for PublishError {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

/// Publishes all events of a request, and returns their ids in order. It returns once SQS has them all.
///
/// # Errors
/// Where an event is not valid, the key was used for another body, or AWS fails.
pub async fn publish_events(
    app: &App,
    tenant: &Tenant,
    request: PublishRequest<'_>,
) -> Result<Vec<EventId>, PublishError> {
    let events = read_events(app, tenant, request)?;
    if let Some((key, body)) = request.idempotency_key {
        // Whether the first request's events were taken is not asked: these are the same events, and are dispatched once.
        let digest = hex(&Sha256::digest(body));
        if !app.store.register_request(tenant, key, &digest, app.clock.now()).await? {
            return Err(PublishError::KeyReused);
        }
    }
    conversation_history::remember(app, tenant, &events).await?;
    let accepted = request.events.iter().map(AsRef::as_ref).zip(&events);
    let messages = pack_events::messages(tenant, accepted, &app.ids.token(), request.traceparent)?;
    app.queues.send(Queue::Events, messages).await?;
    pipeline::accepted(app, &events, request.traceparent);
    Ok(events.into_iter().map(|event| event.id).collect())
}

/// Reads all events. One that is not valid spoils the request.
fn read_events(app: &App, tenant: &Tenant, request: PublishRequest<'_>) -> Result<Vec<Event>, PublishError> {
    let (now, key) = (app.clock.now(), request.idempotency_key.map(|(key, _)| key));
    let (mut events, mut invalid) = (Vec::new(), Vec::new());
    for (index, raw) in request.events.iter().enumerate() {
        let fresh_id = || match key {
            Some(key) => EventId::from_request_key(tenant, key, index),
            None => app.ids.event(now),
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

/// An event's position among those that were accepted with it; there are at most [`EVENTS_MAX`].
pub(crate) fn position(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// Sends an event of our own to `webhooks` alone, by way of the queues as any event: a dialect's test call. Returns its id.
///
/// # Errors
/// Where it is no event, or SQS does not take it.
pub async fn publish_to_webhooks(
    app: &App,
    tenant: &Tenant,
    event: &Value,
    webhooks: Vec<WebhookId>,
) -> Result<EventId, InternalError> {
    send_own(app, tenant, event, Some(webhooks)).await
}

/// Publishes an event of our own to whoever asked for it. Returns its id.
///
/// # Errors
/// Where it is no event, or SQS does not take it.
pub async fn publish_own_event(app: &App, tenant: &Tenant, event: &Value) -> Result<EventId, InternalError> {
    send_own(app, tenant, event, None).await
}

async fn send_own(
    app: &App,
    tenant: &Tenant,
    event: &Value,
    only: Option<Vec<WebhookId>>,
) -> Result<EventId, InternalError> {
    let (now, raw) = (app.clock.now(), to_raw_value(event)?);
    let event = read_event(&raw, tenant, now, || app.ids.event(now))
        .map_err(|_field| InternalError::InvalidEvent { index: 0 })?;
    let publish_token = event.has_client_id.then(|| app.ids.token());
    let message = pack_events::message(tenant, &[(&raw, &event)], publish_token, None, only)?;
    app.queues.send(Queue::Events, vec![message]).await?;
    Ok(event.id)
}
