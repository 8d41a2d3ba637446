//! Deduplication of requests with an `Idempotency-Key`. A repeat is recognized for a day.

use domain::Tenant;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::dedup::{PutOnce, REPEAT_RECOGNIZED_S};
use super::{ITEM_VERSION, Store, StoreError, from_item, keys, to_item};

#[derive(Serialize, Deserialize)]
struct RequestItem {
    pk: String,
    sk: String,
    v: u8,
    /// Unix seconds. After this time the key is free, and DynamoDB removes the item.
    expires_at: i64,
    digest: String,
}

impl Store {
    /// Registers the `Idempotency-Key` of a request. Returns `false` if the key was used with another body. Bodies are
    /// compared by their digest.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn register_request(
        &self,
        tenant: &Tenant,
        key: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let item = RequestItem {
            pk: keys::client_request(tenant, key),
            sk: keys::DEDUP_LOCK.to_owned(),
            v: ITEM_VERSION,
            expires_at: now.seconds() + REPEAT_RECOGNIZED_S,
            digest: digest.to_owned(),
        };
        Ok(match self.put_once(to_item(&item)?, now).await? {
            PutOnce::Stored => true,
            PutOnce::Exists(other) => from_item::<RequestItem>(other)?.digest == digest,
        })
    }
}
