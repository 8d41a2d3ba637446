//! The log's entry for one event to one webhook.

use serde::{Deserialize, Serialize};

use super::{AgentId, DeliveryId, EventId, Tenant, WebhookId};
use crate::time::Timestamp;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Tried, and due again.
    Pending,
    /// Answered with a 2xx.
    Success,
    /// Given up: no attempt is left, or the webhook is gone. It can be sent again.
    Failed,
    /// Never tried: the webhook that it was for is disabled.
    Skipped,
}

/// What names a delivery in the log. All of it is fixed at fan-out, so that doing a step twice finds the same entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryKey {
    /// The tenant.
    #[serde(rename = "scope")]
    pub tenant: Tenant,
    /// The webhook it is for.
    pub webhook_id: WebhookId,
    /// Which of the webhook's log shards it is in.
    pub shard: u8,
    /// When its event was accepted.
    pub created_at: Timestamp,
    /// Its id.
    pub id: DeliveryId,
}

/// One event for one webhook, and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its place in the log.
    pub key: DeliveryKey,
    /// The event.
    pub event_id: EventId,
    /// The event's type as the receiver is told it.
    pub event_type: String,
    /// The event's agent.
    pub agent_id: Option<AgentId>,
    /// The platform's id of the message that the event tells of.
    pub message_id: Option<String>,
    /// The event's channel.
    pub channel: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Attempts made.
    pub attempt_count: u32,
    /// The status line of the last answer.
    pub http_status: Option<u16>,
    /// Why the last attempt failed, in words for the customer.
    pub error: Option<String>,
    /// The first KiB of the last answer's body.
    pub response_body: Option<String>,
    /// When the last attempt was made.
    pub last_attempt_at: Option<Timestamp>,
    /// When the next is due.
    pub next_retry_at: Option<Timestamp>,
}
