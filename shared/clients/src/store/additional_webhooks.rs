//! Adding and removing additional webhooks, which their owner's partition counts: many that are added at once cannot pass a limit.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};

use super::webhooks::{Written, canceled_for};
use super::{ITEM_VERSION, Store, StoreError, keys, number, text};
use domain::{Owner, Tenant, Webhook, WebhookRef};

/// What became of a additional webhook that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is stored.
    Done,
    /// The owner has as many as it may: nothing is stored.
    TooMany,
    /// Somebody else wrote at the same moment: nothing is stored; try again.
    Conflict,
    /// The agent is not registered: nothing is stored.
    NoOwner,
}

/// What became of a additional webhook that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone now.
    Done,
    /// It was gone.
    Gone,
    /// Somebody else wrote at the same moment: it is still there; try again.
    Conflict,
}

impl Store {
    /// Stores a new additional webhook where its owner has fewer than `max`, and is still there.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
    pub async fn add(&self, tenant: &Tenant, webhook: &Webhook, max: usize) -> Result<Added, StoreError> {
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
        ];
        let written = self.write_if_registered(tenant, &webhook.owner, steps).await;
        Ok(match written? {
            Written::Done => Added::Done,
            Written::Refused(0) => Added::TooMany,
            Written::NoOwner => Added::NoOwner,
            // Its id is new, so nothing can be in its place.
            Written::Refused(_) | Written::Conflict => Added::Conflict,
        })
    }

    /// Changes how many additional webhooks an owner has.
    fn count(&self, tenant: &Tenant, owner: &Owner, by: i8) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.config_table)
            .key("pk", text(keys::owner(tenant, owner)))
            .key("sk", text(keys::COUNT))
            .update_expression("SET v = if_not_exists(v, :v) ADD subscriptions :by")
            .expression_attribute_values(":v", number(ITEM_VERSION))
            .expression_attribute_values(":by", number(by))
    }

    /// Removes a additional webhook.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
    pub async fn delete_additional_webhook(
        &self,
        tenant: &Tenant,
        reference: &WebhookRef,
    ) -> Result<Removed, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.config_table)
            .key("pk", text(keys::owner(tenant, &reference.owner)))
            .key("sk", text(keys::webhook(reference)))
            .condition_expression("attribute_exists(pk)");
        let counted = self.count(tenant, &reference.owner, -1);
        let steps = vec![
            TransactWriteItem::builder().set_delete(delete.build().ok()).build(),
            TransactWriteItem::builder().set_update(counted.build().ok()).build(),
        ];
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(steps)).send().await else {
            return Ok(Removed::Done);
        };
        let reasons = canceled_for(&error);
        if reasons.first() == Some(&Some("ConditionalCheckFailed")) {
            Ok(Removed::Gone)
        } else if reasons.contains(&Some("TransactionConflict")) {
            Ok(Removed::Conflict)
        } else {
            Err(error.into())
        }
    }
}
