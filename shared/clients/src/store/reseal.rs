//! Resealing secrets after the operator rotated the sealing key.

use domain::Tenant;

use super::webhook_item::WebhookItem;
use super::{Item, Store, StoreError, from_item, primary_key, text, update_if};

impl Store {
    /// Reseals a tenant's webhooks: secrets that another key sealed are sealed with the first key. `go_on` is called
    /// before each webhook; `false` stops. Returns the number of webhooks that were resealed, and whether all webhooks
    /// were checked.
    ///
    /// # Errors
    /// Where a secret was sealed with a key that is not set, or DynamoDB fails. Webhooks before that are resealed.
    pub async fn reseal(&self, tenant: &Tenant, go_on: impl Fn() -> bool) -> Result<(usize, bool), StoreError> {
        let mut rows = self.listing_query(tenant).into_paginator().items().send();
        let mut count = 0;
        while let Some(row) = rows.next().await {
            if !go_on() {
                return Ok((count, false));
            }
            count += usize::from(self.reseal_webhook(tenant, row?).await?);
        }
        Ok((count, true))
    }

    async fn reseal_webhook(&self, tenant: &Tenant, row: Item) -> Result<bool, StoreError> {
        let keys = primary_key(row);
        loop {
            let Some(item) = self.item_at(&self.config_table, keys.clone()).await? else { return Ok(false) };
            let item: WebhookItem = from_item(item)?;
            let before = item.sealed().to_owned();
            if self.sealing_keys.is_sealed_with_first_key(&before) {
                return Ok(false);
            }
            let webhook = item.open(&self.sealing_keys)?;
            let update = self
                .client
                .update_item()
                .table_name(&self.config_table)
                .set_key(Some(keys.clone()))
                .update_expression("SET sealed = :anew")
                .condition_expression("sealed = :before")
                .expression_attribute_values(":anew", text(self.seal(tenant, &webhook)?.sealed()))
                .expression_attribute_values(":before", text(before));
            // Otherwise the webhook was set or deleted meanwhile, so it is read again.
            if update_if(update).await? {
                return Ok(true);
            }
        }
    }
}
