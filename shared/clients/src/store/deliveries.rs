//! The log, with one item for each delivery, newest first under its webhook. Also the index of deliveries that wait for
//! another attempt.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{PutRequest, ReturnValuesOnConditionCheckFailure, WriteRequest};
use domain::time::Timestamp;
use domain::{Delivery, DeliveryKey, Status, Tenant, WebhookId};
use futures::future::{join_all, try_join_all};
use futures::{StreamExt, TryStreamExt, stream};

use super::delivery_item::DeliveryItem;
use super::{Item, Store, StoreError, from_item, keys, number, primary_key, text, to_item, update_if};

/// The most shards of the due index that are read at once. Each read takes a connection.
const SHARDS_AT_ONCE: usize = 16;

/// How long a delivery that another release wrote is deferred, so that the other release can handle it.
const OTHERS_PAUSE: Duration = Duration::from_secs(10 * 60);

/// How long a delivery that cannot be read is deferred.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// The result of [`Store::log_attempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged {
    /// The attempt is in the log.
    Done,
    /// The log had this attempt or a later one already. Nothing was changed.
    AlreadyLogged,
}

/// A delivery whose next attempt is overdue.
#[derive(Debug)]
pub struct Overdue {
    /// The delivery's key.
    pub key: DeliveryKey,
    /// When the attempt was due, according to the index.
    pub due_at: Timestamp,
    /// The queue message that makes the attempt.
    pub message: String,
}

impl Store {
    /// Logs a delivery's latest attempt, unless the log already has this attempt or a later one. A final status may
    /// replace the same attempt's `Pending`. `message` is the queue message that makes the next attempt; it is stored
    /// in the log entry.
    ///
    /// Costs one write unit if the item fits into 1 KB, and two more while another attempt is due.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn log_attempt(&self, delivery: &Delivery, message: Option<String>) -> Result<Logged, StoreError> {
        let item = DeliveryItem::new(delivery, message, self.retention_days);
        let mut put = self
            .client
            .put_item()
            .table_name(&self.log_table)
            .set_item(Some(to_item(&item)?))
            .condition_expression("attribute_not_exists(pk) OR attempt_count < :attempt_count")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":attempt_count", number(delivery.attempt_count));
        if delivery.status != Status::Pending {
            put = put
                .condition_expression(
                    "attribute_not_exists(pk) OR attempt_count < :attempt_count \
                     OR (attempt_count = :attempt_count AND #status = :pending)",
                )
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":pending", serde_dynamo::to_attribute_value(Status::Pending)?);
        }
        let Err(error) = put.send().await else { return Ok(Logged::Done) };
        let Some(PutItemError::ConditionalCheckFailedException(failure)) = error.as_service_error() else {
            return Err(error.into());
        };
        // The SDK retries a call whose answer was lost. Then the item that fails the condition is the one that the
        // first try wrote.
        let logged = failure.item().and_then(|logged| from_item::<DeliveryItem>(logged.clone()).ok());
        Ok(if logged.is_some_and(|logged| logged == item) { Logged::Done } else { Logged::AlreadyLogged })
    }

    /// Logs deliveries that succeeded, up to 25 with one request. Each costs one write unit if its item fits into 1 KB.
    /// The write replaces any log entry without a condition, because a success is final, whichever worker logs it.
    ///
    /// # Errors
    /// Where DynamoDB did not take all of them. Some may be written.
    pub async fn log_successful(&self, deliveries: &[Delivery]) -> Result<(), StoreError> {
        // DynamoDB refuses a request that contains the same item twice.
        let mut writes = HashMap::new();
        for delivery in deliveries {
            let item = DeliveryItem::new(delivery, None, self.retention_days);
            writes.insert(item.key(), put(to_item(&item)?));
        }
        self.write_batches(&self.log_table, writes.into_values().collect()).await
    }

    /// A delivery from the log, and the queue message that makes its next attempt.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn delivery(&self, key: &DeliveryKey) -> Result<Option<(Delivery, Option<String>)>, StoreError> {
        let keys = Item::from([
            ("pk".to_owned(), text(keys::log(&key.tenant, &key.webhook_id, key.shard))),
            ("sk".to_owned(), text(keys::delivery(key))),
        ]);
        let Some(mut item) = self.log_item(keys).await? else { return Ok(None) };
        let message = item.message.take();
        Ok(Some((item.into(), message)))
    }

    /// At most `limit` of a webhook's deliveries, newest first. `shards` is the number of partitions of the webhook's
    /// log.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn deliveries(
        &self,
        tenant: &Tenant,
        webhook_id: &WebhookId,
        shards: u8,
        limit: u16,
    ) -> Result<Vec<Delivery>, StoreError> {
        let shards = (0..shards.max(1)).map(|shard| self.shard_deliveries(tenant, webhook_id, shard, limit));
        let mut deliveries: Vec<Delivery> = try_join_all(shards).await?.into_iter().flatten().collect();
        deliveries.sort_by(|a, b| (b.key.created_at, &b.key.id).cmp(&(a.key.created_at, &a.key.id)));
        deliveries.truncate(usize::from(limit));
        Ok(deliveries)
    }

    async fn shard_deliveries(
        &self,
        tenant: &Tenant,
        webhook_id: &WebhookId,
        shard: u8,
        limit: u16,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut deliveries = Vec::new();
        let mut start = None;
        loop {
            let missing = usize::from(limit) - deliveries.len();
            let page = listed(self.client.query())
                .table_name(&self.log_table)
                .key_condition_expression("pk = :shard")
                .expression_attribute_values(":shard", text(keys::log(tenant, webhook_id, shard)))
                .scan_index_forward(false)
                .limit(i32::try_from(missing).unwrap_or(i32::MAX))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await?;
            for item in page.items.unwrap_or_default() {
                deliveries.push(from_item::<DeliveryItem>(item)?.into());
            }
            start = page.last_evaluated_key;
            if start.is_none() || deliveries.len() >= usize::from(limit) {
                return Ok(deliveries);
            }
        }
    }

    /// The deliveries that were due before `before`, at most `limit` from each shard of the due index.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read. A delivery that cannot be read is logged and deferred for a day. If another
    /// release wrote it, it is deferred for 10 minutes.
    pub async fn overdue(&self, before: Timestamp, limit: u16) -> Result<Vec<Overdue>, StoreError> {
        let shards = stream::iter(0..keys::DUE_SHARDS).map(|shard| self.overdue_in_shard(shard, before, limit));
        let overdue: Vec<Vec<Overdue>> = shards.buffered(SHARDS_AT_ONCE).try_collect().await?;
        Ok(overdue.into_iter().flatten().collect())
    }

    async fn overdue_in_shard(&self, shard: u8, before: Timestamp, limit: u16) -> Result<Vec<Overdue>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.log_table)
            .index_name(keys::DUE_INDEX)
            .key_condition_expression("due_pk = :shard AND due_at < :before")
            .expression_attribute_values(":shard", text(keys::due_shard(shard)))
            .expression_attribute_values(":before", number(before.millis()))
            .limit(i32::from(limit))
            .send()
            .await?;
        // The index holds only keys, so that a pending delivery's body is stored, and paid for, once.
        let keys = page.items.unwrap_or_default();
        let items = join_all(keys.iter().map(|keys| self.log_item(keys.clone()))).await;
        let mut readable = Vec::new();
        for (keys, item) in keys.into_iter().zip(items) {
            match item {
                Ok(item) => readable.extend(item),
                Err(error) => {
                    // A delivery's sort key ends in its id.
                    let sort_key = keys.get("sk").and_then(|sk| sk.as_s().ok());
                    let delivery_id = sort_key.and_then(|sk| sk.rsplit('#').next());
                    tracing::error!(delivery_id, %error, "an overdue delivery cannot be read and is deferred");
                    let pause = if matches!(error, StoreError::Version) { OTHERS_PAUSE } else { UNREADABLE_PAUSE };
                    // Without this, the item would stay first in the index and hide the deliveries that are due after
                    // it.
                    self.defer_unreadable(keys, before.plus(pause)).await?;
                }
            }
        }
        let overdue = readable.into_iter().filter_map(|mut item| {
            let (due_at, message) = (item.due_at?, item.message.take()?);
            // The index may lag behind its table.
            (due_at < before).then(|| Overdue { key: Delivery::from(item).key, due_at, message })
        });
        Ok(overdue.collect())
    }

    /// Moves an item in the due index to `due_at`, whatever else the item contains.
    async fn defer_unreadable(&self, keys: Item, due_at: Timestamp) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.log_table).set_key(Some(primary_key(keys)));
        let update = update.update_expression("SET due_at = :later").condition_expression("attribute_exists(pk)");
        update.expression_attribute_values(":later", number(due_at.millis())).send().await?;
        Ok(())
    }

    /// The delivery at the `pk` and `sk` in `keys`.
    async fn log_item(&self, keys: Item) -> Result<Option<DeliveryItem>, StoreError> {
        self.item_at(&self.log_table, keys).await?.map(from_item).transpose()
    }

    /// Moves an overdue delivery in the due index to `due_at`. Returns `false` if another invocation has moved the
    /// delivery or made its attempt in the meantime.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn defer(&self, overdue: &Overdue, due_at: Timestamp) -> Result<bool, StoreError> {
        let key = &overdue.key;
        let update = self
            .client
            .update_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::log(&key.tenant, &key.webhook_id, key.shard)))
            .key("sk", text(keys::delivery(key)))
            .update_expression("SET due_at = :later")
            .condition_expression("due_at = :due_at")
            .expression_attribute_values(":later", number(due_at.millis()))
            .expression_attribute_values(":due_at", number(overdue.due_at.millis()));
        update_if(update).await
    }
}

fn put(item: Item) -> WriteRequest {
    #[allow(clippy::expect_used, reason = "the required field is set here")]
    let put = PutRequest::builder().set_item(Some(item)).build().expect("an item is set");
    WriteRequest::builder().put_request(put).build()
}

/// Limits a query to the attributes that a list shows.
fn listed(query: QueryFluentBuilder) -> QueryFluentBuilder {
    let aliases: Vec<String> = (0..DeliveryItem::LISTED.len()).map(|index| format!("#a{index}")).collect();
    let query = query.projection_expression(aliases.join(", "));
    aliases
        .into_iter()
        .zip(DeliveryItem::LISTED)
        .fold(query, |query, (alias, name)| query.expression_attribute_names(alias, *name))
}
