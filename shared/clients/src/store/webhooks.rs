//! Webhooks, in the partition of their owner.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, KeysAndAttributes, Put, ReturnValue, TransactWriteItem};
use futures::{StreamExt, TryStreamExt, stream};

use super::agents::{AgentItem, LISTING_INDEX};
use super::{Item, Store, StoreError, from_item, keys, number, text};
use domain::{Agent, Owner, Tenant, Webhook, WebhookKind, WebhookRef};

/// Items that a list reads at once.
const READS_AT_ONCE: usize = 32;

/// Items that DynamoDB reads in one request.
const BATCH_GET_MAX: usize = 100;

/// Webhooks that a call over a whole tenant reads: more would not fit into the time or the size of an answer.
pub const LISTED_MAX: usize = 10_000;

/// Everything of one owner.
#[derive(Debug, Default)]
pub struct Owned {
    /// The agent, where the owner is one that is registered.
    pub agent: Option<Agent>,
    /// Its primary webhook, if set, and its additional webhooks.
    pub webhooks: Vec<Webhook>,
}

impl Owned {
    /// The owner's primary webhook, if set.
    #[must_use]
    pub fn primary_webhook(self) -> Option<Webhook> {
        self.webhooks.into_iter().find(|webhook| webhook.kind == WebhookKind::Primary)
    }
}

/// What became of a put that held to what it had read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It is stored.
    Done,
    /// Somebody else was faster: nothing is stored; read again.
    Conflict,
    /// The agent is not registered: nothing is stored.
    NoOwner,
}

/// What became of a transaction.
pub(super) enum Written {
    Done,
    /// The condition of that step did not hold.
    Refused(usize),
    Conflict,
    NoOwner,
}

impl Store {
    /// Everything of `owner`, with one Query where it fits into 1 MB.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
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

    /// The webhook as it is now; `None` where it is gone, and where another one took its place.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
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

    /// Those of the wanted webhooks that could be read with one request, by where they are kept; half a read unit each. One
    /// that is not among them may be there all the same.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn webhooks_read_together(
        &self,
        wanted: &[(Tenant, WebhookRef)],
    ) -> Result<HashMap<(Tenant, WebhookRef), Webhook>, StoreError> {
        let mut places = HashMap::new();
        for (tenant, reference) in wanted.iter().take(BATCH_GET_MAX) {
            let (pk, sk) = (keys::owner(tenant, &reference.owner), keys::webhook(reference));
            places.insert((pk, sk), (tenant.clone(), reference.clone()));
        }
        let keys = places.keys().map(|(pk, sk)| Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]));
        let Ok(keys) = KeysAndAttributes::builder().set_keys(Some(keys.collect())).build() else {
            return Ok(HashMap::new());
        };
        let found = self.client.batch_get_item().request_items(&self.config_table, keys).send().await?;
        let mut webhooks = HashMap::new();
        for item in found.responses.into_iter().flat_map(HashMap::into_values).flatten() {
            let part = |name| item.get(name).and_then(|part| part.as_s().ok()).cloned().unwrap_or_default();
            let place = places.remove(&(part("pk"), part("sk")));
            // One that cannot be opened keeps nobody from the others; who reads it alone is told why.
            let Ok(webhook) = self.opened(item) else { continue };
            // Another one may have taken its place.
            if let Some(place) = place.filter(|(_, reference)| reference.id == webhook.id) {
                webhooks.insert(place, webhook);
            }
        }
        Ok(webhooks)
    }

    /// All webhooks of the tenant, in the order of their ids. One set within the last second may be missing.
    ///
    /// # Errors
    /// Where there are more than [`LISTED_MAX`], or DynamoDB could not be asked.
    pub async fn webhooks(&self, tenant: &Tenant) -> Result<Vec<Webhook>, StoreError> {
        let listed = self.listed(tenant).await?;
        self.webhooks_at(listed).await
    }

    /// The primary webhooks among them.
    ///
    /// # Errors
    /// As for [`Store::webhooks`].
    pub async fn primary_webhooks(&self, tenant: &Tenant) -> Result<Vec<Webhook>, StoreError> {
        let mut listed = self.listed(tenant).await?;
        listed.retain(is_primary);
        self.webhooks_at(listed).await
    }

    /// The listing index's rows of the tenant's webhooks: keys, and no secrets.
    ///
    /// # Errors
    /// Where there are more than [`LISTED_MAX`], or DynamoDB could not be asked.
    pub(super) async fn listed(&self, tenant: &Tenant) -> Result<Vec<Item>, StoreError> {
        let mut rows = self.listing(tenant).into_paginator().items().send();
        let mut listed = Vec::new();
        while let Some(row) = rows.next().await {
            if listed.len() == LISTED_MAX {
                return Err(StoreError::TooMany);
            }
            listed.push(row?);
        }
        Ok(listed)
    }

    /// The query of the listing index's rows of the tenant's webhooks.
    pub(super) fn listing(&self, tenant: &Tenant) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.config_table)
            .index_name(LISTING_INDEX)
            .key_condition_expression("list_pk = :partition")
            .expression_attribute_values(":partition", text(keys::webhooks(tenant)))
    }

    async fn webhooks_at(&self, listed: Vec<Item>) -> Result<Vec<Webhook>, StoreError> {
        let reads = stream::iter(listed).map(|keys| self.item_at(&self.config_table, keys)).buffered(READS_AT_ONCE);
        let items: Vec<Option<Item>> = reads.try_collect().await?;
        items.into_iter().flatten().map(|item| self.opened(item)).collect()
    }

    /// Stores `webhook` where what is in its place is still `before` and the owner is still there.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
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
        let put = TransactWriteItem::builder().set_put(put.build().ok()).build();
        Ok(match self.write_if_registered(tenant, &webhook.owner, vec![put]).await? {
            Written::Done => Replaced::Done,
            Written::NoOwner => Replaced::NoOwner,
            Written::Refused(_) | Written::Conflict => Replaced::Conflict,
        })
    }

    /// Makes `steps` in one transaction that holds only if the owner is there.
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
            // The owner's absence says more than what it was to have.
            _ if reasons.get(own_steps) == Some(&Some("ConditionalCheckFailed")) => Ok(Written::NoOwner),
            Some(step) => Ok(Written::Refused(step)),
            None if is_conflict => Ok(Written::Conflict),
            None => Err(error.into()),
        }
    }

    /// Removes the owner's primary webhook; `false` where none was set.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
    pub async fn delete_primary_webhook(&self, tenant: &Tenant, owner: &Owner) -> Result<bool, StoreError> {
        self.delete_config(keys::owner(tenant, owner), keys::primary_webhook().to_owned()).await
    }

    pub(super) async fn delete_config(&self, pk: String, sk: String) -> Result<bool, StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.config_table)
            .key("pk", text(pk))
            .key("sk", text(sk))
            .return_values(ReturnValue::AllOld)
            .send()
            .await?;
        Ok(answer.attributes.is_some())
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

/// Whether a row of the listing index is a primary webhook's.
pub(super) fn is_primary(listed: &Item) -> bool {
    listed.get("sk") == Some(&text(keys::primary_webhook()))
}

/// Why DynamoDB canceled a transaction, for each of its steps.
pub(super) fn canceled_for<R>(error: &SdkError<TransactWriteItemsError, R>) -> Vec<Option<&str>> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return Vec::new();
    };
    canceled.cancellation_reasons().iter().map(|reason| reason.code()).collect()
}
