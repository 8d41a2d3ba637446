//! Deduplication of events with a client id and of requests with an `Idempotency-Key`. A repeat is recognized for a
//! day.

use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::time::{SECONDS_A_DAY, Timestamp};
use domain::{Event, EventId, Tenant};
use serde::{Deserialize, Serialize};

use super::keys::FirstPosition;
use super::{ITEM_VERSION, Item, Store, StoreError, flag, from_item, keys, number, text, to_item};

/// How long a repeat of a client id or an `Idempotency-Key` is recognized, in seconds.
pub const REPEAT_RECOGNIZED_S: i64 = SECONDS_A_DAY;

/// How long an incomplete dedup lock belongs to its publish token. Then another token may acquire it. This is longer than
/// the events queue's visibility timeout, so the holder has stopped by then.
const LOCK_LEASE: Duration = Duration::from_secs(10 * 60);

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

#[derive(Serialize, Deserialize)]
struct ExpiringItem<T> {
    pk: String,
    sk: String,
    v: u8,
    /// Unix seconds. After this time the client id or key is free, and DynamoDB removes the item.
    expires_at: i64,
    #[serde(flatten)]
    content: T,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LockItem {
    #[serde(rename = "claimant")]
    publish_token: String,
    #[serde(rename = "claimed_at")]
    acquired_at: Timestamp,
    #[serde(rename = "told")]
    is_done: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RequestDigest {
    digest: String,
}

/// The result of storing an item under a client id or an `Idempotency-Key`.
enum PutOnce<T> {
    Stored,
    /// There is an item already, with this content.
    Exists(T),
}

impl Store {
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
        let pk = keys::client_event(tenant, event);
        let lock = LockItem { publish_token: publish_token.to_owned(), acquired_at: now, is_done: false };
        let acquired_before = number(now.minus(LOCK_LEASE).millis());
        let condition = |put: PutItemFluentBuilder| {
            put.condition_expression(
                "attribute_not_exists(pk) OR expires_at <= :now OR (told = :no AND claimed_at < :acquired_before)",
            )
            .expression_attribute_values(":no", flag(false))
            .expression_attribute_values(":acquired_before", acquired_before)
        };
        Ok(match self.put_once(pk, keys::DEDUP_LOCK, lock, now, condition).await? {
            PutOnce::Stored => DedupLock::Acquired,
            PutOnce::Exists(other) if other.is_done => DedupLock::Done,
            PutOnce::Exists(other) if other.publish_token == publish_token => DedupLock::Acquired,
            PutOnce::Exists(_) => DedupLock::InProgress,
        })
    }

    /// Marks an event's dedup lock as done: its deliveries are queued, so its repeats may be dropped.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn complete_dedup_lock(&self, tenant: &Tenant, event: &EventId) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::client_event(tenant, event)))
            .key("sk", text(keys::DEDUP_LOCK))
            .update_expression("SET told = :yes")
            .expression_attribute_values(":yes", flag(true))
            .send()
            .await?;
        Ok(())
    }

    /// Registers the `Idempotency-Key` of a request. Returns `false` if the key was used with another body. Bodies are
    /// compared by their digest.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn register_request(
        &self,
        tenant: &Tenant,
        key: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let body = RequestDigest { digest: digest.to_owned() };
        Ok(match self.put_once(keys::client_request(tenant, key), keys::DEDUP_LOCK, body.clone(), now, free).await? {
            PutOnce::Stored => true,
            PutOnce::Exists(other) => other == body,
        })
    }

    /// The position of an event among others. A repeat has the position of the first.
    pub(super) async fn first_position(&self, tenant: &Tenant, event: &Event) -> Result<FirstPosition, StoreError> {
        let position = FirstPosition::of(event);
        if !event.has_client_id {
            return Ok(position);
        }
        let pk = keys::client_event(tenant, &event.id);
        Ok(match self.put_once(pk, keys::FIRST_POSITION, position, event.accepted_at, free).await? {
            PutOnce::Stored => position,
            PutOnce::Exists(first) => first,
        })
    }

    async fn put_once<T>(
        &self,
        pk: String,
        sk: &str,
        content: T,
        now: Timestamp,
        condition: impl FnOnce(PutItemFluentBuilder) -> PutItemFluentBuilder,
    ) -> Result<PutOnce<T>, StoreError>
    where
        T: Serialize + for<'de> Deserialize<'de>,
    {
        let expires_at = now.seconds() + REPEAT_RECOGNIZED_S;
        let item = ExpiringItem { pk, sk: sk.to_owned(), v: ITEM_VERSION, expires_at, content };
        let put = self
            .client
            .put_item()
            .table_name(&self.log_table)
            .set_item(Some(to_item(&item)?))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":now", number(now.seconds()));
        let Err(error) = condition(put).send().await else { return Ok(PutOnce::Stored) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failure)) => {
                let existing: Item = failure.item().cloned().unwrap_or_default();
                Ok(PutOnce::Exists(from_item::<ExpiringItem<T>>(existing)?.content))
            }
            _ => Err(error.into()),
        }
    }
}

/// The condition that no item is stored, or only an expired one.
fn free(put: PutItemFluentBuilder) -> PutItemFluentBuilder {
    put.condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
}
