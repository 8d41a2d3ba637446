//! `POST /v1/events`: takes events to deliver.
//!
//! Body: one event, or `{"events": […]}` with 1 to 100 events.
//!
//! - 202 `{id}`, or `{events: [{id}, …]}` in the order given, once SQS has all events or all of their deliveries: from
//!   then on none is lost.
//! - 400 where the body is not JSON.
//! - 401 without a valid API key, and 403 where the key may not publish.
//! - 413 from API Gateway, where the request is over 6 MiB as Lambda counts it.
//! - 422 where events are not valid: it names each of them, and no event is accepted.
//! - 422 `id_conflict` where client ids were used for events with other content within 24 hours. No event is accepted.
//! - 503 where AWS fails: some events may have been accepted.
//!
//! The header `Idempotency-Key` works for the request as `id` works for an event. A repeat within 24 hours gets the
//! same reply, and its events are dispatched once. The reply is 422 if the key was used with another body before.
//!
//! Every delivery carries the request's header `traceparent`.

use std::collections::BTreeMap;

use domain::{EventId, Permission, Traceparent};
use http::StatusCode;
use lambda_http::Request;
use serde_json::value::RawValue;
use usecases::app::App;
use usecases::publish::{EVENTS_MAX, PublishRequest, publish_events};

use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::{ApiError, BodyError, BodyErrorKind, Rule};
use crate::http::authenticate::Caller;
use crate::http::read_request::body_bytes;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;
use crate::native::schema::{self, EventIdReply, PublishReply};

/// The header of a request's idempotency key.
const KEY_HEADER: &str = "idempotency-key";
/// The longest idempotency key, in characters.
pub const KEY_CHARS_MAX: usize = 255;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "pipeline-publish-events",
    "Takes events to deliver.",
    Endpoint {
        method: "POST",
        path: "/v1/events",
        permission: Permission::Publish,
        request: Some(Shape::of::<schema::PublishRequest>()),
        reply: (202, Some(Shape::of::<PublishReply>())),
        render_error: crate::native::render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[
        may(Resource::ConfigTable, &[Action::Query, Action::UpdateItem]),
        may(
            Resource::LogTable,
            &[Action::GetItem, Action::PutItem, Action::Query, Action::UpdateItem, Action::DeleteItem],
        ),
        may(Resource::EventsQueue, &[Action::SendMessage]),
        may(Resource::DeliveriesQueue, &[Action::SendMessage]),
        may(Resource::RetriesQueue, &[Action::SendMessage]),
    ],
);

/// The events of a request, and whether they came as a batch.
struct Body {
    events: Vec<Box<RawValue>>,
    is_batch: bool,
}

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let (bytes, key, traceparent) = (body_bytes(request), read_idempotency_key(request)?, read_traceparent(request));
    let body = read_body(bytes)?;
    let publish = PublishRequest {
        events: &body.events,
        idempotency_key: key.map(|key| (key, bytes)),
        traceparent: traceparent.as_ref(),
    };
    let ids = publish_events(app, &caller.tenant, publish).await;
    let ids = ids.map_err(|error| ApiError::of_publishing(error, body.is_batch))?;
    Ok(reply::json(StatusCode::ACCEPTED, &published(&ids, body.is_batch)))
}

fn published(ids: &[EventId], is_batch: bool) -> PublishReply {
    let mut events: Vec<_> = ids.iter().map(|id| EventIdReply { id: id.to_string() }).collect();
    match events.pop_if(|_| !is_batch) {
        Some(one) => PublishReply::One(one),
        None => PublishReply::Batch { events },
    }
}

/// The request's idempotency key, if it has one.
fn read_idempotency_key(request: &Request) -> Result<Option<&str>, ApiError> {
    let Some(header) = request.headers().get(KEY_HEADER) else { return Ok(None) };
    let key = header.to_str().ok().filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len()));
    let rule = || Rule::Other(format!("1 to {KEY_CHARS_MAX} visible ASCII characters"));
    key.map(Some).ok_or_else(|| ApiError::field("header", KEY_HEADER, rule()))
}

/// The trace of the platform's call.
fn read_traceparent(request: &Request) -> Option<Traceparent> {
    request.headers().get(Traceparent::HEADER)?.to_str().ok().and_then(Traceparent::parse)
}

fn read_body(body: &[u8]) -> Result<Body, ApiError> {
    let raw: Box<RawValue> = serde_json::from_slice(body).map_err(|error| {
        ApiError::InvalidBody(BodyError { kind: BodyErrorKind::NotJson, reason: error.to_string(), offset: 0 })
    })?;
    let field = |name: &str, text: String| ApiError::field("body", name, Rule::Other(text));
    let Ok(mut fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(raw.get()) else {
        return Err(field("", "an event, or {\"events\": […]}".to_owned()));
    };
    let Some(events) = fields.remove("events") else {
        return Ok(Body { events: vec![raw], is_batch: false });
    };
    if let Some(other) = fields.keys().next() {
        return Err(field(other, "unknown beside `events`".to_owned()));
    }
    let events: Vec<Box<RawValue>> =
        serde_json::from_str(events.get()).map_err(|_not_a_list| field("events", "a list of events".to_owned()))?;
    if !(1..=EVENTS_MAX).contains(&events.len()) {
        return Err(field("events", format!("1 to {EVENTS_MAX} events; these are {}", events.len())));
    }
    Ok(Body { events, is_batch: true })
}
