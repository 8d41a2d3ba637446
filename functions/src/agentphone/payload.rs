//! Writes the requests that carry events to AgentPhone's webhooks.

use domain::time::Timestamp;
use domain::{DeliveryId, Message};
use rules::sign::{Algorithm, Encoding, OwnSignature, Signature, SignedPart};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use usecases::dialect::{OutgoingRequest, PayloadContext};

use super::{EVENT_HEADER, ID_HEADER, MESSAGE_EVENT, SIGNATURE_HEADER, TIMESTAMP_HEADER};

/// The longest `messageId` in the log. A longer `messageId` is sent, but not logged.
pub(super) const MESSAGE_ID_CHARS_MAX: usize = 256;

/// `{event, channel, timestamp, agentId, data, conversationState, recentHistory}`, and `test: true` in a test call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    event: &'a str,
    channel: Option<&'a str>,
    timestamp: String,
    agent_id: Option<&'a str>,
    data: &'a RawValue,
    conversation_state: Option<&'a RawValue>,
    recent_history: Vec<HistoryItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<bool>,
}

/// `{content, direction, channel, at}`
#[derive(Serialize)]
struct HistoryItem<'a> {
    content: &'a str,
    direction: &'a str,
    channel: Option<&'a str>,
    at: String,
}

impl<'a> From<&'a Message> for HistoryItem<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            content: &message.content,
            direction: &message.direction,
            channel: message.channel.as_deref(),
            at: message.at.iso8601(),
        }
    }
}

/// Writes the request that carries an event to a webhook.
pub(super) fn build_request(context: &PayloadContext<'_>) -> Result<OutgoingRequest, serde_json::Error> {
    let (event, conversation) = (context.event, context.conversation);
    let oldest = conversation.messages.len().saturating_sub(context.webhook.history_limit.into());
    let payload = Payload {
        event: context.event_type,
        channel: event.channel.as_deref(),
        timestamp: event.occurred_at.iso8601(),
        agent_id: event.agent_id.as_ref().map(|id| id.as_str()),
        data: &event.data,
        conversation_state: event.conversation_state.as_deref().or(conversation.state.as_deref()),
        recent_history: conversation.messages.iter().skip(oldest).map(HistoryItem::from).collect(),
        test: None,
    };
    outgoing_request(&payload, context.id, read_message_id(&event.data))
}

/// The message of a test call.
#[derive(Debug, Clone)]
pub(super) struct TestMessage {
    pub(super) agent_id: Option<String>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) message: String,
    pub(super) channel: String,
}

/// Writes the request of a test call.
pub(super) fn build_test_request(
    test: &TestMessage,
    id: &DeliveryId,
    now: Timestamp,
) -> Result<OutgoingRequest, serde_json::Error> {
    let data = to_raw_value(&json!({
        "conversationId": "conv_test",
        "from": test.from,
        "to": test.to,
        "message": test.message,
        "mediaUrl": null,
        "direction": "inbound",
        "receivedAt": now.iso8601(),
    }))?;
    let payload = Payload {
        event: MESSAGE_EVENT.own,
        channel: Some(&test.channel),
        timestamp: now.iso8601(),
        agent_id: test.agent_id.as_deref(),
        data: &data,
        conversation_state: None,
        recent_history: Vec::new(),
        test: Some(true),
    };
    outgoing_request(&payload, id, None)
}

fn outgoing_request(
    payload: &Payload<'_>,
    id: &DeliveryId,
    message_id: Option<String>,
) -> Result<OutgoingRequest, serde_json::Error> {
    Ok(OutgoingRequest {
        headers: vec![(ID_HEADER.to_owned(), id.to_string()), (EVENT_HEADER.to_owned(), payload.event.to_owned())],
        body: to_raw_value(payload)?,
        message_id,
    })
}

/// `sha256=` and the hex HMAC of `{timestamp}.{raw body}`.
pub(super) fn signature() -> Signature {
    let own = OwnSignature {
        header: SIGNATURE_HEADER.to_owned(),
        algorithm: Algorithm::HmacSha256,
        encoding: Encoding::Hex,
        signed: vec![SignedPart::Timestamp, SignedPart::Text(".".to_owned()), SignedPart::Body],
        prefix: "sha256=".to_owned(),
        prefix_in: None,
        timestamp_header: Some(TIMESTAMP_HEADER.to_owned()),
    };
    Signature { own: Some(own), repeat_as: None }
}

/// The `messageId` of the published data, for the log.
fn read_message_id(data: &RawValue) -> Option<String> {
    let Ok(Value::Object(data)) = serde_json::from_str(data.get()) else { return None };
    let id = data.get("messageId")?.as_str()?;
    (id.chars().count() <= MESSAGE_ID_CHARS_MAX).then(|| id.to_owned())
}
