//! Reads the logs of all primary webhooks of a tenant, for lists and statistics of the whole project.
//!
//! The cost grows with the number of primary webhooks and of deliveries that are read. Nothing is counted in advance,
//! because a counter would cost one write for each delivery.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use domain::time::Timestamp;
use domain::{Delivery, Status, Tenant, WebhookId};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use super::delivery_item::DeliveryItem;
use super::webhooks::is_primary;
use super::{Item, Store, StoreError, from_item, keys, text};

/// The most partitions that are read at once.
const READS_AT_ONCE: usize = 16;

/// The parts of a delivery that statistics use.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The delivery's status.
    pub status: Status,
    /// The event type, by its name in the webhook's dialect.
    pub event_type: String,
    /// When the event was accepted.
    pub created_at: Timestamp,
}

/// A log entry's row in a query for statistics.
#[derive(Deserialize)]
struct CountedItem {
    sk: String,
    status: Status,
    event_type: String,
}

/// A page of deliveries, newest first.
#[derive(Debug)]
pub struct DeliveriesPage {
    /// The deliveries of this page.
    pub deliveries: Vec<Delivery>,
    /// The number of deliveries on all pages.
    pub total: u64,
}

/// A primary webhook, as the listing index shows it.
#[derive(Deserialize)]
struct Listed {
    list_sk: WebhookId,
    #[serde(default = "one")]
    log_shards: u8,
}

const fn one() -> u8 {
    1
}

impl Store {
    /// The deliveries to the tenant's primary webhooks whose events were accepted at `since` or later. The page skips
    /// the first `offset` deliveries and has at most `limit`. Of deliveries outside the page, at most the keys are held
    /// in memory.
    ///
    /// # Errors
    /// Where the tenant has more webhooks than [`LISTED_MAX`](super::webhooks::LISTED_MAX), or DynamoDB cannot be read.
    pub async fn primary_deliveries(
        &self,
        tenant: &Tenant,
        since: Option<Timestamp>,
        offset: u16,
        limit: u16,
    ) -> Result<DeliveriesPage, StoreError> {
        let from = since.unwrap_or(Timestamp::from_millis(0));
        let wanted = usize::from(offset) + usize::from(limit);
        let logs = stream::iter(self.primary_logs(tenant, from).await?);
        let mut logs = logs.map(|log| newest_and_count(log, wanted)).buffer_unordered(READS_AT_ONCE);
        let (mut newest, mut total) = (BTreeMap::new(), 0);
        while let Some((keys, count)) = logs.try_next().await? {
            total += count;
            newest.extend(keys.into_iter().filter_map(|item| Some((item.get("sk")?.as_s().ok()?.clone(), item))));
            while newest.len() > wanted {
                newest.pop_first();
            }
        }
        let page = newest.into_values().rev().skip(offset.into()).take(limit.into());
        let items = stream::iter(page).map(|keys| self.item_at(&self.log_table, keys)).buffered(READS_AT_ONCE);
        let items: Vec<Option<Item>> = items.try_collect().await?;
        let deliveries = items.into_iter().flatten().map(|item| Ok(DeliveryItem::read(item)?.delivery));
        Ok(DeliveriesPage { deliveries: deliveries.collect::<Result<_, StoreError>>()?, total })
    }

    /// Calls `count` with each delivery to the tenant's primary webhooks whose event was accepted at `since` or later,
    /// in no particular order. A delivery that was logged within the last second may be missing.
    ///
    /// # Errors
    /// Where the tenant has more webhooks than [`LISTED_MAX`](super::webhooks::LISTED_MAX), or DynamoDB cannot be read.
    pub async fn count_primary_deliveries(
        &self,
        tenant: &Tenant,
        since: Option<Timestamp>,
        mut count: impl FnMut(Counted),
    ) -> Result<(), StoreError> {
        let logs = self.primary_logs(tenant, since.unwrap_or(Timestamp::from_millis(0))).await?;
        let logs = logs.into_iter().map(|log| {
            let query = log.projection_expression("sk, #status, event_type");
            let items = query.expression_attribute_names("#status", "status").into_paginator().items().send();
            let items = stream::unfold(items, async |mut items| Some((items.next().await?, items)));
            items.boxed()
        });
        let mut items = stream::iter(logs).flatten_unordered(READS_AT_ONCE);
        while let Some(item) = items.try_next().await? {
            let CountedItem { sk, status, event_type } = from_item(item)?;
            let created_at = keys::created_at(&sk).ok_or(StoreError::Key)?;
            count(Counted { status, event_type, created_at });
        }
        Ok(())
    }

    /// One query for each partition of the primary webhooks' logs, for events accepted at `from` or later.
    async fn primary_logs(&self, tenant: &Tenant, from: Timestamp) -> Result<Vec<QueryFluentBuilder>, StoreError> {
        let mut logs = Vec::new();
        for listed in self.listing_rows(tenant).await?.into_iter().filter(is_primary) {
            let primary: Listed = from_item(listed)?;
            for shard in 0..primary.log_shards.max(1) {
                let query = self.client.query().table_name(&self.log_table);
                let query = query
                    .key_condition_expression("pk = :shard AND sk >= :from")
                    .expression_attribute_values(":shard", text(keys::log(tenant, &primary.list_sk, shard)))
                    .expression_attribute_values(":from", text(keys::deliveries_from(from)));
                logs.push(query);
            }
        }
        Ok(logs)
    }
}

/// The keys of a log's newest deliveries, at most `wanted`, and the number of all its deliveries.
async fn newest_and_count(log: QueryFluentBuilder, wanted: usize) -> Result<(Vec<Item>, u64), StoreError> {
    let keys = log.clone().projection_expression("pk, sk").scan_index_forward(false).consistent_read(true);
    let mut items = keys.limit(i32::try_from(wanted).unwrap_or(i32::MAX)).into_paginator().items().send();
    let mut newest = Vec::new();
    while newest.len() < wanted {
        let Some(item) = items.next().await else { break };
        newest.push(item?);
    }
    let mut pages = log.select(Select::Count).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += u64::try_from(page?.count).unwrap_or(0);
    }
    Ok((newest, count))
}
