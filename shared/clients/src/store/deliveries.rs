//! The log, with one item for each delivery, newest first under its webhook.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::{Delivery, DeliveryId, DeliveryKey, Status, Tenant, WebhookId};
use futures::future::try_join_all;

use super::delivery_item::DeliveryItem;
use super::kept_request::KeptRequest;
use super::writes::put;
use super::{Item, Store, StoreError, keys, number, text, to_item};

/// The result of [`Store::log_attempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged {
    /// The attempt is in the log.
    Done,
    /// The log had this attempt or a later one already. Nothing was changed.
    AlreadyLogged,
}

/// A log entry to write.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// The delivery. Its last attempt is new, and the earlier ones are in the log.
    pub delivery: Delivery,
    /// The delivery's request. `None` if it is not kept.
    pub request: Option<KeptRequest>,
    /// The body, if it has an item of its own that is not stored yet.
    pub body_apart: Option<String>,
    /// Whether the next attempt waits in the table, not in a queue.
    pub is_parked: bool,
}

/// A log entry that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The delivery's request. `None` in an entry of release 0.1.0.
    pub request: Option<KeptRequest>,
    /// Whether the next attempt waits in the table alone.
    pub is_parked: bool,
    /// The queue message of the next attempt. Only an entry of release 0.1.0 has one.
    pub message_v1: Option<String>,
}

impl Store {
    /// Logs a delivery's latest attempt, unless the log already has this attempt or a later one. A final status may
    /// replace the same attempt's `Pending`. Nothing replaces a success.
    ///
    /// Costs one write unit if the item fits into 1 KB, and two more while another attempt is due.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn log_attempt(&self, entry: &LogEntry) -> Result<Logged, StoreError> {
        let delivery = &entry.delivery;
        if let Some(body) = &entry.body_apart {
            self.put_in_log(self.body_item(&delivery.key, body)?).await?;
        }
        let item = DeliveryItem::new(delivery, entry.request.as_ref(), entry.is_parked, self.retention_days);
        let update = set_all(self.client.update_item().table_name(&self.log_table), to_item(&item)?)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":attempt_count", number(delivery.attempt_count))
            .expression_attribute_values(":success", serde_dynamo::to_attribute_value(Status::Success)?);
        let update = match delivery.status {
            Status::Pending => update.condition_expression(NOT_LOGGED),
            Status::Success | Status::Failed | Status::Skipped => update
                .condition_expression(NOT_LOGGED_OR_PENDING)
                .expression_attribute_values(":pending", serde_dynamo::to_attribute_value(Status::Pending)?),
        };
        let Err(error) = update.send().await else { return Ok(Logged::Done) };
        let Some(UpdateItemError::ConditionalCheckFailedException(failure)) = error.as_service_error() else {
            return Err(error.into());
        };
        // The SDK retries a call whose answer was lost. Then the item that fails the condition is the one that the
        // first try wrote.
        let logged = failure.item().and_then(|logged| serde_dynamo::from_item::<_, DeliveryItem>(logged.clone()).ok());
        Ok(if logged.is_some_and(|logged| item.is_logged_in(&logged)) { Logged::Done } else { Logged::AlreadyLogged })
    }

    /// Logs deliveries that succeeded, up to 25 items with one request. Each costs one write unit if its item fits into
    /// 1 KB. The write replaces any log entry without a condition, because a success is final, whichever worker logs
    /// it.
    ///
    /// # Errors
    /// Where DynamoDB did not take all of them. Some may be written.
    pub async fn log_successful(&self, entries: &[LogEntry]) -> Result<(), StoreError> {
        // DynamoDB refuses a request that contains the same item twice.
        let mut writes = HashMap::new();
        for entry in entries {
            let key = &entry.delivery.key;
            let item = DeliveryItem::new(&entry.delivery, entry.request.as_ref(), false, self.retention_days);
            if let Some(body) = &entry.body_apart {
                let partition = keys::bodies(&key.tenant, &key.webhook_id, key.shard);
                writes.insert((partition, keys::delivery(key)), put(self.body_item(key, body)?));
            }
            writes.insert(item.key(), put(to_item(&item)?));
        }
        self.write_batches(&self.log_table, writes.into_values().collect()).await
    }

    /// Whether the log keeps the bodies of deliveries that succeed.
    #[must_use]
    pub fn keeps_all_bodies(&self) -> bool {
        self.keeps_all_bodies
    }

    /// A delivery from the log.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn delivery(&self, key: &DeliveryKey) -> Result<Option<StoredDelivery>, StoreError> {
        let pk = keys::log(&key.tenant, &key.webhook_id, key.shard);
        self.log_item_at(pk, keys::delivery(key)).await?.map(DeliveryItem::read).transpose()
    }

    /// A delivery from the log, found by its id with one read. `None` for an id of release 0.1.0, which does not say
    /// where the entry is.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn delivery_by_id(&self, tenant: &Tenant, id: &DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
        let Some(place) = id.place() else { return Ok(None) };
        let pk = keys::named_log(tenant, &place.log, place.shard);
        self.log_item_at(pk, keys::delivery_at(place.created_at, id)).await?.map(DeliveryItem::read).transpose()
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
                deliveries.push(DeliveryItem::read(item)?.delivery);
            }
            start = page.last_evaluated_key;
            if start.is_none() || deliveries.len() >= usize::from(limit) {
                return Ok(deliveries);
            }
        }
    }
}

/// An update that sets all attributes of a delivery's item, and removes those that the new item lacks. The attempts are
/// added to those that are stored.
fn set_all(update: UpdateItemFluentBuilder, mut attributes: Item) -> UpdateItemFluentBuilder {
    let removed: Vec<_> = DeliveryItem::OPTIONAL.iter().filter(|name| !attributes.contains_key(**name)).collect();
    let key = ["pk", "sk"].into_iter().filter_map(|name| attributes.remove_entry(name)).collect();
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    let mut update = update.set_key(Some(key));
    // Some names are reserved words, so each name has an alias.
    for (index, (name, value)) in attributes.into_iter().enumerate() {
        let (alias, placeholder) = (format!("#s{index}"), format!(":s{index}"));
        set.push(if name == "attempts" {
            update = update.expression_attribute_values(":none", AttributeValue::L(Vec::new()));
            format!("{alias} = list_append(if_not_exists({alias}, :none), {placeholder})")
        } else {
            format!("{alias} = {placeholder}")
        });
        update = update.expression_attribute_names(alias, name).expression_attribute_values(placeholder, value);
    }
    for (index, name) in removed.into_iter().enumerate() {
        let alias = format!("#r{index}");
        update = update.expression_attribute_names(&alias, *name);
        remove.push(alias);
    }
    // An item never has all of them, because the last are those of version 1.
    update.update_expression(format!("SET {} REMOVE {}", set.join(", "), remove.join(", ")))
}

/// The condition that this attempt is not in the log.
const NOT_LOGGED: &str = "attribute_not_exists(pk) OR (attempt_count < :attempt_count AND NOT #status = :success)";

/// The condition that this attempt is not in the log, or that another is due after it.
const NOT_LOGGED_OR_PENDING: &str = "attribute_not_exists(pk) \
    OR (attempt_count < :attempt_count AND NOT #status = :success) \
    OR (attempt_count = :attempt_count AND #status = :pending)";

/// Limits a query to the attributes that a list shows.
fn listed(query: QueryFluentBuilder) -> QueryFluentBuilder {
    let aliases: Vec<String> = (0..DeliveryItem::LISTED.len()).map(|index| format!("#a{index}")).collect();
    let query = query.projection_expression(aliases.join(", "));
    aliases
        .into_iter()
        .zip(DeliveryItem::LISTED)
        .fold(query, |query, (alias, name)| query.expression_attribute_names(alias, *name))
}
