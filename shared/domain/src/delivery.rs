//! A delivery of one event to one webhook, as its log entry describes it.

use serde::{Deserialize, Serialize};

use super::{AgentId, DeliveryId, DialectName, EventId, Tenant, WebhookId};
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
    /// deleted. The log entry keeps what it takes to send the same bytes again.
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

/// The cause of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptTrigger {
    /// The first attempt, or a retry by the schedule.
    #[default]
    Automatic,
    /// A call of the API.
    Manual,
}

impl AttemptTrigger {
    /// Whether the attempt was due by the schedule.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        *self == Self::Automatic
    }
}

/// One attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The attempt's number, from 1.
    pub number: u32,
    /// The attempt's cause.
    pub trigger: AttemptTrigger,
    /// When the attempt started.
    pub at: Timestamp,
    /// How long the attempt took, in milliseconds.
    pub duration_ms: u32,
    /// The status code of the answer.
    pub http_status: Option<u16>,
    /// Why the attempt failed, as an error message for the customer.
    pub error: Option<String>,
    /// Some headers of the answer.
    pub response_headers: Vec<(String, String)>,
    /// The first KiB of the answer's body.
    pub response_body: Option<String>,
}

/// One event for one webhook, and the attempts so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The key of the log entry.
    pub key: DeliveryKey,
    /// The event's id.
    pub event_id: EventId,
    /// The event type, by its name in the webhook's dialect.
    pub event_type: String,
    /// The webhook's dialect. `None` in an entry of release 0.1.0.
    pub dialect: Option<DialectName>,
    /// The event's agent.
    pub agent_id: Option<AgentId>,
    /// The platform's id of the message that the event is about.
    pub message_id: Option<String>,
    /// The event's channel.
    pub channel: Option<String>,
    /// The conversation that the event belongs to.
    pub conversation_id: Option<String>,
    /// The delivery's status.
    pub status: Status,
    /// The number of attempts made.
    pub attempt_count: u32,
    /// The attempts, oldest first. An entry of release 0.1.0 has the last attempt alone, and from the next attempt on
    /// those that this release made.
    pub attempts: Vec<Attempt>,
    /// Why the delivery ended without a further attempt, as an error message for the customer.
    pub end_reason: Option<String>,
    /// When the next attempt is due.
    pub next_retry_at: Option<Timestamp>,
}

impl Delivery {
    /// The last attempt.
    #[must_use]
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Why the delivery ended without a further attempt, or else why the last attempt failed.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.end_reason.as_deref().or_else(|| self.last_attempt()?.error.as_deref())
    }
}
