//! Projects: created, and deleted together with their data.

use std::time::Duration;

use aws_sdk_dynamodb::types::{ConditionCheck, DeleteRequest, TransactWriteItem, WriteRequest};
use domain::time::Timestamp;
use domain::{Environment, ProjectId, Tenant, WebhookId};

use super::webhook_pointers::pointer_key;
use super::{ITEM_VERSION, Item, Store, StoreError, keys, number, primary_key, text};

/// How many list entries a deletion reads at once.
const PAGE: u16 = 100;

/// How long a deletion waits after the keys are gone. A process that has just used a deleted key may accept it for two more
/// seconds. It caches the key for one second, and an eventually consistent read may return an old item for another. The
/// third second is a margin.
const DELETED_KEY_WAIT: Duration = Duration::from_secs(3);

impl Store {
    /// Creates a project. Returns `false` if the project exists already.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn create_project(&self, project: &ProjectId, now: Timestamp) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.config_table)
            .item("pk", text(keys::project(project)))
            .item("sk", text(keys::PROJECT))
            .item("v", number(ITEM_VERSION))
            .item("created_at", number(now.millis()))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A transaction step that fails unless the project exists.
    pub(super) fn project_is_there(&self, project: &ProjectId) -> TransactWriteItem {
        let check = ConditionCheck::builder()
            .table_name(&self.config_table)
            .key("pk", text(keys::project(project)))
            .key("sk", text(keys::PROJECT))
            .condition_expression("attribute_exists(pk)");
        TransactWriteItem::builder().set_condition_check(check.build().ok()).build()
    }

    /// Deletes a project. The project's item and its API keys are deleted first, so that nobody can add data. Then the
    /// webhooks, their deliveries, the agents and the events are deleted.
    ///
    /// The deletion stops when `go_on`, which is called between steps, returns `false`. Another call continues where
    /// the deletion stopped. Returns whether the deletion is complete.
    ///
    /// Data that no list leads to is left to expire, at the latest with the log's retention. Examples are conversations,
    /// and deliveries of webhooks that were deleted earlier.
    ///
    /// # Errors
    /// Where DynamoDB does not take all writes.
    pub async fn delete_project(&self, project: &ProjectId, go_on: impl Fn() -> bool) -> Result<bool, StoreError> {
        self.delete_config(keys::project(project), keys::PROJECT.to_owned()).await?;
        for key in self.api_keys(project).await? {
            if !go_on() {
                return Ok(false);
            }
            self.delete_api_key(project, &key.id).await?;
        }
        tokio::time::sleep(DELETED_KEY_WAIT).await;
        for environment in Environment::ALL {
            let tenant = Tenant { project: project.clone(), environment };
            while let Some(listed) = self.listing_query(&tenant).limit(1).send().await?.items.unwrap_or_default().pop()
            {
                if !go_on() || !self.delete_log(&tenant, &listed, &go_on).await? {
                    return Ok(false);
                }
                let pointer = listed_webhook(&listed).map(|id| pointer_key(&tenant, &id));
                self.delete_items_of(&self.config_table, pointer.into_iter().chain([listed]).collect()).await?;
            }
            loop {
                let agents = self.agents(&tenant, None, PAGE).await?;
                if agents.is_empty() {
                    break;
                }
                for agent in agents {
                    if !go_on() {
                        return Ok(false);
                    }
                    self.delete_agent(&tenant, &agent.id).await?;
                }
            }
            if !self.delete_events(&tenant, &go_on).await? {
                return Ok(false);
            }
            let rest = self.partition_items(&keys::owner(&tenant, &domain::Owner::Project)).await?;
            self.delete_items_of(&self.config_table, rest).await?;
        }
        Ok(true)
    }

    /// Deletes the deliveries of a webhook. Returns `false` if `go_on` stopped it.
    async fn delete_log(&self, tenant: &Tenant, listed: &Item, go_on: impl Fn() -> bool) -> Result<bool, StoreError> {
        let Some(id) = listed_webhook(listed) else { return Ok(true) };
        let shards = listed.get("log_shards").and_then(|shards| shards.as_n().ok()).and_then(|text| text.parse().ok());
        for shard in 0..shards.unwrap_or(1) {
            for partition in [keys::log(tenant, &id, shard), keys::bodies(tenant, &id, shard)] {
                if !self.delete_partition(partition, &go_on).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Deletes the tenant's events. Returns `false` if `go_on` stopped it.
    async fn delete_events(&self, tenant: &Tenant, go_on: impl Fn() -> bool) -> Result<bool, StoreError> {
        for shard in 0..keys::EVENT_SHARDS {
            if !self.delete_partition(keys::event_packs(tenant, shard), &go_on).await? {
                return Ok(false);
            }
        }
        for shard in 0..keys::LIST_SHARDS {
            let query = self.client.query().table_name(&self.log_table).index_name(keys::GENERIC_INDEX);
            let query = query.key_condition_expression("gsi1pk = :shard").limit(i32::from(PAGE));
            let query = query.expression_attribute_values(":shard", text(keys::client_events(tenant, shard)));
            let mut pages = query.into_paginator().send();
            while let Some(page) = pages.next().await {
                if !go_on() {
                    return Ok(false);
                }
                self.delete_items_of(&self.log_table, page?.items.unwrap_or_default()).await?;
            }
        }
        Ok(true)
    }

    /// Deletes a partition of the log table. Returns `false` if `go_on` stopped it.
    async fn delete_partition(&self, partition: String, go_on: impl Fn() -> bool) -> Result<bool, StoreError> {
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.log_table)
                .key_condition_expression("pk = :partition")
                .expression_attribute_values(":partition", text(&partition))
                .projection_expression("pk, sk")
                .limit(i32::from(PAGE))
                .consistent_read(true)
                .send()
                .await?;
            let items = page.items.unwrap_or_default();
            if items.is_empty() {
                return Ok(true);
            }
            if !go_on() {
                return Ok(false);
            }
            self.delete_items_of(&self.log_table, items).await?;
        }
    }

    async fn delete_items_of(&self, table: &str, items: Vec<Item>) -> Result<(), StoreError> {
        let deletes = items.into_iter().filter_map(|item| {
            let delete = DeleteRequest::builder().set_key(Some(primary_key(item))).build().ok()?;
            Some(WriteRequest::builder().delete_request(delete).build())
        });
        self.write_batches(table, deletes.collect()).await
    }
}

/// The webhook that a row of the listing index stands for.
fn listed_webhook(row: &Item) -> Option<WebhookId> {
    row.get("list_sk")?.as_s().ok().and_then(|id| WebhookId::parse(id).ok())
}
