//! API keys: kept by their SHA-256, so that a copy of the table opens nothing.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ITEM_VERSION, Store, StoreError, from_item, keys, text, to_item};
use crate::domain::{Environment, ProjectId, Scope};

#[derive(Serialize, Deserialize)]
struct ApiKeyItem {
    pk: String,
    sk: String,
    v: u8,
    project: ProjectId,
    environment: Environment,
}

impl Store {
    /// The scope that an API key opens; `None` where there is no such key.
    ///
    /// # Errors
    /// Where DynamoDB could not be asked.
    pub async fn scope_of_key(&self, key: &str) -> Result<Option<Scope>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.config_table)
            .key("pk", text(keys::api_key(&Sha256::digest(key))))
            .key("sk", text(keys::API_KEY))
            .send()
            .await?;
        let Some(item) = found.item else { return Ok(None) };
        let item: ApiKeyItem = from_item(item)?;
        Ok(Some(Scope { project: item.project, environment: item.environment }))
    }

    /// Lets an API key open a scope.
    ///
    /// # Errors
    /// Where DynamoDB did not take it.
    pub async fn put_api_key(&self, key: &str, scope: &Scope) -> Result<(), StoreError> {
        let item = ApiKeyItem {
            pk: keys::api_key(&Sha256::digest(key)),
            sk: keys::API_KEY.to_owned(),
            v: ITEM_VERSION,
            project: scope.project.clone(),
            environment: scope.environment,
        };
        self.client.put_item().table_name(&self.config_table).set_item(Some(to_item(&item)?)).send().await?;
        Ok(())
    }
}
