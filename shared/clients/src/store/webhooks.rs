//! Webhooks, stored in the partition of their owner.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, KeysAndAttributes, Put, TransactWriteItem};
use domain::{Agent, Owner, Tenant, Webhook, WebhookId, WebhookKind, WebhookRef};
use futures::{StreamExt, TryStreamExt, stream};

use super::agents::AgentItem;
use super::{Item, Store, StoreError, from_item, keys, number, text};

/// The most items that a list reads at once.
const READS_AT_ONCE: usize = 32;

/// The most items that DynamoDB reads in one request.
const BATCH_GET_MAX: usize = 100;

/// The most webhooks that a call over a whole tenant reads. More would exceed the time limit or the size of an answer.
pub const LISTED_MAX: usize = 10_000;

/// An owner and its webhooks.
#[derive(Debug, Default)]
pub struct Owned {
    /// The agent, if the owner is a registered agent.
    pub agent: Option<Agent>,
    /// The owner's primary webhook, if set, and its additional webhooks.
    pub webhooks: Vec<Webhook>,
}

impl Owned {
    /// The owner's primary webhook, if set.
    #[must_use]
    pub fn primary_webhook(self) -> Option<Webhook> {
        self.webhooks.into_iter().find(|webhook| webhook.kind == WebhookKind::Primary)
    }
}

/// The result of [`Store::replace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// The webhook is stored.
    Done,
    /// Another call wrote first. Nothing is stored; read the webhook again.
    Conflict,
    /// The agent is not registered. Nothing is stored.
    NoOwner,
}

/// The result of a transaction.
pub(super) enum Written {
    Done,
    /// The condition of the step with this index did not hold.
    Refused(usize),
    Conflict,
    NoOwner,
}

impl Store {
    /// The owner and its webhooks, with one Query if they fit into 1 MB.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn owned(&self, tenant: &Tenant, owner: &Owner) -> Result<Owned, StoreError> {
        let mut owned = Owned::default();
        for item in self.partition_items(&keys::owner(tenant, owner)).await? {
            if item.get("sk") == Some(&text(keys::AGENT)) {
                owned.agent = Some(from_item::<AgentItem>(item)?.into());
            } else if item.get("sk") != Some(&text(keys::COUNT)) {
                owned.webhooks.push(self.opened(item)?);
            }
        }
        Ok(owned)
    }

    /// The current webhook. `None` if it was deleted, or replaced by another webhook.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn webhook(&self, tenant: &Tenant, reference: &WebhookRef) -> Result<Option<Webhook>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.config_table)
            .key("pk", text(keys::owner(tenant, &reference.owner)))
            .key("sk", text(keys::webhook(reference)))
            .consistent_read(true)
            .send()
            .await?;
        let webhook = found.item.map(|item| self.opened(item)).transpose()?;
        Ok(webhook.filter(|webhook| webhook.id == reference.id))
    }

    /// Reads `wanted` webhooks with one request, at half a read unit each. A webhook that is missing in the result may
    /// exist all the same.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn batch_get_webhooks(
        &self,
        wanted: &[(Tenant, WebhookRef)],
    ) -> Result<HashMap<(Tenant, WebhookRef), Webhook>, StoreError> {
        let mut references = HashMap::new();
        for (tenant, reference) in wanted.iter().take(BATCH_GET_MAX) {
            let (pk, sk) = (keys::owner(tenant, &reference.owner), keys::webhook(reference));
            references.insert((pk, sk), (tenant.clone(), reference.clone()));
        }
        let keys =
            references.keys().map(|(pk, sk)| Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]));
        let Ok(keys) = KeysAndAttributes::builder().set_keys(Some(keys.collect())).build() else {
            return Ok(HashMap::new());
        };
        let found = self.client.batch_get_item().request_items(&self.config_table, keys).send().await?;
        let mut webhooks = HashMap::new();
        for item in found.responses.into_iter().flat_map(HashMap::into_values).flatten() {
            let part = |name| item.get(name).and_then(|part| part.as_s().ok()).cloned().unwrap_or_default();
            let wanted = references.remove(&(part("pk"), part("sk")));
            // A webhook that cannot be opened must not fail the others. Reading that webhook alone gives the error.
            let Ok(webhook) = self.opened(item) else { continue };
            // Another webhook may have replaced the wanted one.
            if let Some(key) = wanted.filter(|(_, reference)| reference.id == webhook.id) {
                webhooks.insert(key, webhook);
            }
        }
        Ok(webhooks)
    }

    /// All webhooks of the tenant, in the order of their ids. A webhook that was set within the last second may be
    /// missing.
    ///
    /// # Errors
    /// Where the tenant has more than [`LISTED_MAX`] webhooks, or DynamoDB cannot be read.
    pub async fn webhooks(&self, tenant: &Tenant) -> Result<Vec<Webhook>, StoreError> {
        let listed = self.listing_rows(tenant).await?;
        self.webhooks_at(listed).await
    }

    /// All primary webhooks of the tenant, in the order of their ids.
    ///
    /// # Errors
    /// As for [`Store::webhooks`].
    pub async fn primary_webhooks(&self, tenant: &Tenant) -> Result<Vec<Webhook>, StoreError> {
        let mut listed = self.listing_rows(tenant).await?;
        listed.retain(is_primary);
        self.webhooks_at(listed).await
    }

    /// The listing index's rows of the tenant's webhooks. A row has the webhook's keys, and no secrets.
    ///
    /// # Errors
    /// Where the tenant has more than [`LISTED_MAX`] webhooks, or DynamoDB cannot be read.
    pub(super) async fn listing_rows(&self, tenant: &Tenant) -> Result<Vec<Item>, StoreError> {
        let mut rows = self.listing_query(tenant).into_paginator().items().send();
        let mut listed = Vec::new();
        while let Some(row) = rows.next().await {
            if listed.len() == LISTED_MAX {
                return Err(StoreError::TooMany);
            }
            listed.push(row?);
        }
        Ok(listed)
    }

    /// The query for the listing index's rows of the tenant's webhooks.
    pub(super) fn listing_query(&self, tenant: &Tenant) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.config_table)
            .index_name(keys::LISTING_INDEX)
            .key_condition_expression("list_pk = :partition")
            .expression_attribute_values(":partition", text(keys::webhooks(tenant)))
    }

    async fn webhooks_at(&self, listed: Vec<Item>) -> Result<Vec<Webhook>, StoreError> {
        let reads = stream::iter(listed).map(|keys| self.item_at(&self.config_table, keys)).buffered(READS_AT_ONCE);
        let items: Vec<Option<Item>> = reads.try_collect().await?;
        items.into_iter().flatten().map(|item| self.opened(item)).collect()
    }

    /// Stores `webhook` if the stored webhook is still `before` and the owner exists.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn replace(
        &self,
        tenant: &Tenant,
        before: Option<&Webhook>,
        webhook: &Webhook,
    ) -> Result<Replaced, StoreError> {
        let mut put = Put::builder()
            .table_name(&self.config_table)
            .set_item(Some(self.sealed(tenant, webhook)?))
            .condition_expression("attribute_not_exists(pk)");
        if let Some(before) = before {
            put = put
                .condition_expression("webhook_id = :id AND updated_at = :updated_at AND log_shards = :log_shards")
                .expression_attribute_values(":id", text(before.id.as_str()))
                .expression_attribute_values(":log_shards", number(before.log_shards))
                .expression_attribute_values(":updated_at", number(before.updated_at.millis()));
        }
        let mut steps = vec![TransactWriteItem::builder().set_put(put.build().ok()).build()];
        if before.is_none_or(|before| before.id != webhook.id) {
            steps.push(self.put_pointer(tenant, webhook)?);
        }
        Ok(match self.write_if_registered(tenant, &webhook.owner, steps).await? {
            Written::Done => Replaced::Done,
            Written::NoOwner => Replaced::NoOwner,
            Written::Refused(_) | Written::Conflict => Replaced::Conflict,
        })
    }

    /// Makes `steps` in one transaction, which fails unless the owner exists.
    pub(super) async fn write_if_registered(
        &self,
        tenant: &Tenant,
        owner: &Owner,
        mut steps: Vec<TransactWriteItem>,
    ) -> Result<Written, StoreError> {
        let own_steps = steps.len();
        if let Owner::Agent(id) = owner {
            let check = ConditionCheck::builder()
                .table_name(&self.config_table)
                .key("pk", text(keys::agent(tenant, id)))
                .key("sk", text(keys::AGENT))
                .condition_expression("attribute_exists(pk)");
            steps.push(TransactWriteItem::builder().set_condition_check(check.build().ok()).build());
        }
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(steps)).send().await else {
            return Ok(Written::Done);
        };
        let reasons = canceled_for(&error);
        let refused = reasons.iter().position(|reason| *reason == Some("ConditionalCheckFailed"));
        let is_conflict = reasons.contains(&Some("TransactionConflict"));
        match refused {
            // A missing owner is reported even if a step was refused, because it is the cause.
            _ if reasons.get(own_steps) == Some(&Some("ConditionalCheckFailed")) => Ok(Written::NoOwner),
            Some(step) => Ok(Written::Refused(step)),
            None if is_conflict => Ok(Written::Conflict),
            None => Err(error.into()),
        }
    }

    /// All items of a partition of the config table.
    pub(super) async fn partition_items(&self, partition: &str) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.config_table)
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(partition))
            .consistent_read(true);
        Ok(query.into_paginator().items().send().try_collect().await?)
    }
}

/// Whether a row of the listing index is of a primary webhook.
pub(super) fn is_primary(listed: &Item) -> bool {
    listed.get("sk") == Some(&text(keys::primary_webhook()))
}

/// The id of the webhook that an item of the config table holds; `None` for another item.
pub(super) fn webhook_id_of(item: &Item) -> Option<WebhookId> {
    item.get("webhook_id")?.as_s().ok().and_then(|id| WebhookId::parse(id).ok())
}

/// Why DynamoDB canceled a transaction, for each of its steps.
pub(super) fn canceled_for<R>(error: &SdkError<TransactWriteItemsError, R>) -> Vec<Option<&str>> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return Vec::new();
    };
    canceled.cancellation_reasons().iter().map(|reason| reason.code()).collect()
}
