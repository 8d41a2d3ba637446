//! What a platform publishes.

use serde_json::value::RawValue;

use super::{AgentId, EventId};
use crate::time::Timestamp;

/// Something that an agent, or the project, did. `data` and `conversation_state` keep the bytes that were published:
/// numbers, key order and spelling pass through unchanged.
#[derive(Debug, Clone)]
pub struct Event {
    /// Ours, or derived from the platform's own.
    pub id: EventId,
    /// Its type, as it was published: under a native name or a dialect's.
    pub event_type: String,
    /// The agent it is of; none is an event of the project.
    pub agent_id: Option<AgentId>,
    /// A JSON object.
    pub data: Box<RawValue>,
    /// When it happened, as the platform says.
    pub occurred_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Whether the platform named it: another of the same id is a repeat of it, for a day.
    pub has_client_id: bool,
    /// Its place among those that were accepted with it.
    pub position: u16,
    /// `sms`, `voice`, …
    pub channel: Option<String>,
    /// The conversation it belongs to.
    pub conversation_id: Option<String>,
    /// The conversation's state from here on.
    pub conversation_state: Option<Box<RawValue>>,
}
