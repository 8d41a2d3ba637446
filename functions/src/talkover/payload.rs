//! Writes the requests that carry events to Talkover's webhooks.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::time::Timestamp;
use domain::{Agent, Webhook};
use rules::render::{Names, Template};
use rules::sign::{Algorithm, Encoding, OwnSignature, Signature, SignedPart};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use usecases::dialect::{OutgoingRequest, PayloadContext};

const SIGNATURE_HEADER: &str = "X-Webhook-Signature";

/// `{event, agent_id, agent_name, webhook_id, webhook_name, timestamp, data}`. A test call has `test: true` instead of
/// `data`.
#[derive(Serialize)]
struct Payload<'a> {
    event: &'a str,
    agent_id: Option<&'a str>,
    agent_name: Option<&'a str>,
    webhook_id: &'a str,
    webhook_name: Option<&'a str>,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<bool>,
}

impl<'a> Payload<'a> {
    fn new(event: &'a str, agent: Option<&'a Agent>, webhook: &'a Webhook, at: Timestamp) -> Self {
        Self {
            event,
            agent_id: webhook.owner.agent().map(|id| id.as_str()),
            agent_name: agent.and_then(|agent| agent.name.as_deref()),
            webhook_id: webhook.id.as_str(),
            webhook_name: webhook.description.as_deref(),
            timestamp: at.iso8601_millis(),
            data: None,
            test: None,
        }
    }
}

/// The names that a template can use: those of the default body, then those of the event's data, then `data` for all
/// data.
struct TemplateNames<'a> {
    payload: &'a Payload<'a>,
    data: HashMap<Cow<'a, str>, &'a RawValue>,
}

impl Names for TemplateNames<'_> {
    fn value(&self, name: &str) -> Option<Cow<'_, RawValue>> {
        let payload = self.payload;
        let json = match name {
            "event" => to_raw_value(payload.event),
            "agent_id" => to_raw_value(&payload.agent_id),
            "agent_name" => to_raw_value(&payload.agent_name),
            "webhook_id" => to_raw_value(payload.webhook_id),
            "webhook_name" => to_raw_value(&payload.webhook_name),
            "timestamp" => to_raw_value(&payload.timestamp),
            name => {
                let whole = payload.data.filter(|_| name == "data");
                return self.data.get(name).copied().or(whole).map(Cow::Borrowed);
            }
        };
        json.ok().map(Cow::Owned)
    }
}

/// Writes the request that carries an event to a webhook.
pub(super) fn build_request(context: &PayloadContext<'_>) -> Result<OutgoingRequest, serde_json::Error> {
    let (webhook, event) = (context.webhook, context.event);
    let mut payload = Payload::new(context.event_type, context.agent, webhook, event.occurred_at);
    payload.data = Some(&event.data);
    let body = match templated(context, &payload) {
        Some(body) => body,
        None => to_raw_value(&payload)?,
    };
    Ok(outgoing_request(body))
}

/// The body from the customer's template, if the webhook has one for the event. If that body grows too large, the event
/// is not lost: the default body is sent.
fn templated(context: &PayloadContext<'_>, payload: &Payload<'_>) -> Option<Box<RawValue>> {
    let template = context.webhook.request.templates.get(context.event_type)?;
    let template = Template::parse(serde_json::from_str(template).ok()?).ok()?;
    let data = payload.data.and_then(|data| serde_json::from_str(data.get()).ok()).unwrap_or_default();
    let rendered = template.render(&TemplateNames { payload, data });
    if let Err(error) = &rendered {
        tracing::warn!(webhook_id = %context.webhook.id, event_type = context.native_type, %error, "a template's body is too large; the default body is sent");
    }
    rendered.ok()
}

/// Writes the request of a test call.
pub(super) fn build_test_request(
    agent: Option<&Agent>,
    webhook: &Webhook,
    now: Timestamp,
) -> Result<OutgoingRequest, serde_json::Error> {
    let mut payload = Payload::new("webhook.test", agent, webhook, now);
    payload.test = Some(true);
    Ok(outgoing_request(to_raw_value(&payload)?))
}

fn outgoing_request(body: Box<RawValue>) -> OutgoingRequest {
    let own = OwnSignature {
        header: SIGNATURE_HEADER.to_owned(),
        algorithm: Algorithm::HmacSha256,
        encoding: Encoding::Hex,
        signed: vec![SignedPart::Body],
        prefix: String::new(),
        prefix_in: None,
        timestamp_header: None,
    };
    OutgoingRequest {
        signature: Signature { own: Some(own), repeat_as: None },
        headers: Vec::new(),
        body,
        message_id: None,
    }
}
