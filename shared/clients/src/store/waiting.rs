//! Deliveries that wait for another attempt, in the index `due`.
//!
//! An attempt that is due within 15 minutes waits in the retries queue. Its index row is a safety net: if the queue
//! loses the message, the row is still there when the attempt is overdue. An attempt that is due later is parked: it
//! waits in the table alone. Parked rows have partitions of their own.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::time::Timestamp;
use domain::{DeliveryKey, Status};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::deliveries::StoredDelivery;
use super::delivery_item::DeliveryItem;
use super::{Item, Store, StoreError, from_item, keys, number, primary_key, text, update_if};

/// The most shards of the due index that are read at once. Each read takes a connection.
const SHARDS_AT_ONCE: usize = 16;

/// How long a delivery that another release wrote is deferred, so that the other release can handle it.
const OTHERS_PAUSE: Duration = Duration::from_secs(10 * 60);

/// How long a delivery that cannot be parsed is deferred.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the next attempt of a delivery waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsIn {
    /// In the retries queue.
    Queue,
    /// In the table alone.
    Table,
}

/// A shard of the waiting deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WaitingShard {
    /// Where the deliveries wait.
    pub waits_in: WaitsIn,
    /// The shard's number.
    pub number: u8,
}

impl WaitingShard {
    /// Every shard.
    pub fn all() -> impl Iterator<Item = Self> {
        [WaitsIn::Queue, WaitsIn::Table]
            .into_iter()
            .flat_map(|waits_in| (0..keys::DUE_SHARDS).map(move |number| Self { waits_in, number }))
    }

    fn partition(self) -> String {
        match self.waits_in {
            WaitsIn::Queue => keys::due(self.number),
            WaitsIn::Table => keys::parked(self.number),
        }
    }
}

/// A row of the due index. It is also the cursor of a page that ends with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRow {
    pk: String,
    sk: String,
    due_pk: String,
    /// When the next attempt is due, according to the index.
    pub due_at: Timestamp,
}

impl WaitingRow {
    fn key(&self) -> Item {
        Item::from([("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))])
    }

    fn cursor(&self) -> Item {
        let mut cursor = self.key();
        cursor.insert("due_pk".to_owned(), text(&self.due_pk));
        cursor.insert("due_at".to_owned(), number(self.due_at.millis()));
        cursor
    }
}

impl Store {
    /// The shards that have a delivery due before the time that `before` gives for each kind of waiting.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn shards_with_due(
        &self,
        before: impl Fn(WaitsIn) -> Timestamp,
    ) -> Result<Vec<WaitingShard>, StoreError> {
        let reads = WaitingShard::all().map(|shard| {
            let before = before(shard.waits_in);
            async move { Ok::<_, StoreError>((shard, self.waiting_rows(shard, before, None, 1).await?)) }
        });
        let found: Vec<_> = stream::iter(reads).buffered(SHARDS_AT_ONCE).try_collect().await?;
        Ok(found.into_iter().filter(|(_, rows)| !rows.is_empty()).map(|(shard, _)| shard).collect())
    }

    /// At most `limit` rows of a shard that are due before `before`, earliest first, and after the row `after`.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn waiting_rows(
        &self,
        shard: WaitingShard,
        before: Timestamp,
        after: Option<&WaitingRow>,
        limit: u16,
    ) -> Result<Vec<WaitingRow>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.log_table)
            .index_name(keys::DUE_INDEX)
            .key_condition_expression("due_pk = :shard AND due_at < :before")
            .expression_attribute_values(":shard", text(shard.partition()))
            .expression_attribute_values(":before", number(before.millis()))
            .set_exclusive_start_key(after.map(WaitingRow::cursor))
            .limit(i32::from(limit))
            .send()
            .await?;
        page.items.unwrap_or_default().into_iter().map(from_item).collect()
    }

    /// The deliveries of these rows that still wait as their rows say. A delivery that cannot be parsed is deferred for
    /// a day, and one that another release wrote for ten minutes. If one cannot be read for another reason, it is left
    /// for the next sweep.
    ///
    /// # Errors
    /// Where DynamoDB does not take a write.
    pub async fn waiting_deliveries(
        &self,
        rows: Vec<WaitingRow>,
        now: Timestamp,
    ) -> Result<Vec<(WaitingRow, StoredDelivery)>, StoreError> {
        let items = join_all(rows.iter().map(|row| self.item_at(&self.log_table, row.key()))).await;
        let mut waiting = Vec::new();
        for (row, item) in rows.into_iter().zip(items) {
            let read = match item {
                Ok(None) => continue,
                // The index may lag behind its table.
                Ok(Some(item)) if !waits(&item, &row) => continue,
                Ok(Some(item)) => DeliveryItem::read(item),
                Err(error) => {
                    tracing::warn!(%error, "a waiting delivery could not be read now");
                    continue;
                }
            };
            match read {
                Ok(delivery) => waiting.push((row, delivery)),
                Err(error) => {
                    // A delivery's sort key ends in its id.
                    let delivery_id = row.sk.rsplit('#').next();
                    tracing::error!(delivery_id, %error, "a waiting delivery cannot be parsed and is deferred");
                    let pause = if matches!(error, StoreError::Version) { OTHERS_PAUSE } else { UNREADABLE_PAUSE };
                    self.defer(&row, now.plus(pause)).await?;
                }
            }
        }
        Ok(waiting)
    }

    /// Moves a row in the due index, whatever else its item contains. Otherwise the row would stay first in the index.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn defer(&self, row: &WaitingRow, until: Timestamp) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.log_table).set_key(Some(primary_key(row.key())));
        let update = update.update_expression("SET due_at = :later").condition_expression("due_at = :due_at");
        let update = update.expression_attribute_values(":later", number(until.millis()));
        update_if(update.expression_attribute_values(":due_at", number(row.due_at.millis()))).await?;
        Ok(())
    }

    /// Records that the attempt of `row` is about to be queued, due at `due_at`. Returns `false` if another invocation
    /// has done so, or has made the attempt.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn move_to_queue(
        &self,
        row: &WaitingRow,
        key: &DeliveryKey,
        due_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.log_table)
            .set_key(Some(row.key()))
            .update_expression("SET due_pk = :queue, due_at = :later")
            .condition_expression("due_pk = :due_pk AND due_at = :due_at")
            .expression_attribute_values(":queue", text(keys::due(key.id.shard(keys::DUE_SHARDS))))
            .expression_attribute_values(":later", number(due_at.millis()))
            .expression_attribute_values(":due_pk", text(&row.due_pk))
            .expression_attribute_values(":due_at", number(row.due_at.millis()));
        update_if(update).await
    }

    /// Parks a delivery whose attempt number `attempt` is due at `due_at`. Returns `false` if the log does not say that
    /// this attempt is due.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn park(&self, key: &DeliveryKey, attempt: u32, due_at: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.log_table)
            .key("pk", text(keys::log(&key.tenant, &key.webhook_id, key.shard)))
            .key("sk", text(keys::delivery(key)))
            .update_expression("SET due_pk = :table, due_at = :due_at")
            .condition_expression("#status = :pending AND attempt_count = :made")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":table", text(keys::parked(key.id.shard(keys::DUE_SHARDS))))
            .expression_attribute_values(":due_at", number(due_at.millis()))
            .expression_attribute_values(":pending", serde_dynamo::to_attribute_value(Status::Pending)?)
            .expression_attribute_values(":made", number(attempt.saturating_sub(1)));
        update_if(update).await
    }
}

/// Whether the item waits as the index's row says.
fn waits(item: &Item, row: &WaitingRow) -> bool {
    let due_at = AttributeValue::N(row.due_at.millis().to_string());
    item.get("due_pk") == Some(&text(&row.due_pk)) && item.get("due_at") == Some(&due_at)
}
