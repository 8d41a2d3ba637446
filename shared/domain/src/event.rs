//! The events that a platform publishes.

use serde_json::value::RawValue;

use super::{AgentId, EventId};
use crate::time::Timestamp;

/// Something that happened to an agent or to the project. `data` and `conversation_state` keep the published bytes:
/// numbers, key order and spelling pass through unchanged.
#[derive(Debug, Clone)]
pub struct Event {
    /// Generated, or derived from the client id.
    pub id: EventId,
    /// The event type as it was published: a native event name or a dialect's name.
    pub event_type: String,
    /// The agent of the event. `None` if the event is the project's own.
    pub agent_id: Option<AgentId>,
    /// The event's data, a JSON object.
    pub data: Box<RawValue>,
    /// When the event happened, according to the platform.
    pub occurred_at: Timestamp,
    /// When Switchhook accepted the event.
    pub accepted_at: Timestamp,
    /// The platform's own id of the event.
    pub client_id: Option<String>,
    /// Whether the event has a client id, or its request an `Idempotency-Key`. For a day, another event with the same
    /// id is a repeat.
    pub has_client_id: bool,
    /// The event's position among the events that were accepted together.
    pub position: u16,
    /// `sms`, `voice`, …
    pub channel: Option<String>,
    /// The conversation that the event belongs to.
    pub conversation_id: Option<String>,
    /// The conversation's state after the event.
    pub conversation_state: Option<Box<RawValue>>,
}
