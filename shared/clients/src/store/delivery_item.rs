//! A delivery as the log table stores it.

use domain::time::{SECONDS_A_DAY, Timestamp};
use domain::{AgentId, Delivery, DeliveryId, DeliveryKey, EventId, Status, Tenant, WebhookId};
use serde::{Deserialize, Serialize};

use super::{ITEM_VERSION, keys};

/// Absent attributes are left out, because a write costs by the size of the item.
#[derive(PartialEq, Serialize, Deserialize)]
pub(super) struct DeliveryItem {
    pk: String,
    sk: String,
    v: u8,
    #[serde(rename = "scope")]
    tenant: Tenant,
    webhook_id: WebhookId,
    shard: u8,
    created_at: Timestamp,
    id: DeliveryId,
    event_id: EventId,
    event_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_id: Option<AgentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    status: Status,
    attempt_count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_attempt_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_retry_at: Option<Timestamp>,
    /// Unix seconds. DynamoDB removes the item after this time.
    expires_at: i64,
    /// The keys of the due index, only while another attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due_at: Option<Timestamp>,
    /// The queue message that makes the next attempt. Absent once the delivery has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

impl DeliveryItem {
    /// The attributes that a list reads. The queue message is left out, because it may be a hundred times as long as
    /// the rest.
    pub(super) const LISTED: &[&str] = &[
        "pk",
        "sk",
        "v",
        "scope",
        "webhook_id",
        "shard",
        "created_at",
        "id",
        "event_id",
        "event_type",
        "agent_id",
        "message_id",
        "channel",
        "status",
        "attempt_count",
        "http_status",
        "error",
        "response_body",
        "last_attempt_at",
        "next_retry_at",
        "expires_at",
    ];

    /// The item's key in the table.
    pub(super) fn key(&self) -> (String, String) {
        (self.pk.clone(), self.sk.clone())
    }

    pub(super) fn new(delivery: &Delivery, message: Option<String>, retention_days: u16) -> Self {
        let key = &delivery.key;
        Self {
            pk: keys::log(&key.tenant, &key.webhook_id, key.shard),
            sk: keys::delivery(key),
            v: ITEM_VERSION,
            tenant: key.tenant.clone(),
            webhook_id: key.webhook_id.clone(),
            shard: key.shard,
            created_at: key.created_at,
            id: key.id.clone(),
            event_id: delivery.event_id.clone(),
            event_type: delivery.event_type.clone(),
            agent_id: delivery.agent_id.clone(),
            message_id: delivery.message_id.clone(),
            channel: delivery.channel.clone(),
            status: delivery.status,
            attempt_count: delivery.attempt_count,
            http_status: delivery.http_status,
            error: delivery.error.clone(),
            response_body: delivery.response_body.clone(),
            last_attempt_at: delivery.last_attempt_at,
            next_retry_at: delivery.next_retry_at,
            expires_at: key.created_at.seconds() + i64::from(retention_days) * SECONDS_A_DAY,
            due_pk: delivery.next_retry_at.map(|_| keys::due(key)),
            due_at: delivery.next_retry_at,
            message,
        }
    }
}

impl From<DeliveryItem> for Delivery {
    fn from(item: DeliveryItem) -> Self {
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
            status: item.status,
            attempt_count: item.attempt_count,
            http_status: item.http_status,
            error: item.error,
            response_body: item.response_body,
            last_attempt_at: item.last_attempt_at,
            next_retry_at: item.next_retry_at,
        }
    }
}
