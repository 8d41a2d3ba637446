//! Webhook snapshots. A queue message carries one for an attempt soon after fan-out. Secrets are sealed as in the
//! store.

use domain::{Tenant, Webhook, WebhookRef};
use serde_json::value::{RawValue, to_raw_value};

use super::webhook_item::WebhookItem;
use super::{Store, StoreError};

impl Store {
    /// A snapshot of `webhook`, without the payload templates, which only fan-out needs.
    ///
    /// # Errors
    /// Where no random bytes are available to seal the secrets.
    pub fn snapshot(&self, tenant: &Tenant, webhook: &Webhook) -> Result<Box<RawValue>, StoreError> {
        let snapshot = self.seal(tenant, webhook)?.without_templates();
        to_raw_value(&snapshot).or(Err(StoreError::Secrets))
    }

    /// The webhook in a snapshot.
    ///
    /// # Errors
    /// Where the snapshot is another webhook's, was sealed with a key that is not set, or was written in another
    /// version.
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
