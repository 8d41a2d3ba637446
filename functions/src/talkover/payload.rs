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

use super::SIGNATURE_HEADER;

/// The default body. A test call has `test: true` instead of `data`.
///
/// A template can use every other field by its name. A new field hides the same name of the event's `data` from the
/// templates that customers have stored: see [`TemplateNames`].
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

/// The names that a template can use. A field of the default body comes before a field of the event's data, and that
/// before `data`, which stands for all data.
struct TemplateNames<'a> {
    /// The default body without `data`.
    body: HashMap<String, Box<RawValue>>,
    /// The fields of the event's data.
    fields: HashMap<Cow<'a, str>, &'a RawValue>,
    data: &'a RawValue,
}

impl<'a> TemplateNames<'a> {
    /// `payload` has no `data` yet.
    fn new(payload: &Payload<'_>, data: &'a RawValue) -> Result<Self, serde_json::Error> {
        let body = to_raw_value(payload)?;
        let fields = serde_json::from_str(data.get()).unwrap_or_default();
        Ok(Self { body: serde_json::from_str(body.get())?, fields, data })
    }
}

impl Names for TemplateNames<'_> {
    fn value(&self, name: &str) -> Option<Cow<'_, RawValue>> {
        let own = self.body.get(name).map(AsRef::as_ref).or_else(|| self.fields.get(name).copied());
        own.or((name == "data").then_some(self.data)).map(Cow::Borrowed)
    }
}

/// Writes the request that carries an event to a webhook.
pub(super) fn build_request(context: &PayloadContext<'_>) -> Result<OutgoingRequest, serde_json::Error> {
    let (webhook, event) = (context.webhook, context.event);
    let payload = Payload::new(context.event_type, context.agent, webhook, event.occurred_at);
    let body = match fill_template(context, &payload) {
        Some(body) => body,
        None => to_raw_value(&Payload { data: Some(&event.data), ..payload })?,
    };
    Ok(outgoing_request(body))
}

/// The body from the customer's template, if the webhook has one for the event. If that body grows too large, the event
/// is not lost: the default body is sent.
fn fill_template(context: &PayloadContext<'_>, payload: &Payload<'_>) -> Option<Box<RawValue>> {
    let template = context.webhook.request.templates.get(context.event_type)?;
    let template = Template::parse(serde_json::from_str(template).ok()?).ok()?;
    let rendered = template.render(&TemplateNames::new(payload, &context.event.data).ok()?);
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

/// The hex HMAC of the raw body.
pub(super) fn signature() -> Signature {
    let own = OwnSignature {
        header: SIGNATURE_HEADER.to_owned(),
        algorithm: Algorithm::HmacSha256,
        encoding: Encoding::Hex,
        signed: vec![SignedPart::Body],
        prefix: String::new(),
        prefix_in: None,
        timestamp_header: None,
    };
    Signature { own: Some(own), repeat_as: None }
}

fn outgoing_request(body: Box<RawValue>) -> OutgoingRequest {
    OutgoingRequest { headers: Vec::new(), body, message_id: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_can_use_every_field_of_the_default_body_and_the_events_data() {
        let payload = Payload {
            event: "event_action",
            agent_id: Some("agt_abc123"),
            agent_name: None,
            webhook_id: "wh_1",
            webhook_name: Some("My Webhook"),
            timestamp: "2025-01-15T11:00:00.000Z".to_owned(),
            data: None,
            test: None,
        };
        let value = |data: &str, name: &str| {
            let data = RawValue::from_string(data.to_owned()).unwrap();
            let names = TemplateNames::new(&payload, &data).unwrap();
            names.value(name).map(|value| value.get().to_owned())
        };
        let body: HashMap<String, Box<RawValue>> = serde_json::from_str(to_raw_value(&payload).unwrap().get()).unwrap();
        assert_eq!(body.len(), 6);
        for (name, own) in body {
            assert_eq!(value(r#"{"a": 1.0}"#, &name).as_deref(), Some(own.get()), "{name}");
        }
        assert_eq!(value(r#"{"agent_name": "Ada"}"#, "agent_name").as_deref(), Some("null"), "the default body wins");
        assert_eq!(value(r#"{"a": 1.0}"#, "a").as_deref(), Some("1.0"));
        assert_eq!(value(r#"{"a": 1.0}"#, "data").as_deref(), Some(r#"{"a": 1.0}"#));
        assert_eq!(value(r#"{"data": 2}"#, "data").as_deref(), Some("2"), "a field of the data called `data` wins");
        assert_eq!(value(r#"{"a": 1.0}"#, "test"), None);
        assert_eq!(value(r#"{"test": true}"#, "test").as_deref(), Some("true"));
    }
}
