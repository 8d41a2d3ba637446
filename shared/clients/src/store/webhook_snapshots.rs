//! A webhook's copy in a queue message, for an attempt soon after it was read: as sealed as in the store.

use serde_json::value::{RawValue, to_raw_value};

use super::webhook_item::WebhookItem;
use super::{Store, StoreError};
use domain::{Tenant, Webhook, WebhookRef};

impl Store {
    /// A copy of `webhook`, without what only fan-out needs: payload templates.
    ///
    /// # Errors
    /// Where there is no randomness to seal its secrets with.
    pub fn snapshot(&self, tenant: &Tenant, webhook: &Webhook) -> Result<Box<RawValue>, StoreError> {
        let snapshot = self.seal(tenant, webhook)?.without_templates();
        to_raw_value(&snapshot).or(Err(StoreError::Secrets))
    }

    /// The webhook that a copy holds.
    ///
    /// # Errors
    /// Where it is another webhook's, was sealed with another key, or is of another release.
    pub fn open_snapshot(
        &self,
        tenant: &Tenant,
        reference: &WebhookRef,
        snapshot: &RawValue,
    ) -> Result<Webhook, StoreError> {
        let item: WebhookItem = serde_json::from_str(snapshot.get()).or(Err(StoreError::Secrets))?;
        if !item.is_of(tenant, reference) {
            return Err(StoreError::Secrets);
        }
        item.open(&self.sealing_keys)
    }
}
