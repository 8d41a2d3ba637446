//! `POST /v1/events`: takes events to deliver.
//!
//! Body: one event, or `{"events": […]}` with 1 to 100; [`super::event`] gives the fields. 202 `{id}`, or
//! `{events: [{id}, …]}` in the order given, once SQS has them all: from there on none is lost. 400 where the body is
//! no JSON; 401; 403; 422 where an event is wrong, naming each, and none is taken; 503: some may have been taken.
//!
//! The header `Idempotency-Key` does for the request what `id` does for an event: a repeat within 24 hours is answered alike,
//! and its events are told once. 422 where the key came with another body before.
//!
//! The header `traceparent` is sent on with every delivery.

use std::collections::BTreeMap;

use http::StatusCode;
use lambda_http::Request;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::domain::{Event, EventId, Permission, Tenant, Traceparent, WebhookId};
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::http::request::body_bytes;
use shared::queue::Queue;
use shared::sign::hex;

use super::{conversation, event, packing, report};
use crate::app::App;
use crate::fault::Fault;
use crate::function::{Function, answer_who_may};
use crate::native::{Detail, Problem};

/// Events in one request.
pub const EVENTS_MAX: usize = 100;

/// The header that names a request.
const KEY_HEADER: &str = "idempotency-key";
/// The longest name of a request.
const KEY_CHARS_MAX: usize = 255;

/// The function.
pub const FUNCTION: Function = Function::http("pipeline-publish-events", |app, request| {
    Box::pin(answer_who_may(Permission::Publish, app, request, handle))
});

/// The events of a request, and whether they came as a batch.
struct Published {
    events: Vec<Box<RawValue>>,
    is_batch: bool,
}

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let (body, key) = (body_bytes(request), request_key(request)?);
    let published = read_body(body)?;
    let traceparent = traceparent(request);
    let events = read_events(app, &caller.tenant, &published, key)?;
    if let Some(key) = key {
        name(app, &caller.tenant, key, body).await?;
    }
    conversation::remember(app, &caller.tenant, &events).await?;
    let accepted = published.events.iter().map(AsRef::as_ref).zip(&events);
    let messages = packing::messages(&caller.tenant, accepted, &app.ids.token(), traceparent.as_ref())?;
    app.queues.send(Queue::Events, messages).await.map_err(Fault::from)?;
    report::accepted(app, &events, traceparent.as_ref());
    let ids: Vec<_> = events.iter().map(|event| json!({ "id": event.id })).collect();
    let answer = match (published.is_batch, ids.first()) {
        (false, Some(id)) => id.clone(),
        _ => json!({ "events": ids }),
    };
    Ok(reply::json(StatusCode::ACCEPTED, &answer))
}

/// What the platform calls this request, if it does.
fn request_key(request: &Request) -> Result<Option<&str>, Problem> {
    let Some(header) = request.headers().get(KEY_HEADER) else { return Ok(None) };
    let key = header.to_str().ok().filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len()));
    let wrong = || Problem::field(KEY_HEADER, format!("1 to {KEY_CHARS_MAX} visible ASCII characters"));
    key.map(Some).ok_or_else(wrong)
}

/// The trace that the platform's call belongs to.
fn traceparent(request: &Request) -> Option<Traceparent> {
    request.headers().get(Traceparent::HEADER)?.to_str().ok().and_then(Traceparent::parse)
}

/// Holds the request to the body that its key came with first. Whether that one's events were taken is not asked: they
/// are the same events, which are told once.
async fn name(app: &App, tenant: &Tenant, key: &str, body: &[u8]) -> Result<(), Problem> {
    let digest = hex(&Sha256::digest(body));
    if app.store.register_request(tenant, key, &digest, app.clock.now()).await? {
        Ok(())
    } else {
        Err(Problem::field(KEY_HEADER, "was used for another request within the last 24 hours"))
    }
}

/// Sends an event of our own to `webhooks` alone, the way that real events go: a dialect's test call. Returns its id.
///
/// # Errors
/// Where it is no event, or SQS does not take it.
pub async fn publish_to(app: &App, tenant: &Tenant, event: &Value, webhooks: Vec<WebhookId>) -> Result<EventId, Fault> {
    send_own(app, tenant, event, Some(webhooks)).await
}

/// Publishes an event of our own, to whom it concerns. Returns its id.
///
/// # Errors
/// Where it is no event, or SQS does not take it.
pub async fn publish_own(app: &App, tenant: &Tenant, event: &Value) -> Result<EventId, Fault> {
    send_own(app, tenant, event, None).await
}

async fn send_own(app: &App, tenant: &Tenant, event: &Value, only: Option<Vec<WebhookId>>) -> Result<EventId, Fault> {
    let (now, raw) = (app.clock.now(), to_raw_value(event)?);
    let event = event::read(&raw, tenant, now, || app.ids.event(now)).map_err(|_detail| Fault::Event { index: 0 })?;
    let publish_token = event.has_client_id.then(|| app.ids.token());
    let message = packing::message(tenant, &[(&raw, &event)], publish_token, None, only)?;
    app.queues.send(Queue::Events, vec![message]).await?;
    Ok(event.id)
}

fn read_body(body: &[u8]) -> Result<Published, Problem> {
    let raw: Box<RawValue> =
        serde_json::from_slice(body).map_err(|error| Problem::NotJson(format!("The body is no JSON: {error}.")))?;
    let Ok(mut fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(raw.get()) else {
        return Err(Problem::field("", "an event, or {\"events\": […]}"));
    };
    let Some(events) = fields.remove("events") else {
        return Ok(Published { events: vec![raw], is_batch: false });
    };
    if let Some(other) = fields.keys().next() {
        return Err(Problem::field(other, "unknown beside `events`"));
    }
    let events: Vec<Box<RawValue>> =
        serde_json::from_str(events.get()).or(Err(Problem::field("events", "a list of events")))?;
    if !(1..=EVENTS_MAX).contains(&events.len()) {
        return Err(Problem::field("events", format!("1 to {EVENTS_MAX} events; these are {}", events.len())));
    }
    Ok(Published { events, is_batch: true })
}

/// Reads all events; one bad one spoils the request, and all bad ones are told.
fn read_events(app: &App, tenant: &Tenant, published: &Published, key: Option<&str>) -> Result<Vec<Event>, Problem> {
    let now = app.clock.now();
    let (mut events, mut details) = (Vec::new(), Vec::new());
    for (index, raw) in published.events.iter().enumerate() {
        let fresh_id = || match key {
            Some(key) => EventId::from_request_key(tenant, key, index),
            None => app.ids.event(now),
        };
        match event::read(raw, tenant, now, fresh_id) {
            Ok(event) => {
                let has_client_id = event.has_client_id || key.is_some();
                events.push(Event { has_client_id, position: position(index), ..event });
            }
            Err(detail) if published.is_batch => details.push(at_index(index, detail)),
            Err(detail) => details.push(detail),
        }
    }
    if details.is_empty() { Ok(events) } else { Err(Problem::Invalid(details)) }
}

/// There are at most [`EVENTS_MAX`].
pub(super) fn position(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

fn at_index(index: usize, detail: Detail) -> Detail {
    let dot = if detail.field.is_empty() { "" } else { "." };
    Detail::new(format!("events[{index}]{dot}{}", detail.field), detail.message)
}
