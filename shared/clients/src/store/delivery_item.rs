//! A delivery as the log table stores it (version 2). Version 1 is read, too.
//!
//! DynamoDB counts each started KB of an item as a write unit, names of attributes included. So the item of a delivery
//! that succeeded at once has to stay below 1 KB. It does not repeat what the keys say, and leaves absent attributes out.

use domain::time::{SECONDS_A_DAY, Timestamp};
use domain::{AgentId, Attempt, Delivery, DialectName, EventId, LogName, Status, WebhookId};
use serde::{Deserialize, Serialize};

use super::attempt_item::AttemptItem;
use super::deliveries::StoredDelivery;
use super::delivery_item_v1::DeliveryItemV1;
use super::kept_request::KeptRequest;
use super::request_item::RequestItem;
use super::{Item, LOG_VERSION, StoreError, check_version, keys};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DeliveryItem {
    pk: String,
    sk: String,
    v: u8,
    /// The webhook's id, if it is not in `pk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook_id: Option<WebhookId>,
    event_id: EventId,
    event_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dialect: Option<DialectName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_id: Option<AgentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    status: Status,
    attempt_count: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<AttemptItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_retry_at: Option<Timestamp>,
    /// Unix seconds. DynamoDB removes the item after this time.
    expires_at: i64,
    /// The keys of the due index, only while another attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    /// The keys of the generic index, only while the delivery is pending or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
    /// The request, to send the same bytes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<RequestItem>,
}

impl DeliveryItem {
    /// The attributes that a list reads: all but the request.
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
        "dialect",
        "agent_id",
        "message_id",
        "channel",
        "conversation_id",
        "status",
        "attempt_count",
        "attempts",
        "end_reason",
        "http_status",
        "error",
        "response_body",
        "last_attempt_at",
        "next_retry_at",
        "expires_at",
    ];

    /// The attributes that an update removes if the new item lacks them. The last are those of version 1.
    pub(super) const OPTIONAL: &[&str] = &[
        "end_reason",
        "next_retry_at",
        "due_pk",
        "due_at",
        "gsi1pk",
        "gsi1sk",
        "request",
        "message",
        "http_status",
        "error",
        "response_body",
        "last_attempt_at",
    ];

    /// The item of a delivery. While another attempt is due, the item is in the due index: as parked, or as queued.
    pub(super) fn new(
        delivery: &Delivery,
        request: Option<&KeptRequest>,
        is_parked: bool,
        retention_days: u16,
    ) -> Self {
        let key = &delivery.key;
        let listed = keys::listed_deliveries(&key.tenant, delivery.status, key.id.shard(keys::LIST_SHARDS));
        let due_shard = key.id.shard(keys::DUE_SHARDS);
        let due_pk = if is_parked { keys::parked(due_shard) } else { keys::due(due_shard) };
        let is_in_key = LogName::of(&key.webhook_id).as_str() == key.webhook_id.as_str();
        // A delivery that still waits is not removed.
        let kept_from = delivery.next_retry_at.unwrap_or(key.created_at).max(key.created_at);
        Self {
            pk: keys::log(&key.tenant, &key.webhook_id, key.shard),
            sk: keys::delivery(key),
            v: LOG_VERSION,
            webhook_id: (!is_in_key).then(|| key.webhook_id.clone()),
            event_id: delivery.event_id.clone(),
            event_type: delivery.event_type.clone(),
            dialect: delivery.dialect.clone(),
            agent_id: delivery.agent_id.clone(),
            message_id: delivery.message_id.clone(),
            channel: delivery.channel.clone(),
            conversation_id: delivery.conversation_id.clone(),
            status: delivery.status,
            attempt_count: delivery.attempt_count,
            attempts: delivery.attempts.iter().map(AttemptItem::from).collect(),
            end_reason: delivery.end_reason.clone(),
            next_retry_at: delivery.next_retry_at,
            expires_at: kept_from.seconds() + i64::from(retention_days) * SECONDS_A_DAY,
            due_pk: delivery.next_retry_at.map(|_| due_pk),
            due_at: delivery.next_retry_at,
            gsi1sk: listed.as_ref().map(|_| keys::delivery(key)),
            gsi1pk: listed,
            request: request.map(|request| RequestItem::new(request, delivery.agent_id.as_ref())),
        }
    }

    /// The item's key in the table.
    pub(super) fn key(&self) -> (String, String) {
        (self.pk.clone(), self.sk.clone())
    }

    /// Whether `logged` is this item, written by an earlier try of the same call.
    pub(super) fn is_logged_in(&self, logged: &Self) -> bool {
        let last = |item: &Self| item.attempts.last().map(|attempt| (attempt.number, attempt.at, attempt.duration_ms));
        (last(self), self.status, self.attempt_count, self.next_retry_at)
            == (last(logged), logged.status, logged.attempt_count, logged.next_retry_at)
    }

    /// Reads a log entry of either version.
    pub(super) fn read(item: Item) -> Result<StoredDelivery, StoreError> {
        let due_pk = item.get("due_pk").and_then(|due_pk| due_pk.as_s().ok());
        let is_parked = due_pk.is_some_and(|due_pk| keys::is_parked(due_pk));
        if super::version_of(&item) == 1 {
            let mut item: DeliveryItemV1 = serde_dynamo::from_item(item)?;
            let message_v1 = item.message.take();
            return Ok(StoredDelivery { delivery: item.into(), request: None, is_parked, message_v1 });
        }
        let item: Self = serde_dynamo::from_item(item)?;
        check_version(item.v, LOG_VERSION)?;
        let key = keys::delivery_key(&item.pk, &item.sk, item.webhook_id).ok_or(StoreError::Key)?;
        let request = item.request.map(|request| request.into_kept(&key, item.agent_id.as_ref()));
        let delivery = Delivery {
            key,
            event_id: item.event_id,
            event_type: item.event_type,
            dialect: item.dialect,
            agent_id: item.agent_id,
            message_id: item.message_id,
            channel: item.channel,
            conversation_id: item.conversation_id,
            status: item.status,
            attempt_count: item.attempt_count,
            attempts: item.attempts.into_iter().map(Attempt::from).collect(),
            end_reason: item.end_reason,
            next_retry_at: item.next_retry_at,
        };
        Ok(StoredDelivery { delivery, request, is_parked, message_v1: None })
    }
}
