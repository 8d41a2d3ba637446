//! Reading over the logs of all of a scope's slots: for lists and statistics of the whole project.
//!
//! The costs grow with the slots and the deliveries that are read, for nothing is counted in advance: a counter would
//! cost each delivery a write.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use super::agents::LISTING_INDEX;
use super::{Item, Store, StoreError, from_item, keys, text};
use crate::domain::{Delivery, Scope, Status, WebhookId};
use crate::time::Timestamp;

/// Partitions that are read at once.
const READS_AT_ONCE: usize = 64;

/// What a statistic counts of a delivery.
#[derive(Debug, Clone, Deserialize)]
pub struct Counted {
    /// Where it stands.
    pub status: Status,
    /// The event's type as the receiver was told it.
    pub event_type: String,
    /// When its event was accepted.
    pub created_at: Timestamp,
}

/// A page of deliveries, newest first.
#[derive(Debug)]
pub struct DeliveriesPage {
    /// Those of the page.
    pub deliveries: Vec<Delivery>,
    /// How many there are in all.
    pub total: u64,
}

/// A slot, as the listing index shows it.
#[derive(Deserialize)]
struct Listed {
    sk: String,
    list_sk: WebhookId,
    #[serde(default = "one")]
    log_shards: u8,
}

const fn one() -> u8 {
    1
}

impl Store {
    /// The deliveries to the scope's slots whose events were accepted from `since` on, without the first `offset` and at
    /// most `limit`.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn slots_deliveries(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
        offset: u16,
        limit: u16,
    ) -> Result<DeliveriesPage, StoreError> {
        let slots = self.slots(scope).await?;
        let (from, wanted) = (since.unwrap_or(Timestamp::from_millis(0)), offset.saturating_add(limit));
        let pages = stream::iter(slots).map(|slot| async move {
            let newest = self.deliveries(scope, &slot.list_sk, slot.log_shards, wanted).await?;
            Ok::<_, StoreError>((newest, self.count(scope, &slot, from).await?))
        });
        let pages: Vec<(Vec<Delivery>, u64)> = pages.buffer_unordered(READS_AT_ONCE).try_collect().await?;
        let total = pages.iter().map(|(_, count)| count).sum();
        let mut deliveries: Vec<Delivery> = pages.into_iter().flat_map(|(newest, _)| newest).collect();
        deliveries.retain(|delivery| delivery.key.created_at >= from);
        deliveries.sort_by(|a, b| (b.key.created_at, &b.key.id).cmp(&(a.key.created_at, &a.key.id)));
        let deliveries = deliveries.into_iter().skip(offset.into()).take(limit.into()).collect();
        Ok(DeliveriesPage { deliveries, total })
    }

    /// Shows `count` each delivery to the scope's slots whose event was accepted from `since` on, in no order. One that
    /// was logged within the last second may be missing.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn count_slots_deliveries(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
        mut count: impl FnMut(Counted),
    ) -> Result<(), StoreError> {
        let slots = self.slots(scope).await?;
        let from = since.unwrap_or(Timestamp::from_millis(0));
        let mut queries = Vec::new();
        for slot in &slots {
            for shard in 0..slot.log_shards.max(1) {
                let query = self.log_from(scope, &slot.list_sk, shard, from);
                let query = query.projection_expression("#status, event_type, created_at");
                queries.push(query.expression_attribute_names("#status", "status").into_paginator().items().send());
            }
        }
        let mut items = stream::iter(queries)
            .map(|mut items| async move {
                let mut counted = Vec::new();
                while let Some(item) = items.next().await {
                    counted.push(from_item::<Counted>(item?)?);
                }
                Ok::<_, StoreError>(counted)
            })
            .buffer_unordered(READS_AT_ONCE);
        while let Some(counted) = items.try_next().await? {
            counted.into_iter().for_each(&mut count);
        }
        Ok(())
    }

    async fn slots(&self, scope: &Scope) -> Result<Vec<Listed>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.config_table)
            .index_name(LISTING_INDEX)
            .key_condition_expression("list_pk = :partition")
            .expression_attribute_values(":partition", text(keys::webhooks(scope)));
        let items: Vec<Item> = query.into_paginator().items().send().try_collect().await?;
        let listed: Vec<Listed> = items.into_iter().map(from_item).collect::<Result<_, _>>()?;
        Ok(listed.into_iter().filter(|listed| listed.sk == keys::slot()).collect())
    }

    async fn count(&self, scope: &Scope, slot: &Listed, from: Timestamp) -> Result<u64, StoreError> {
        let mut total = 0;
        for shard in 0..slot.log_shards.max(1) {
            let query = self.log_from(scope, &slot.list_sk, shard, from).select(Select::Count).consistent_read(true);
            let mut pages = query.into_paginator().send();
            while let Some(page) = pages.next().await {
                total += u64::try_from(page?.count).unwrap_or(0);
            }
        }
        Ok(total)
    }

    fn log_from(&self, scope: &Scope, webhook: &WebhookId, shard: u8, from: Timestamp) -> QueryFluentBuilder {
        let partition = text(keys::log(scope, webhook, shard));
        self.client
            .query()
            .table_name(&self.log_table)
            .key_condition_expression("pk = :shard AND sk >= :from")
            .expression_attribute_values(":shard", partition)
            .expression_attribute_values(":from", text(keys::deliveries_from(from)))
    }
}
