//! A delivery of one event to one webhook, as its log entry describes it.

use serde::{Deserialize, Serialize};

use super::{AgentId, DeliveryId, EventId, Tenant, WebhookId};
use crate::time::Timestamp;

/// The status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// An attempt failed, and another is due.
    Pending,
    /// The endpoint answered with a 2xx.
    Success,
    /// The delivery was given up. No attempt is left, the endpoint answered 410, or the webhook was disabled or
    /// deleted. The log entry keeps the message, which a later release sends again on request.
    Failed,
    /// No attempt was made, because the webhook was disabled at fan-out.
    Skipped,
}

/// The key of a delivery's log entry. All of it is fixed at fan-out, so that a repeated step finds the same entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryKey {
    /// The tenant.
    #[serde(rename = "scope")]
    pub tenant: Tenant,
    /// The webhook that receives the delivery.
    pub webhook_id: WebhookId,
    /// The shard of the webhook's log that holds the entry.
    pub shard: u8,
    /// When the event was accepted.
    pub created_at: Timestamp,
    /// The delivery's id.
    pub id: DeliveryId,
}

/// One event for one webhook, and the result of its attempts so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The key of the log entry.
    pub key: DeliveryKey,
    /// The event's id.
    pub event_id: EventId,
    /// The event type, by its name in the webhook's dialect.
    pub event_type: String,
    /// The event's agent.
    pub agent_id: Option<AgentId>,
    /// The platform's id of the message that the event is about.
    pub message_id: Option<String>,
    /// The event's channel.
    pub channel: Option<String>,
    /// The delivery's status.
    pub status: Status,
    /// The number of attempts made.
    pub attempt_count: u32,
    /// The status code of the last answer.
    pub http_status: Option<u16>,
    /// Why the last attempt failed, as an error message for the customer.
    pub error: Option<String>,
    /// The first KiB of the last answer's body.
    pub response_body: Option<String>,
    /// When the last attempt was made.
    pub last_attempt_at: Option<Timestamp>,
    /// When the next attempt is due.
    pub next_retry_at: Option<Timestamp>,
}
