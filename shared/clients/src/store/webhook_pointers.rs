//! Finds a webhook by its id alone. A pointer to each webhook is written and deleted together with the webhook, so a new
//! webhook is found at once. Webhooks of release 0.1.0 have no pointer, and are found by the listing index.

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValue, TransactWriteItem};
use domain::{Owner, Tenant, Webhook, WebhookId, WebhookKind, WebhookRef};
use serde::{Deserialize, Serialize};

use super::webhooks::webhook_id_of;
use super::{ITEM_VERSION, Item, Store, StoreError, from_item, keys, text, to_item};

/// A pointer, or a webhook's row in the listing index.
#[derive(Serialize, Deserialize)]
struct PointerItem {
    pk: String,
    sk: String,
    v: u8,
    owner: Owner,
    #[serde(rename = "place")]
    kind: WebhookKind,
}

impl Store {
    /// A transaction step that writes the pointer to a new webhook.
    pub(super) fn put_pointer(&self, tenant: &Tenant, webhook: &Webhook) -> Result<TransactWriteItem, StoreError> {
        let pointer = PointerItem {
            pk: keys::webhook_pointer(tenant, &webhook.id),
            sk: keys::POINTER.to_owned(),
            v: ITEM_VERSION,
            owner: webhook.owner.clone(),
            kind: webhook.kind,
        };
        let put = Put::builder().table_name(&self.config_table).set_item(Some(to_item(&pointer)?));
        Ok(TransactWriteItem::builder().set_put(put.build().ok()).build())
    }

    /// A transaction step that deletes the pointer to a webhook.
    pub(super) fn delete_pointer(&self, tenant: &Tenant, webhook: &WebhookId) -> TransactWriteItem {
        let delete =
            Delete::builder().table_name(&self.config_table).set_key(Some(pointer_key(tenant, webhook))).build();
        TransactWriteItem::builder().set_delete(delete.ok()).build()
    }

    /// Removes the owner's primary webhook. Returns `false` if none was set.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn delete_primary_webhook(&self, tenant: &Tenant, owner: &Owner) -> Result<bool, StoreError> {
        let key = (keys::owner(tenant, owner), keys::primary_webhook().to_owned());
        let Some(deleted) = self.delete_config(key.0, key.1).await? else { return Ok(false) };
        // A pointer that is left behind by a crash leads to no webhook.
        if let Some(id) = webhook_id_of(&deleted) {
            self.client
                .delete_item()
                .table_name(&self.config_table)
                .set_key(Some(pointer_key(tenant, &id)))
                .send()
                .await?;
        }
        Ok(true)
    }

    /// Deletes an item of the config table, and returns it.
    pub(super) async fn delete_config(&self, pk: String, sk: String) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.config_table)
            .key("pk", text(pk))
            .key("sk", text(sk))
            .return_values(ReturnValue::AllOld)
            .send()
            .await?;
        Ok(answer.attributes)
    }

    /// The webhook called `id`, of any owner and dialect.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn webhook_by_id(&self, tenant: &Tenant, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        let reference = match self.item_at(&self.config_table, pointer_key(tenant, id)).await? {
            Some(pointer) => {
                let PointerItem { owner, kind, .. } = from_item(pointer)?;
                Some(WebhookRef { id: id.clone(), owner, kind })
            }
            None => self.listed_reference(tenant, id).await?,
        };
        match reference {
            Some(reference) => self.webhook(tenant, &reference).await,
            None => Ok(None),
        }
    }

    /// The reference of a webhook that has no pointer.
    async fn listed_reference(&self, tenant: &Tenant, id: &WebhookId) -> Result<Option<WebhookRef>, StoreError> {
        let query = self.client.query().table_name(&self.config_table).index_name(keys::LISTING_INDEX);
        let query = query
            .key_condition_expression("list_pk = :partition AND list_sk = :id")
            .expression_attribute_values(":partition", text(keys::webhooks(tenant)))
            .expression_attribute_values(":id", text(id.as_str()));
        let Some(row) = query.send().await?.items.unwrap_or_default().pop() else { return Ok(None) };
        let Some(item) = self.item_at(&self.config_table, row).await? else { return Ok(None) };
        Ok(Some(self.opened(item)?.reference()))
    }
}

/// The key of the pointer to a webhook.
pub(super) fn pointer_key(tenant: &Tenant, webhook: &WebhookId) -> Item {
    let (pk, sk) = (keys::webhook_pointer(tenant, webhook), keys::POINTER);
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}
