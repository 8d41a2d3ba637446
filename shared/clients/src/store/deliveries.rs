//! The log: one item a delivery, newest first under its webhook, and the index of those that are due again.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{PutRequest, ReturnValuesOnConditionCheckFailure, WriteRequest};
use futures::future::{join_all, try_join_all};
use futures::{StreamExt, TryStreamExt, stream};

use super::delivery_item::DeliveryItem;
use super::{Item, Store, StoreError, from_item, keys, number, primary_key, text, to_item, update_if};
use domain::time::Timestamp;
use domain::{Delivery, DeliveryKey, Status, Tenant, WebhookId};

/// The name of the log table's index of deliveries that wait for another attempt.
const DUE_INDEX: &str = "due";

/// Parts of the due index that are read at once: each takes a connection.
const SHARDS_AT_ONCE: usize = 16;

/// How long one of another release's is left to that one.
const OTHERS_PAUSE: Duration = Duration::from_secs(10 * 60);

/// How long one that cannot be read is let alone.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged {
    /// It is in the log.
    Done,
    /// The log had this attempt, or a later one, already: nothing was changed.
    AlreadyLogged,
}

/// A delivery whose next attempt is overdue.
#[derive(Debug)]
pub struct Overdue {
    /// Which.
    pub key: DeliveryKey,
    /// When the index says it was due.
    pub due_at: Timestamp,
    /// The queue message that sends it again.
    pub message: String,
}

impl Store {
    /// Writes what became of a delivery's latest attempt, unless the log already has this attempt or a later one; an
    /// end may replace the same attempt's waiting. `message` is kept with it: the queue message that makes the next
    /// attempt. One write unit where it all fits into 1 KB, two more while another attempt is due.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
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
        // The SDK tries again where an answer is lost: then what is in the way is our own record.
        let logged = failure.item().and_then(|logged| from_item::<DeliveryItem>(logged.clone()).ok());
        Ok(if logged.is_some_and(|logged| logged == item) { Logged::Done } else { Logged::AlreadyLogged })
    }

    /// Writes deliveries that succeeded, with one request; a write unit each where it fits into 1 KB. It replaces whatever
    /// the log has of them: a success is the end of a delivery, whoever came to it.
    ///
    /// # Errors
    /// Where DynamoDB did not take them all. Some may be written.
    pub async fn log_successful(&self, deliveries: &[Delivery]) -> Result<(), StoreError> {
        // DynamoDB refuses a request with the same item twice.
        let mut writes = HashMap::new();
        for delivery in deliveries {
            let item = DeliveryItem::new(delivery, None, self.retention_days);
            writes.insert(item.key(), put(to_item(&item)?));
        }
        self.write_batches(&self.log_table, writes.into_values().collect()).await
    }

    /// A delivery as the log has it, and the queue message that makes its next attempt.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn delivery(&self, key: &DeliveryKey) -> Result<Option<(Delivery, Option<String>)>, StoreError> {
        let keys = Item::from([
            ("pk".to_owned(), text(keys::log(&key.tenant, &key.webhook_id, key.shard))),
            ("sk".to_owned(), text(keys::delivery(key))),
        ]);
        let Some(mut item) = self.log_item(keys).await? else { return Ok(None) };
        let message = item.message.take();
        Ok(Some((item.into(), message)))
    }

    /// At most `limit` of a webhook's deliveries, newest first. `shards`: how many its log is spread over.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
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

    /// At most `limit` deliveries, from each part of the due index, that were due before `before`.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked. An item that cannot be read is logged, and put off for a day.
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
            .index_name(DUE_INDEX)
            .key_condition_expression("due_pk = :shard AND due_at < :before")
            .expression_attribute_values(":shard", text(keys::due_shard(shard)))
            .expression_attribute_values(":before", number(before.millis()))
            .limit(i32::from(limit))
            .send()
            .await?;
        // The index holds keys alone, so that a pending delivery's body is stored, and paid for, once.
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
                    tracing::error!(delivery_id, %error, "an overdue delivery cannot be read; it is looked at again later");
                    let pause = if matches!(error, StoreError::Version) { OTHERS_PAUSE } else { UNREADABLE_PAUSE };
                    // Left where it is, it would hide those that are due after it.
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

    /// Moves an item's place in the due index, whatever it holds.
    async fn defer_unreadable(&self, keys: Item, due_at: Timestamp) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.log_table).set_key(Some(primary_key(keys)));
        let update = update.update_expression("SET due_at = :later").condition_expression("attribute_exists(pk)");
        update.expression_attribute_values(":later", number(due_at.millis())).send().await?;
        Ok(())
    }

    /// The delivery whose keys are among `keys`.
    async fn log_item(&self, keys: Item) -> Result<Option<DeliveryItem>, StoreError> {
        self.item_at(&self.log_table, keys).await?.map(from_item).transpose()
    }

    /// Moves an overdue delivery's place in the due index to `due_at`; `false` where somebody else did, or its attempt
    /// was made, in the meantime.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
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

/// Reads what a list shows, and no more.
fn listed(query: QueryFluentBuilder) -> QueryFluentBuilder {
    let aliases: Vec<String> = (0..DeliveryItem::LISTED.len()).map(|index| format!("#a{index}")).collect();
    let query = query.projection_expression(aliases.join(", "));
    aliases
        .into_iter()
        .zip(DeliveryItem::LISTED)
        .fold(query, |query, (alias, name)| query.expression_attribute_names(alias, *name))
}
