//! The one place that builds keys and names indexes. A part that users choose must not contain `#`.

use domain::time::Timestamp;
use domain::{
    AgentId, DeliveryKey, Event, EventId, KeyId, Owner, ProjectId, Tenant, WebhookId, WebhookKind, WebhookRef, digest,
};
use serde::{Deserialize, Serialize};

/// The index of the config table that lists a tenant's agents and webhooks.
pub const LISTING_INDEX: &str = "listing";

/// The index of the log table that has the deliveries that wait for another attempt.
pub const DUE_INDEX: &str = "due";

/// The number of partitions of the due index, for the whole table. Each takes a thousand writes a second.
pub(super) const DUE_SHARDS: u8 = 64;

/// The sort key of an agent itself, in its partition.
pub(super) const AGENT: &str = "agent";

/// The sort key of the count of an owner's additional webhooks, in the owner's partition.
pub(super) const COUNT: &str = "subs";

/// The sort key of a dedup lock, and of a registered `Idempotency-Key`.
pub(super) const DEDUP_LOCK: &str = "claim";

/// The sort key of an event's [`FirstPosition`].
pub(super) const FIRST_POSITION: &str = "place";

/// The sort key of an API key.
pub(super) const API_KEY: &str = "key";

/// The sort key of a project itself, in its partition.
pub(super) const PROJECT: &str = "project";

/// The position of an event's first publication among other events. A repeat has the same position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FirstPosition {
    pub(super) occurred_at: Timestamp,
    pub(super) accepted_at: Timestamp,
    pub(super) position: u16,
}

impl FirstPosition {
    /// The position of an event that is not a repeat.
    pub(super) const fn of(event: &Event) -> Self {
        Self { occurred_at: event.occurred_at, accepted_at: event.accepted_at, position: event.position }
    }
}

fn in_tenant(tenant: &Tenant, rest: &str) -> String {
    format!("{}#{}#{rest}", tenant.project, tenant.environment.as_str())
}

/// The partition of an owner and its webhooks. Fan-out reads it with one Query.
pub(super) fn owner(tenant: &Tenant, owner: &Owner) -> String {
    match owner {
        Owner::Agent(id) => in_tenant(tenant, &format!("agent#{id}")),
        Owner::Project => in_tenant(tenant, "project"),
    }
}

/// The partition of an agent.
pub(super) fn agent(tenant: &Tenant, id: &AgentId) -> String {
    owner(tenant, &Owner::Agent(id.clone()))
}

/// The sort key of a webhook, in its owner's partition.
pub(super) fn webhook(reference: &WebhookRef) -> String {
    match reference.kind {
        WebhookKind::Primary => "slot".to_owned(),
        WebhookKind::Additional => format!("sub#{}", reference.id),
    }
}

/// The sort key of an owner's primary webhook.
pub(super) fn primary_webhook() -> &'static str {
    "slot"
}

/// The listing index's partition of a tenant's agents. The sort key is the agent's id.
pub(super) fn agents(tenant: &Tenant) -> String {
    in_tenant(tenant, "agents")
}

/// The listing index's partition of a tenant's webhooks. The sort key is the webhook's id.
pub(super) fn webhooks(tenant: &Tenant) -> String {
    in_tenant(tenant, "webhooks")
}

/// The partition of an API key, and the key's sort key in its project's list. The API key itself is stored nowhere.
pub(super) fn api_key(id: &KeyId) -> String {
    format!("key#{id}")
}

/// The partition of a project and the list of its keys.
pub(super) fn project(project: &ProjectId) -> String {
    format!("project#{project}")
}

/// The partition of one shard of a webhook's log.
pub(super) fn log(tenant: &Tenant, webhook: &WebhookId, shard: u8) -> String {
    in_tenant(tenant, &format!("log#{webhook}#{shard}"))
}

/// The sort key of a delivery in its shard. It sorts by the time at which the event was accepted.
pub(super) fn delivery(key: &DeliveryKey) -> String {
    format!("{}#{}", deliveries_from(key.created_at), key.id)
}

/// The start of the sort keys of the deliveries whose events were accepted at `time`.
pub(super) fn deliveries_from(time: Timestamp) -> String {
    format!("{:015}", time.millis())
}

/// The partition of a conversation's messages. A conversation belongs to one agent, because two agents may use the same
/// conversation id.
pub(super) fn messages(tenant: &Tenant, agent: Option<&AgentId>, conversation: &str) -> String {
    in_tenant(tenant, &format!("messages#{}", digest(&[agent.map_or("", AgentId::as_str), conversation])))
}

/// The sort key of the message that an event added. It sorts by the time at which the message was written or said.
pub(super) fn message(event: &EventId, position: FirstPosition) -> String {
    format!("{:015}#{}", position.occurred_at.millis().max(0), accepted(event, position))
}

/// The partition of a conversation's states.
pub(super) fn states(tenant: &Tenant, agent: Option<&AgentId>, conversation: &str) -> String {
    in_tenant(tenant, &format!("states#{}", digest(&[agent.map_or("", AgentId::as_str), conversation])))
}

/// The sort key of the state that an event added. It sorts by the time at which the event was accepted.
pub(super) fn accepted(event: &EventId, position: FirstPosition) -> String {
    format!("{:015}#{:05}#{event}", position.accepted_at.millis().max(0), position.position)
}

/// The partition of an event with a client id: its dedup lock and its first position.
pub(super) fn client_event(tenant: &Tenant, event: &EventId) -> String {
    in_tenant(tenant, &format!("event#{event}"))
}

/// The partition of a request with an `Idempotency-Key`.
pub(super) fn client_request(tenant: &Tenant, key: &str) -> String {
    in_tenant(tenant, &format!("request#{}", digest(&[key])))
}

/// The due index's partition of a delivery. The sort key is the time at which the next attempt is due.
pub(super) fn due(key: &DeliveryKey) -> String {
    due_shard(key.id.shard(DUE_SHARDS))
}

/// The due index's partition number `shard`, below [`DUE_SHARDS`].
pub(super) fn due_shard(shard: u8) -> String {
    format!("due#{shard}")
}
