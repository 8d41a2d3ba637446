//! The JSON messages in the queues. Every message carries its version, `v`. A message of an unknown version is refused.
//! It ends in the dead-letter queue rather than being misread.
//!
//! A new field is optional, because messages that already wait lack it. If an older `deliver` may ignore a new field of
//! a [`DeliveryMessage`], `v` stays as it is. An older `fan_out` refuses an [`EventsMessage`] with a field that it does
//! not know. So a new field there, or in an event, needs two updates: the first one reads the field, the second one
//! writes it. If the older function would misread the message, `v` is raised. Both versions are then read for 14 days,
//! the longest that an older message may wait.

use domain::time::Timestamp;
use domain::{AgentId, DeliveryKey, DialectName, EventId, Tenant, Traceparent, WebhookId, WebhookRef, digest};
use rules::sign::Signature;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::store::waiting::{WaitingRow, WaitingShard};

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
            Err(de::Error::custom(format_args!("unknown version {version}, expected {N}")))
        }
    }
}

/// Published events, on the events queue. A platform in the same AWS account may send this message itself, without
/// `ids` and `accepted_at`: `{"v": 1, "tenant": {"project": "…", "environment": "live"}, "events": [{"type": …, "data":
/// {…}}]}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsMessage {
    /// [`VERSION`]
    pub v: Version<VERSION>,
    /// The tenant of the events. This release reads both `tenant` and `scope`. It writes `scope`, the only name that
    /// release 0.1.0 reads.
    #[serde(rename = "scope", alias = "tenant")]
    pub tenant: Tenant,
    /// When the events were accepted. If absent: when SQS received the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// The events' ids, in the order of `events`. If absent: derived from the SQS message id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<EventId>>,
    /// Distinguishes this publication of an event from its repeats. Only for an event with a client id, or of a request
    /// with an `Idempotency-Key`. Absent, too, if a platform sent the message itself.
    #[serde(rename = "publication", default, skip_serializing_if = "Option::is_none")]
    pub publish_token: Option<String>,
    /// The position of each event among the events that were accepted together. If absent: the position in this
    /// message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<Vec<u16>>,
    /// The trace of the call that published the events.
    #[serde(default, deserialize_with = "Traceparent::deserialize", skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
    /// The only webhooks that receive the events, whatever they asked for: used by test calls. If absent: all webhooks
    /// that asked for an event receive it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<WebhookId>>,
    /// The events as they were published.
    pub events: Vec<Box<RawValue>>,
}

/// Characters that JSON allows and an SQS message does not
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
pub const UNSENDABLE: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// The same JSON with the [`UNSENDABLE`] characters escaped. They occur only in JSON strings, where an escape is
/// allowed.
#[must_use]
pub fn sendable(body: Box<RawValue>) -> Box<RawValue> {
    if !body.get().contains(UNSENDABLE) {
        return body;
    }
    let escaped = body.get().replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff");
    RawValue::from_string(escaped).unwrap_or(body)
}

/// The SQS message group of an agent's events, or of a project's own events. SQS serves message groups fairly.
#[must_use]
pub fn events_group(tenant: &Tenant, agent: Option<&AgentId>) -> String {
    let agent = agent.map_or("", AgentId::as_str);
    digest(&["group", tenant.project.as_str(), tenant.environment.as_str(), agent])
}

/// The SQS message group of a webhook's deliveries.
#[must_use]
pub fn deliveries_group(key: &DeliveryKey) -> String {
    key.webhook_id.to_string()
}

/// One attempt to make, on the deliveries and retries queues. The message contains everything that must not change
/// between attempts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliveryMessage {
    /// [`VERSION`]
    pub v: Version<VERSION>,
    /// The key of the delivery's log entry.
    pub key: DeliveryKey,
    /// The webhook. Each later attempt reads it from the store.
    pub webhook: WebhookRef,
    /// The webhook as fan-out read it. The first attempt uses this snapshot instead of a read, if the snapshot is
    /// recent.
    #[serde(rename = "as_read", default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<WebhookSnapshot>,
    /// The event's id.
    pub event_id: EventId,
    /// The event type, by its name in the webhook's dialect.
    pub event_type: String,
    /// The event's agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// The platform's id of the message that the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The event's channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The conversation that the event belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// The webhook's dialect. Release 0.1.0 does not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<DialectName>,
    /// The trace of the call that published the event. Each attempt sends it to the receiver.
    #[serde(default, deserialize_with = "Traceparent::deserialize", skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
    /// The number of the attempt to make, from 1.
    pub attempt: u32,
    /// When the attempt is due. A retry that is read earlier is requeued.
    pub due_at: Timestamp,
    /// Whether the attempt goes through the slow lane, where a failing or slow endpoint does not delay others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slow_lane: bool,
    /// The dialect's signature, besides the Standard Webhooks headers.
    #[serde(rename = "scheme")]
    pub signature: Signature,
    /// The dialect's own headers, the same on every attempt.
    pub headers: Vec<(String, String)>,
    /// Whether the request is stored with its event, so that the log need not repeat it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_event: bool,
    /// The body, byte for byte: no attempt changes it.
    pub body: Box<RawValue>,
}

/// A step of a longer work, on the tasks queue. The step that ends a page sends the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMessage {
    /// [`VERSION`]
    pub v: Version<VERSION>,
    /// The step.
    pub task: Task,
}

/// A step of a longer work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Queue the attempts of a shard's waiting deliveries that are due soon or overdue.
    Release {
        /// The shard.
        shard: WaitingShard,
        /// The last row of the page before. If absent: the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<WaitingRow>,
    },
}

/// A webhook as fan-out read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookSnapshot {
    /// When the batch that read the webhook began: the snapshot is no older.
    pub at: Timestamp,
    /// The webhook's `updated_at`. The first attempt uses no older version of the webhook.
    pub updated_at: Timestamp,
    /// A [`snapshot`](crate::store::Store::snapshot) of the webhook, with sealed secrets.
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
        assert!(refusal.contains("unknown version 2, expected 1"), "{refusal}");
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
