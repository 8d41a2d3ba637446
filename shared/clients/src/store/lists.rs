//! Lists of the generic index: failed and waiting deliveries of a tenant, over all webhooks.
//!
//! A list is spread over 16 shards, because an index's partition that takes more than a thousand writes a second
//! throttles the table's own writes.

use domain::{Status, Tenant};
use futures::{StreamExt, TryStreamExt, stream};

use super::deliveries::StoredDelivery;
use super::delivery_item::DeliveryItem;
use super::{Store, StoreError, keys, text};

/// The most items that a list reads at once.
const READS_AT_ONCE: usize = 16;

/// The most deliveries that a list reads from each shard.
const SHARD_LIMIT: i32 = 100;

impl Store {
    /// The newest deliveries of the tenant with this status, newest first, at most 100 of each shard. Only `Pending` and
    /// `Failed` are listed. A delivery that was logged within the last second may be missing.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn listed(&self, tenant: &Tenant, status: Status) -> Result<Vec<StoredDelivery>, StoreError> {
        let shards = (0..keys::LIST_SHARDS).filter_map(|shard| keys::listed_deliveries(tenant, status, shard));
        let queries = stream::iter(shards).map(|partition| async {
            let query = self.client.query().table_name(&self.log_table).index_name(keys::GENERIC_INDEX);
            let query = query.key_condition_expression("gsi1pk = :partition").scan_index_forward(false);
            query.expression_attribute_values(":partition", text(partition)).limit(SHARD_LIMIT).send().await
        });
        let pages: Vec<_> = queries.buffered(READS_AT_ONCE).try_collect().await?;
        let rows = pages.into_iter().flat_map(|page| page.items.unwrap_or_default());
        let reads = stream::iter(rows).map(|row| self.item_at(&self.log_table, row)).buffered(READS_AT_ONCE);
        let items: Vec<_> = reads.try_collect().await?;
        let mut listed = items.into_iter().flatten().map(DeliveryItem::read).collect::<Result<Vec<_>, _>>()?;
        // The index may lag behind its table.
        listed.retain(|stored| stored.delivery.status == status);
        listed.sort_by_key(|stored| std::cmp::Reverse(stored.delivery.key.created_at));
        Ok(listed)
    }
}
