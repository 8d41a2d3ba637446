//! The one place that builds keys and names indexes. A part that users choose must not contain `#`.

use domain::time::Timestamp;
use domain::{
    AgentId, DeliveryId, DeliveryKey, Environment, Event, EventId, EventPack, KeyId, LogName, Owner, ProjectId, Status,
    Tenant, WebhookId, WebhookKind, WebhookRef, digest,
};
use serde::{Deserialize, Serialize};

/// The index of the config table that lists a tenant's agents and webhooks.
pub const LISTING_INDEX: &str = "listing";

/// The index of the log table that has the deliveries that wait for another attempt.
pub const DUE_INDEX: &str = "due";

/// The generic index of the log table: failed and waiting deliveries of a tenant, and events with a client id.
pub const GENERIC_INDEX: &str = "gsi1";

/// The number of partitions of the due index, for the whole table. Each takes a thousand writes a second. Parked
/// deliveries have as many.
pub(super) const DUE_SHARDS: u8 = 64;

/// The number of partitions of each of a tenant's lists in the generic index.
pub(super) const LIST_SHARDS: u8 = 16;

/// The number of partitions of a tenant's events.
pub(super) const EVENT_SHARDS: u8 = 32;

/// The sort key of an agent itself, in its partition.
pub(super) const AGENT: &str = "agent";

/// The sort key of the count of an owner's additional webhooks, in the owner's partition.
pub(super) const COUNT: &str = "subs";

/// The sort key of a dedup lock, and of a registered `Idempotency-Key`.
pub(super) const DEDUP_LOCK: &str = "claim";

/// The sort key of an event's [`FirstPosition`] in the data of release 0.1.0.
pub(super) const FIRST_POSITION: &str = "place";

/// The sort key of a pointer to a webhook.
pub(super) const POINTER: &str = "pointer";

/// The sort key of an API key.
pub(super) const API_KEY: &str = "key";

/// The sort key of a project itself, in its partition.
pub(super) const PROJECT: &str = "project";

/// The position of an event's first publication among other events. A repeat has the same position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstPosition {
    /// When the event happened, according to the platform.
    pub occurred_at: Timestamp,
    /// When the event was accepted.
    pub accepted_at: Timestamp,
    /// The event's position among those accepted together.
    pub position: u16,
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

/// The partition of the pointer to a webhook. The pointer is found by the webhook's id alone.
pub(super) fn webhook_pointer(tenant: &Tenant, webhook: &WebhookId) -> String {
    in_tenant(tenant, &format!("webhook#{webhook}"))
}

/// The partition of one shard of a webhook's log.
pub(super) fn log(tenant: &Tenant, webhook: &WebhookId, shard: u8) -> String {
    named_log(tenant, &LogName::of(webhook), shard)
}

/// The partition of one shard of the log called `name`.
pub(super) fn named_log(tenant: &Tenant, name: &LogName, shard: u8) -> String {
    in_tenant(tenant, &format!("log#{}#{shard}", name.as_str()))
}

/// The sort key of a delivery in its shard. It sorts by the time at which the event was accepted.
pub(super) fn delivery(key: &DeliveryKey) -> String {
    delivery_at(key.created_at, &key.id)
}

/// The sort key of a delivery whose event was accepted at `created_at`.
pub(super) fn delivery_at(created_at: Timestamp, id: &DeliveryId) -> String {
    format!("{}#{id}", deliveries_from(created_at))
}

/// The key of the delivery at `pk` and `sk`. `webhook` is the webhook's id, if it is not its log's name.
pub(super) fn delivery_key(pk: &str, sk: &str, webhook: Option<WebhookId>) -> Option<DeliveryKey> {
    let mut parts = pk.split('#');
    let (project, environment) = (parts.next()?, parts.next()?);
    let environment = Environment::ALL.into_iter().find(|known| known.as_str() == environment)?;
    let ("log", name, shard) = (parts.next()?, parts.next()?, parts.next()?) else { return None };
    let (_, id) = sk.split_once('#')?;
    Some(DeliveryKey {
        tenant: Tenant { project: ProjectId::parse(project).ok()?, environment },
        webhook_id: webhook.or_else(|| WebhookId::parse(name).ok())?,
        shard: shard.parse().ok()?,
        created_at: created_at(sk)?,
        id: DeliveryId::parse(id).ok()?,
    })
}

/// When the event of the delivery at `sk` was accepted.
pub(super) fn created_at(sk: &str) -> Option<Timestamp> {
    sk.split('#').next()?.parse().ok().map(Timestamp::from_millis)
}

/// The partition of the bodies that have items of their own, for one shard of a webhook's log. The sort key is the
/// delivery's.
pub(super) fn bodies(tenant: &Tenant, webhook: &WebhookId, shard: u8) -> String {
    in_tenant(tenant, &format!("body#{}#{shard}", LogName::of(webhook).as_str()))
}

/// The generic index's partition of the deliveries with this status that `shard` has. The sort key is the delivery's.
/// `None` if the index does not list the status.
pub(super) fn listed_deliveries(tenant: &Tenant, status: Status, shard: u8) -> Option<String> {
    let status = match status {
        Status::Pending => "pending",
        Status::Failed => "failed",
        Status::Success | Status::Skipped => return None,
    };
    Some(in_tenant(tenant, &format!("{status}#{shard}")))
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

/// The partition of the events without a client id that `shard` has.
pub(super) fn event_packs(tenant: &Tenant, shard: u8) -> String {
    in_tenant(tenant, &format!("events#{shard}"))
}

/// The sort key of a pack of events. It sorts by the time at which the events were accepted.
pub(super) fn event_pack(pack: &EventPack) -> String {
    format!("{}#{:016x}", deliveries_from(pack.accepted_at), pack.number)
}

/// The generic index's partition of the events with a client id that `shard` has. The sort key is that of [`accepted`].
pub(super) fn client_events(tenant: &Tenant, shard: u8) -> String {
    in_tenant(tenant, &format!("client-events#{shard}"))
}

/// The partition of an event with a client id: the event, which is also its dedup lock.
pub(super) fn client_event(tenant: &Tenant, event: &EventId) -> String {
    in_tenant(tenant, &format!("event#{event}"))
}

/// The partition of the events of a conversation that added neither a message nor a state. The sort key is that of
/// [`accepted`].
pub(super) fn conversation_events(tenant: &Tenant, agent: Option<&AgentId>, conversation: &str) -> String {
    in_tenant(tenant, &format!("conversation#{}", digest(&[agent.map_or("", AgentId::as_str), conversation])))
}

/// The partition of the list of an agent's conversations. The sort key is the conversation's id, which may contain any
/// character.
pub(super) fn conversations(tenant: &Tenant, agent: Option<&AgentId>) -> String {
    in_tenant(tenant, &format!("conversations#{}", agent.map_or("", AgentId::as_str)))
}

/// The partition of a request with an `Idempotency-Key`.
pub(super) fn client_request(tenant: &Tenant, key: &str) -> String {
    in_tenant(tenant, &format!("request#{}", digest(&[key])))
}

/// The due index's partition of the deliveries whose next attempt is in a queue. The sort key is the time at which the
/// attempt is due. `shard` is below [`DUE_SHARDS`].
pub(super) fn due(shard: u8) -> String {
    format!("due#{shard}")
}

/// The due index's partition of the parked deliveries. The sort key is the time at which the attempt is due. `shard` is
/// below [`DUE_SHARDS`].
pub(super) fn parked(shard: u8) -> String {
    format!("parked#{shard}")
}

/// Whether a partition of the due index has parked deliveries.
pub(super) fn is_parked(partition: &str) -> bool {
    partition.starts_with("parked#")
}
