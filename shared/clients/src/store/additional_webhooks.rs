//! Adding and removing additional webhooks. An item in the owner's partition counts them, so that concurrent calls
//! cannot exceed the limit.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use domain::{Owner, Tenant, Webhook, WebhookRef};

use super::webhooks::{Written, canceled_for};
use super::{ITEM_VERSION, Store, StoreError, keys, number, text};

/// The result of [`Store::add_additional_webhook`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The webhook is stored.
    Done,
    /// The owner has `max` additional webhooks already. Nothing is stored.
    TooMany,
    /// Another call wrote at the same time. Nothing is stored; try again.
    Conflict,
    /// The agent is not registered. Nothing is stored.
    NoOwner,
}

/// The result of [`Store::delete_additional_webhook`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The webhook was deleted.
    Done,
    /// There was no such webhook.
    NotFound,
    /// Another call wrote at the same time. The webhook is still stored; try again.
    Conflict,
}

impl Store {
    /// Stores a new additional webhook if its owner exists and has fewer than `max`.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn add_additional_webhook(
        &self,
        tenant: &Tenant,
        webhook: &Webhook,
        max: usize,
    ) -> Result<Added, StoreError> {
        let put = Put::builder()
            .table_name(&self.config_table)
            .set_item(Some(self.sealed(tenant, webhook)?))
            .condition_expression("attribute_not_exists(pk)");
        let counted = self
            .count(tenant, &webhook.owner, 1)
            .condition_expression("attribute_not_exists(pk) OR subscriptions < :max")
            .expression_attribute_values(":max", number(max));
        let steps = vec![
            TransactWriteItem::builder().set_update(counted.build().ok()).build(),
            TransactWriteItem::builder().set_put(put.build().ok()).build(),
            self.put_pointer(tenant, webhook)?,
        ];
        let written = self.write_if_registered(tenant, &webhook.owner, steps).await;
        Ok(match written? {
            Written::Done => Added::Done,
            Written::Refused(0) => Added::TooMany,
            Written::NoOwner => Added::NoOwner,
            // The webhook's id is new, so no other item can have its key.
            Written::Refused(_) | Written::Conflict => Added::Conflict,
        })
    }

    /// Adds `by` to the count of an owner's additional webhooks.
    fn count(&self, tenant: &Tenant, owner: &Owner, by: i8) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.config_table)
            .key("pk", text(keys::owner(tenant, owner)))
            .key("sk", text(keys::COUNT))
            .update_expression("SET v = if_not_exists(v, :v) ADD subscriptions :by")
            .expression_attribute_values(":v", number(ITEM_VERSION))
            .expression_attribute_values(":by", number(by))
    }

    /// Deletes an additional webhook.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn delete_additional_webhook(
        &self,
        tenant: &Tenant,
        reference: &WebhookRef,
    ) -> Result<Deleted, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.config_table)
            .key("pk", text(keys::owner(tenant, &reference.owner)))
            .key("sk", text(keys::webhook(reference)))
            .condition_expression("attribute_exists(pk)");
        let counted = self.count(tenant, &reference.owner, -1);
        let steps = vec![
            TransactWriteItem::builder().set_delete(delete.build().ok()).build(),
            TransactWriteItem::builder().set_update(counted.build().ok()).build(),
            self.delete_pointer(tenant, &reference.id),
        ];
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(steps)).send().await else {
            return Ok(Deleted::Done);
        };
        let reasons = canceled_for(&error);
        if reasons.first() == Some(&Some("ConditionalCheckFailed")) {
            Ok(Deleted::NotFound)
        } else if reasons.contains(&Some("TransactionConflict")) {
            Ok(Deleted::Conflict)
        } else {
            Err(error.into())
        }
    }
}
