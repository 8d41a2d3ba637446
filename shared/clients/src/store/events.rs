//! Events, each with the webhooks that it went to. The events of one message share an item, a pack. An event with a
//! client id has an item of its own, which is also its dedup lock (see [`dedup`](super::dedup)).

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::time::{SECONDS_A_DAY, Timestamp};
use domain::{AgentId, DeliveryId, Event, EventId, EventPack, Tenant, Traceparent, WebhookId};
use serde::{Deserialize, Serialize};

use super::compression::{deflate, inflate};
use super::{Item, LOG_VERSION, Store, StoreError, keys, number, text, update_if};

/// A webhook that an event went to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The webhook.
    pub webhook: WebhookId,
    /// The number of shards of the webhook's log at that time.
    pub log_shards: u8,
    /// The delivery's request, if it is stored with the event.
    pub request: Option<AroundData>,
}

/// A delivery's request without its event's data. It is stored with the event, because the requests of a pack's events
/// are alike and compress well together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AroundData {
    /// The dialect's own headers.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body before the data.
    #[serde(rename = "b")]
    pub before: String,
    /// The body after the data.
    #[serde(rename = "a")]
    pub after: String,
    /// Whether the data stands without its braces.
    #[serde(rename = "i", default, skip_serializing_if = "std::ops::Not::not")]
    pub without_braces: bool,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvent {
    /// The event's id.
    pub id: EventId,
    /// The platform's own id.
    pub client_id: Option<String>,
    /// The event type as it was published.
    pub event_type: String,
    /// The event's agent.
    pub agent_id: Option<AgentId>,
    /// The event's channel.
    pub channel: Option<String>,
    /// The conversation that the event belongs to.
    pub conversation_id: Option<String>,
    /// When the event happened, according to the platform.
    pub occurred_at: Timestamp,
    /// When the event was accepted.
    pub accepted_at: Timestamp,
    /// The event's data, byte for byte. `None` if it was not kept.
    pub data: Option<String>,
    /// The trace of the call that published the event. `None` for an event with a client id: its deliveries keep the trace.
    pub traceparent: Option<Traceparent>,
    /// The webhooks that the event went to. `None` before it is dispatched.
    pub recipients: Option<Vec<Recipient>>,
}

impl KeptEvent {
    /// The ids of the event's deliveries.
    #[must_use]
    pub fn deliveries(&self) -> Vec<(WebhookId, DeliveryId)> {
        let recipients = self.recipients.iter().flatten();
        let id = |to: &Recipient| {
            (to.webhook.clone(), DeliveryId::derive(&self.id, &to.webhook, self.accepted_at, to.log_shards))
        };
        recipients.map(id).collect()
    }
}

/// An event in a compressed attribute. The names are short, because compression needs some bytes for each.
#[derive(Serialize, Deserialize)]
pub(super) struct EventJson {
    #[serde(rename = "t")]
    event_type: String,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    agent_id: Option<AgentId>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    /// Only if it is another time than `accepted_at`.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<serde_json::value::RawValue>>,
}

impl EventJson {
    pub(super) fn of(event: &Event, keep_data: bool) -> Self {
        Self {
            event_type: event.event_type.clone(),
            agent_id: event.agent_id.clone(),
            channel: event.channel.clone(),
            conversation_id: event.conversation_id.clone(),
            occurred_at: (event.occurred_at != event.accepted_at).then_some(event.occurred_at),
            data: keep_data.then(|| event.data.clone()),
        }
    }

    pub(super) fn into_kept(self, id: EventId, accepted_at: Timestamp) -> KeptEvent {
        KeptEvent {
            id,
            client_id: None,
            event_type: self.event_type,
            agent_id: self.agent_id,
            channel: self.channel,
            conversation_id: self.conversation_id,
            occurred_at: self.occurred_at.unwrap_or(accepted_at),
            accepted_at,
            data: self.data.map(|data| data.get().to_owned()),
            traceparent: None,
            recipients: None,
        }
    }
}

/// The index of a recipient's webhook, and the recipient's request.
type IndexedRecipient = (usize, Option<AroundData>);

/// The recipients of some events. Most events of a pack go to the same webhooks, so each webhook is listed once.
#[derive(Serialize, Deserialize)]
pub(super) struct RecipientsJson {
    /// The webhooks, and the shards of their logs.
    #[serde(rename = "w")]
    webhooks: Vec<(WebhookId, u8)>,
    /// For each event, the indexes of its webhooks with their requests. `None` if the event is dispatched later than the
    /// others.
    #[serde(rename = "e")]
    events: Vec<Option<Vec<IndexedRecipient>>>,
    #[serde(
        rename = "p",
        default,
        deserialize_with = "Traceparent::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    traceparent: Option<Traceparent>,
}

impl RecipientsJson {
    pub(super) fn of(events: &[Option<&[Recipient]>], traceparent: Option<&Traceparent>) -> Self {
        let mut webhooks = Vec::new();
        let mut index = |recipient: &Recipient| {
            let webhook = (recipient.webhook.clone(), recipient.log_shards);
            let index = webhooks.iter().position(|known| *known == webhook).unwrap_or_else(|| {
                webhooks.push(webhook);
                webhooks.len() - 1
            });
            (index, recipient.request.clone())
        };
        let events = events.iter().map(|event| Some(event.as_ref()?.iter().map(&mut index).collect())).collect();
        Self { webhooks, events, traceparent: traceparent.cloned() }
    }

    /// The recipients of event number `index`.
    pub(super) fn event(&self, index: usize) -> Option<Vec<Recipient>> {
        let recipients = self.events.get(index)?.as_ref()?.iter();
        let recipient = |(webhook, request): &IndexedRecipient| {
            let (webhook, log_shards) = self.webhooks.get(*webhook)?.clone();
            Some(Recipient { webhook, log_shards, request: request.clone() })
        };
        Some(recipients.filter_map(recipient).collect())
    }
}

/// The events of a pack, as its item has them.
#[derive(Serialize, Deserialize)]
struct PackJson {
    /// The events' indexes in the pack, if they are not 0, 1, 2 and so on.
    #[serde(rename = "i", default, skip_serializing_if = "Vec::is_empty")]
    indexes: Vec<u8>,
    #[serde(rename = "e")]
    events: Vec<EventJson>,
    #[serde(rename = "r")]
    recipients: RecipientsJson,
}

impl Store {
    /// Stores the events of a pack, with the recipients of each. Costs a write unit for each KB after compression.
    ///
    /// A call with fewer events than are stored adds only their recipients: these events were dispatched later than the
    /// others.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn put_events(
        &self,
        tenant: &Tenant,
        pack: &EventPack,
        events: &[(&Event, Option<Vec<Recipient>>)],
        traceparent: Option<&Traceparent>,
    ) -> Result<(), StoreError> {
        let recipients: Vec<_> = events.iter().map(|(_, recipients)| recipients.as_deref()).collect();
        let indexes: Vec<u8> = events.iter().filter_map(|(event, _)| Some(event.id.pack()?.1)).collect();
        let stored = PackJson {
            indexes: if indexes.iter().zip(0..).all(|(index, expected)| *index == expected) {
                Vec::new()
            } else {
                indexes
            },
            events: events.iter().map(|(event, _)| EventJson::of(event, self.keeps_all_bodies)).collect(),
            recipients: RecipientsJson::of(&recipients, traceparent),
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::event_packs(tenant, pack.shard(keys::EVENT_SHARDS))))
            .key("sk", text(keys::event_pack(pack)))
            .update_expression("SET v = :v, expires_at = :expires, event_count = :count, events = :events")
            .condition_expression("attribute_not_exists(pk) OR event_count <= :count")
            .expression_attribute_values(":v", number(LOG_VERSION))
            .expression_attribute_values(":expires", number(self.expires_at(pack.accepted_at)))
            .expression_attribute_values(":count", number(events.len()))
            .expression_attribute_values(":events", compressed(&stored)?);
        // An event that was requeued alone may have been stored before this pack.
        for (event, _) in events.iter().filter(|(_, recipients)| recipients.is_none()) {
            let stored = self.event(tenant, &event.id).await?.and_then(|stored| stored.recipients);
            if let (Some(stored), Some((_, index))) = (stored, event.id.pack()) {
                self.add_recipients(tenant, pack, index, &stored).await?;
            }
        }
        if update_if(update).await? {
            return Ok(());
        }
        for (event, recipients) in events {
            let (Some((_, index)), Some(recipients)) = (event.id.pack(), recipients) else { continue };
            self.add_recipients(tenant, pack, index, recipients).await?;
        }
        Ok(())
    }

    async fn add_recipients(
        &self,
        tenant: &Tenant,
        pack: &EventPack,
        index: u8,
        recipients: &[Recipient],
    ) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::event_packs(tenant, pack.shard(keys::EVENT_SHARDS))))
            .key("sk", text(keys::event_pack(pack)))
            .update_expression("SET #name = :recipients")
            .expression_attribute_names("#name", recipients_of(index))
            .expression_attribute_values(":recipients", compressed(&RecipientsJson::of(&[Some(recipients)], None))?)
            .send()
            .await?;
        Ok(())
    }

    /// When an item of the log expires whose event was accepted at `accepted_at`, in Unix seconds.
    pub(super) fn expires_at(&self, accepted_at: Timestamp) -> i64 {
        accepted_at.seconds() + i64::from(self.retention_days) * SECONDS_A_DAY
    }

    /// An event, found by its id with one read. `None` if no such event is stored.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn event(&self, tenant: &Tenant, id: &EventId) -> Result<Option<KeptEvent>, StoreError> {
        let Some((pack, index)) = id.pack() else { return self.client_event(tenant, id).await };
        let pk = keys::event_packs(tenant, pack.shard(keys::EVENT_SHARDS));
        let Some(item) = self.log_item_at(pk, keys::event_pack(&pack)).await? else { return Ok(None) };
        let Some(PackJson { indexes, events, recipients }) = decompressed(&item, "events")? else { return Ok(None) };
        let position = match indexes.as_slice() {
            [] => Some(index.into()),
            indexes => indexes.iter().position(|known| *known == index),
        };
        let Some(position) = position else { return Ok(None) };
        let Some(event) = events.into_iter().nth(position) else { return Ok(None) };
        let later = decompressed::<RecipientsJson>(&item, &recipients_of(index))?;
        let of_event = later.map_or_else(|| recipients.event(position), |later| later.event(0));
        let event = event.into_kept(id.clone(), pack.accepted_at);
        Ok(Some(KeptEvent { recipients: of_event, traceparent: recipients.traceparent, ..event }))
    }

    /// The item of the log table at `pk` and `sk`. The read is strongly consistent.
    pub(super) async fn log_item_at(&self, pk: String, sk: String) -> Result<Option<Item>, StoreError> {
        let at = Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
        self.item_at(&self.log_table, at).await
    }
}

/// The attribute of the recipients of an event that was dispatched later than its pack.
fn recipients_of(index: u8) -> String {
    format!("recipients_{index}")
}

/// A value as compressed JSON.
pub(super) fn compressed(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    let json = serde_json::to_string(value).or(Err(StoreError::Compressed))?;
    Ok(AttributeValue::B(Blob::new(deflate(&json)?)))
}

/// The value of a compressed attribute. `None` if the item lacks the attribute.
pub(super) fn decompressed<T: for<'de> Deserialize<'de>>(item: &Item, name: &str) -> Result<Option<T>, StoreError> {
    let Some(bytes) = item.get(name).and_then(|value| value.as_b().ok()) else { return Ok(None) };
    let json = inflate(bytes.as_ref())?;
    serde_json::from_str(&json).map(Some).or(Err(StoreError::Compressed))
}
