//! `POST /v1/events`: takes events to deliver.
//!
//! Body: one event, or `{"events": […]}` with 1 to 100; [`super::event`] gives the fields. 202 `{id}`, or
//! `{events: [{id}, …]}` in the order given, once SQS has them all: from there on none is lost. 400 where the body is
//! no JSON; 401; 422 where an event is wrong, naming each, and none is taken; 503: some may have been taken.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use lambda_http::Request;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use shared::domain::{Event, EventId, Scope, WebhookId};
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::http::request::body_bytes;
use shared::queue::messages::{self, EventsMessage, Version};
use shared::queue::{Outgoing, Queue};

use super::{conversation, event};
use crate::app::App;
use crate::fault::Fault;
use crate::function::{Function, answer};
use crate::native::{Detail, Problem};

/// Events in one request.
pub const EVENTS_MAX: usize = 100;

/// The function.
pub const FUNCTION: Function =
    Function::http("pipeline-publish-events", |app, request| Box::pin(answer(app, request, handle)));

/// The events of a request, and whether they came as a batch.
struct Published {
    events: Vec<Box<RawValue>>,
    is_batch: bool,
}

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let published = read_body(body_bytes(request))?;
    let events = read_events(app, &caller.scope, &published)?;
    conversation::remember(app, &caller.scope, &events).await?;
    let messages = published.events.into_iter().zip(&events);
    let messages = messages.map(|(raw, event)| message(&caller.scope, raw, event, None)).collect::<Result<_, _>>()?;
    app.queues.send(Queue::Events, messages).await.map_err(Fault::from)?;
    let ids: Vec<_> = events.iter().map(|event| json!({ "id": event.id })).collect();
    let answer = match (published.is_batch, ids.first()) {
        (false, Some(id)) => id.clone(),
        _ => json!({ "events": ids }),
    };
    Ok(reply::json(StatusCode::ACCEPTED, &answer))
}

/// Sends an event of our own to `webhooks` alone, the way that real events go: a dialect's test call. Returns its id.
///
/// # Errors
/// Where it is no event, or SQS does not take it.
pub async fn publish_to(app: &App, scope: &Scope, event: &Value, webhooks: Vec<WebhookId>) -> Result<EventId, Fault> {
    let (now, raw) = (app.clock.now(), to_raw_value(event)?);
    let event = event::read(&raw, scope, now, || app.ids.event(now)).map_err(|_detail| Fault::Event { index: 0 })?;
    let message = message(scope, raw, &event, Some(webhooks))?;
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
fn read_events(app: &App, scope: &Scope, published: &Published) -> Result<Vec<Event>, Problem> {
    let now = app.clock.now();
    let (mut events, mut details) = (Vec::new(), Vec::new());
    for (index, raw) in published.events.iter().enumerate() {
        match event::read(raw, scope, now, || app.ids.event(now)) {
            Ok(event) => events.push(Event { position: position(index), ..event }),
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

fn message(scope: &Scope, raw: Box<RawValue>, event: &Event, only: Option<Vec<WebhookId>>) -> Result<Outgoing, Fault> {
    let message = EventsMessage {
        v: Version,
        scope: scope.clone(),
        accepted_at: Some(event.accepted_at),
        ids: Some(vec![event.id.clone()]),
        position: event.position,
        only,
        events: vec![raw],
    };
    let group = messages::events_group(scope, event.agent_id.as_ref());
    Ok(Outgoing { body: serde_json::to_string(&message)?, delay: Duration::ZERO, group })
}
