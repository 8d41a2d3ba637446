//! What waits in the queues, as JSON. Every message carries its version, `v`; one of an unknown version is refused, and
//! so ends in the dead-letter queue rather than being misread.
//!
//! A field that is new may be absent, for messages that wait have none, and leaves `v` as it is; what an older function would
//! misread without it raises `v`. Both are read then for as long as messages of the older one may wait: 14 days.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use domain::time::Timestamp;
use domain::{AgentId, DeliveryKey, EventId, Tenant, Traceparent, WebhookId, WebhookRef, digest};
use rules::sign::Signature;

/// The version of the messages that this release writes and reads.
pub const VERSION: u64 = 1;

/// The version number of a message, fixed by its type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Version<const N: u64>;

impl<const N: u64> Serialize for Version<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(N)
    }
}

impl<'de, const N: u64> Deserialize<'de> for Version<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let version = u64::deserialize(deserializer)?;
        if version == N {
            Ok(Self)
        } else {
            Err(de::Error::custom(format_args!("version {version}, where {N} is known")))
        }
    }
}

/// Published events, on the events queue. A platform in the same AWS account may send this itself, without `ids` and
/// `accepted_at`: `{"v": 1, "tenant": {"project": "…", "environment": "live"}, "events": [{"type": …, "data": {…}}]}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsMessage {
    /// [`VERSION`]
    pub v: Version<VERSION>,
    /// The tenant whose events these are. Release 0.1.0 calls it `scope`, and so does this one where it writes it.
    #[serde(rename = "scope", alias = "tenant")]
    pub tenant: Tenant,
    /// When they were accepted; absent: when SQS took the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// Their ids, one for each; absent: derived from the message's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<EventId>>,
    /// Of an event that the platform named, or whose request it did: what tells this publication from a repeat of it. Absent
    /// where it is not named, and where a platform sent the message itself.
    #[serde(rename = "publication", default, skip_serializing_if = "Option::is_none")]
    pub publish_token: Option<String>,
    /// The place of each among those that were accepted with it; absent: its place here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<Vec<u16>>,
    /// The trace of the call that published them.
    #[serde(default, deserialize_with = "Traceparent::deserialize", skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
    /// The webhooks that alone are told, whatever they asked for: a test's. Absent: those that asked for an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<WebhookId>>,
    /// The events as they were published.
    pub events: Vec<Box<RawValue>>,
}

/// What JSON may hold and an SQS message may not
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
pub const UNSENDABLE: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// The same JSON, with those characters as escapes: only texts can hold them.
#[must_use]
pub fn sendable(body: Box<RawValue>) -> Box<RawValue> {
    if !body.get().contains(UNSENDABLE) {
        return body;
    }
    let escaped = body.get().replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff");
    RawValue::from_string(escaped).unwrap_or(body)
}

/// The message group of an agent's events, or of a project's own: SQS serves the groups fairly.
#[must_use]
pub fn events_group(tenant: &Tenant, agent: Option<&AgentId>) -> String {
    let agent = agent.map_or("", AgentId::as_str);
    digest(&["group", tenant.project.as_str(), tenant.environment.as_str(), agent])
}

/// One attempt to make, on the deliveries and retries queues. All that must not change between attempts is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliveryMessage {
    /// [`VERSION`]
    pub v: Version<VERSION>,
    /// Its place in the log.
    pub key: DeliveryKey,
    /// The webhook, to be read at each later attempt.
    pub webhook: WebhookRef,
    /// The webhook as the event was fanned out: what the first attempt goes by, while that was a moment ago.
    #[serde(rename = "as_read", default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<WebhookSnapshot>,
    /// The event.
    pub event_id: EventId,
    /// The event's type as the receiver is told it.
    pub event_type: String,
    /// The event's agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// The platform's id of the message that the event tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The event's channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The trace of the call that published the event: the receiver is told it.
    #[serde(default, deserialize_with = "Traceparent::deserialize", skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
    /// The number of the attempt to make, from 1.
    pub attempt: u32,
    /// When to make it; a message that is read earlier is put back.
    pub due_at: Timestamp,
    /// Whether it waits among those of failing and slow endpoints, where it delays nobody else's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slow_lane: bool,
    /// What it is signed with, besides the Standard Webhooks headers.
    #[serde(rename = "scheme")]
    pub signature: Signature,
    /// The dialect's own headers, the same on every attempt.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte: no attempt changes it.
    pub body: Box<RawValue>,
}

/// A webhook as it was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookSnapshot {
    /// No later than it was read.
    pub at: Timestamp,
    /// When it had last been changed: the first attempt goes by none that is older.
    pub updated_at: Timestamp,
    /// A [`copy`](crate::store::Store::copy) of it, its secrets sealed.
    pub webhook: Box<RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_an_unknown_version_is_refused() {
        let message = |v: u64| format!(r#"{{"v":{v},"scope":{{"project":"p","environment":"live"}},"events":[]}}"#);
        assert!(serde_json::from_str::<EventsMessage>(&message(1)).is_ok());
        let refusal = serde_json::from_str::<EventsMessage>(&message(2)).unwrap_err().to_string();
        assert!(refusal.contains("version 2, where 1 is known"), "{refusal}");
    }

    #[test]
    fn an_event_keeps_its_bytes() {
        let event = r#"{"type":"a",  "data":{"b":1.10,"a":12345678901234567890123,"\u0061":"\u00e4/\/"}}"#;
        let message = format!(r#"{{"v":1,"scope":{{"project":"p","environment":"test"}},"events":[{event}]}}"#);
        let read: EventsMessage = serde_json::from_str(&message).unwrap();
        assert_eq!(read.events.first().unwrap().get(), event);
        assert_eq!(serde_json::to_string(&read).unwrap(), message);
    }
}
