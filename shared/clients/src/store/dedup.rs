//! Deduplication of events with a client id. A repeat is recognized for a day.
//!
//! An event with a client id has an item of its own. Publishing registers the event. `fan_out` acquires the event's
//! dedup lock, dispatches the event, and completes the lock. The item is also what the log keeps of the event.

use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::time::{SECONDS_A_DAY, Timestamp};
use domain::{Event, EventId, Tenant};
use serde::{Deserialize, Serialize};

use super::events::{EventJson, KeptEvent, Recipient, RecipientsJson, compressed, decompressed};
use super::keys::FirstPosition;
use super::{ITEM_VERSION, Item, Store, StoreError, flag, from_item, keys, number, text, to_item};

/// How long a repeat of a client id or an `Idempotency-Key` is recognized, in seconds.
pub const REPEAT_RECOGNIZED_S: i64 = SECONDS_A_DAY;

/// How long an incomplete dedup lock belongs to its publish token. Then another token may acquire it. This is longer than
/// the events queue's visibility timeout, so the holder has stopped by then.
const LOCK_LEASE: Duration = Duration::from_secs(10 * 60);

/// The token of a lock that nobody has acquired.
const NOBODY: &str = "";

/// The condition that no repeat is recognized any more. Release 0.1.0 wrote items without `repeat_until`.
const FREE: &str = "attribute_not_exists(pk) OR repeat_until <= :now OR \
                    (attribute_not_exists(repeat_until) AND expires_at <= :now)";

/// The state of an event's dedup lock, for one publish token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DedupLock {
    /// This token holds the lock: the event has to be dispatched.
    Acquired,
    /// The event was dispatched.
    Done,
    /// Another token holds the lock. Its function is dispatching the event, or stopped before the end. Try again later.
    InProgress,
}

/// The result of [`Store::register_event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The event is new.
    New,
    /// The event was registered before, with the same content, at this position.
    Repeat(FirstPosition),
    /// The client id belongs to an event with other content. Nothing was stored.
    OtherContent,
}

/// An event's dedup lock. Release 0.1.0 reads these attributes, too.
#[derive(Serialize, Deserialize)]
struct LockItem {
    pk: String,
    sk: String,
    v: u8,
    /// Unix seconds. DynamoDB removes the item after this time.
    expires_at: i64,
    #[serde(rename = "claimant")]
    publish_token: String,
    #[serde(rename = "claimed_at")]
    acquired_at: Timestamp,
    #[serde(rename = "told")]
    is_done: bool,
}

/// The attributes that registering adds to an event's item.
#[derive(Serialize, Deserialize)]
struct RegisteredItem {
    /// Unix seconds. After this time the client id is free.
    repeat_until: i64,
    /// The digest of the event's content.
    digest: String,
    #[serde(flatten)]
    first: FirstPosition,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    gsi1pk: String,
    gsi1sk: String,
}

/// The result of storing an item under a client id or an `Idempotency-Key`.
pub(super) enum PutOnce {
    Stored,
    /// There is this item already.
    Exists(Item),
}

impl Store {
    /// Registers an event with a client id, whose content has this `digest`. The item keeps the event for as long as the
    /// log. A repeat is recognized for a day.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn register_event(
        &self,
        tenant: &Tenant,
        event: &Event,
        digest: &str,
        now: Timestamp,
    ) -> Result<Registered, StoreError> {
        let first = FirstPosition::of(event);
        let lock = LockItem {
            pk: keys::client_event(tenant, &event.id),
            sk: keys::DEDUP_LOCK.to_owned(),
            v: ITEM_VERSION,
            expires_at: self.expires_at(event.accepted_at),
            publish_token: NOBODY.to_owned(),
            acquired_at: Timestamp::from_millis(0),
            is_done: false,
        };
        let registered = RegisteredItem {
            repeat_until: now.seconds() + REPEAT_RECOGNIZED_S,
            digest: digest.to_owned(),
            first,
            client_id: event.client_id.clone(),
            gsi1pk: keys::client_events(tenant, event.id.shard(keys::LIST_SHARDS)),
            gsi1sk: keys::accepted(&event.id, first),
        };
        let mut item = to_item(&lock)?;
        item.extend(to_item(&registered)?);
        item.insert("event".to_owned(), compressed(&EventJson::of(event, self.keeps_all_bodies))?);
        let PutOnce::Exists(other) = self.put_once(item, now).await? else { return Ok(Registered::New) };
        if !other.contains_key("digest") {
            // Release 0.1.0 stored the lock. It kept no content to compare, and the position in another item.
            return Ok(Registered::Repeat(self.first_position_v1(tenant, event).await?));
        }
        let other: RegisteredItem = serde_dynamo::from_item(other)?;
        Ok(if other.digest == digest { Registered::Repeat(other.first) } else { Registered::OtherContent })
    }

    /// Undoes [`Store::register_event`], for a request that is refused. Does nothing if the event is being dispatched.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn unregister_event(&self, tenant: &Tenant, event: &EventId, digest: &str) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::client_event(tenant, event)))
            .key("sk", text(keys::DEDUP_LOCK))
            .condition_expression("digest = :digest AND claimant = :nobody AND told = :no")
            .expression_attribute_values(":digest", text(digest))
            .expression_attribute_values(":nobody", text(NOBODY))
            .expression_attribute_values(":no", flag(false));
        match delete.send().await {
            Err(error) if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    /// Acquires an event's dedup lock for a publish token. The token that holds the lock acquires it again.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn acquire_dedup_lock(
        &self,
        tenant: &Tenant,
        event: &EventId,
        publish_token: &str,
        now: Timestamp,
    ) -> Result<DedupLock, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::client_event(tenant, event)))
            .key("sk", text(keys::DEDUP_LOCK))
            .update_expression(
                "SET claimant = :token, claimed_at = :at, told = :no, v = if_not_exists(v, :v), \
                 expires_at = if_not_exists(expires_at, :expires), repeat_until = if_not_exists(repeat_until, :until)",
            )
            .condition_expression(format!(
                "{FREE} OR (told = :no AND (claimant IN (:token, :nobody) OR claimed_at < :acquired_before))"
            ))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":token", text(publish_token))
            .expression_attribute_values(":nobody", text(NOBODY))
            .expression_attribute_values(":at", number(now.millis()))
            .expression_attribute_values(":now", number(now.seconds()))
            .expression_attribute_values(":acquired_before", number(now.minus(LOCK_LEASE).millis()))
            .expression_attribute_values(":no", flag(false))
            .expression_attribute_values(":v", number(ITEM_VERSION))
            .expression_attribute_values(":until", number(now.seconds() + REPEAT_RECOGNIZED_S))
            .expression_attribute_values(":expires", number(self.expires_at(now)));
        let Err(error) = update.send().await else { return Ok(DedupLock::Acquired) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failure)) => {
                let existing: LockItem = from_item(failure.item().cloned().unwrap_or_default())?;
                Ok(if existing.is_done { DedupLock::Done } else { DedupLock::InProgress })
            }
            _ => Err(error.into()),
        }
    }

    /// Marks an event's dedup lock as done, with the webhooks that the event went to: its deliveries are queued, so its
    /// repeats may be dropped.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn complete_dedup_lock(
        &self,
        tenant: &Tenant,
        event: &EventId,
        recipients: &[Recipient],
    ) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::client_event(tenant, event)))
            .key("sk", text(keys::DEDUP_LOCK))
            .update_expression("SET told = :yes, recipients = :recipients")
            .expression_attribute_values(":yes", flag(true))
            .expression_attribute_values(":recipients", compressed(&RecipientsJson::of(&[Some(recipients)], None))?)
            .send()
            .await?;
        Ok(())
    }

    /// An event with a client id.
    pub(super) async fn client_event(&self, tenant: &Tenant, id: &EventId) -> Result<Option<KeptEvent>, StoreError> {
        let found = self.log_item_at(keys::client_event(tenant, id), keys::DEDUP_LOCK.to_owned()).await?;
        let Some(item) = found else { return Ok(None) };
        // Release 0.1.0 stored the lock alone.
        let Some(event) = decompressed::<EventJson>(&item, "event")? else { return Ok(None) };
        let recipients = decompressed::<RecipientsJson>(&item, "recipients")?;
        let registered: RegisteredItem = serde_dynamo::from_item(item)?;
        let kept = event.into_kept(id.clone(), registered.first.accepted_at);
        let recipients = recipients.and_then(|recipients| recipients.event(0));
        Ok(Some(KeptEvent { client_id: registered.client_id, recipients, ..kept }))
    }

    /// The position that release 0.1.0 stored for an event with a client id, or else the event's own.
    async fn first_position_v1(&self, tenant: &Tenant, event: &Event) -> Result<FirstPosition, StoreError> {
        let (pk, sk) = (keys::client_event(tenant, &event.id), keys::FIRST_POSITION.to_owned());
        let stored = self.log_item_at(pk, sk).await?.map(from_item).transpose()?;
        Ok(stored.unwrap_or(FirstPosition::of(event)))
    }

    /// Stores `item` unless another item at its key is not free.
    pub(super) async fn put_once(&self, item: Item, now: Timestamp) -> Result<PutOnce, StoreError> {
        let put = self.client.put_item().table_name(&self.log_table).set_item(Some(item));
        let put = put
            .condition_expression(FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":now", number(now.seconds()));
        let Err(error) = put.send().await else { return Ok(PutOnce::Stored) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failure)) => {
                Ok(PutOnce::Exists(failure.item().cloned().unwrap_or_default()))
            }
            _ => Err(error.into()),
        }
    }
}
