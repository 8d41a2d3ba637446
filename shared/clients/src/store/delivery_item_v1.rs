//! A delivery as release 0.1.0 stored it (version 1). This release reads it, and writes it as version 2 at the next
//! attempt.

use domain::time::Timestamp;
use domain::{AgentId, Attempt, AttemptTrigger, Delivery, DeliveryId, DeliveryKey, EventId, Status, Tenant, WebhookId};
use serde::Deserialize;

/// The attributes that are read.
#[derive(Deserialize)]
pub(super) struct DeliveryItemV1 {
    #[serde(rename = "scope")]
    tenant: Tenant,
    webhook_id: WebhookId,
    shard: u8,
    created_at: Timestamp,
    id: DeliveryId,
    event_id: EventId,
    event_type: String,
    agent_id: Option<AgentId>,
    message_id: Option<String>,
    channel: Option<String>,
    status: Status,
    attempt_count: u32,
    http_status: Option<u16>,
    error: Option<String>,
    response_body: Option<String>,
    last_attempt_at: Option<Timestamp>,
    next_retry_at: Option<Timestamp>,
    /// The queue message that makes the next attempt. Absent once the delivery has succeeded.
    pub(super) message: Option<String>,
}

impl From<DeliveryItemV1> for Delivery {
    fn from(item: DeliveryItemV1) -> Self {
        // A delivery that was given up or skipped has a reason that no attempt gave.
        let has_attempt = item.last_attempt_at.is_some();
        let last_attempt = item.last_attempt_at.map(|at| Attempt {
            number: item.attempt_count,
            trigger: AttemptTrigger::Automatic,
            at,
            duration_ms: 0,
            http_status: item.http_status,
            error: item.error.clone(),
            response_headers: Vec::new(),
            response_body: item.response_body.clone(),
        });
        Self {
            key: DeliveryKey {
                tenant: item.tenant,
                webhook_id: item.webhook_id,
                shard: item.shard,
                created_at: item.created_at,
                id: item.id,
            },
            event_id: item.event_id,
            event_type: item.event_type,
            agent_id: item.agent_id,
            message_id: item.message_id,
            channel: item.channel,
            dialect: None,
            conversation_id: None,
            status: item.status,
            attempt_count: item.attempt_count,
            attempts: last_attempt.into_iter().collect(),
            end_reason: item.error.filter(|_| !has_attempt),
            next_retry_at: item.next_retry_at,
        }
    }
}
