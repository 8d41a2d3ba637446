//! API keys. The first half of a key's SHA-256 is the key's id, which finds the item. The second half is the verifier,
//! which is compared in constant time. So a copy of the table gives access to nothing. Each key is also listed in its
//! project's partition.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::hex;
use domain::time::Timestamp;
use domain::{ApiKey, Environment, KeyId, Permission, ProjectId, Tenant};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::webhooks::canceled_for;
use super::{ITEM_VERSION, Item, Store, StoreError, from_item, keys, text, to_item};

#[derive(Serialize, Deserialize)]
struct KeyItem {
    pk: String,
    sk: String,
    v: u8,
    key_id: KeyId,
    /// The second half of the key's SHA-256, in hex. Absent in the project's list of keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verifier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    project: ProjectId,
    environment: Environment,
    permissions: BTreeSet<Permission>,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
}

/// A key's id and its verifier.
fn halves(key: &str) -> (KeyId, String) {
    let digest = hex(&Sha256::digest(key));
    let (id, verifier) = digest.split_at(digest.len() / 2);
    (KeyId::of_digest(id), verifier.to_owned())
}

/// The description of an API key to store.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// The name that its creator chose.
    pub name: Option<String>,
    /// The permissions in its tenant.
    pub permissions: BTreeSet<Permission>,
    /// When the key was created.
    pub created_at: Timestamp,
    /// From this time on, the key is refused. `None` if the key does not expire.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// Reads an API key, even an expired one. `None` if there is no such key.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn api_key(&self, key: &str) -> Result<Option<ApiKey>, StoreError> {
        let (id, verifier) = halves(key);
        let found = self
            .client
            .get_item()
            .table_name(&self.config_table)
            .key("pk", text(keys::api_key(&id)))
            .key("sk", text(keys::API_KEY))
            .send()
            .await?;
        let Some(item) = found.item.map(from_item::<KeyItem>).transpose()? else { return Ok(None) };
        let known = item.verifier.clone().unwrap_or_default();
        Ok(bool::from(known.as_bytes().ct_eq(verifier.as_bytes())).then(|| item.into()))
    }

    /// Stores a project's API key. Storing the same key again replaces the item. Returns the stored key, or `None` if
    /// there is no such project.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn put_api_key(&self, key: &str, tenant: &Tenant, new: NewApiKey) -> Result<Option<ApiKey>, StoreError> {
        let (id, verifier) = halves(key);
        let NewApiKey { name, permissions, created_at, expires_at } = new;
        let stored = ApiKey { id, name, tenant: tenant.clone(), permissions, created_at, expires_at };
        let put = |pk: String, sk: String, verifier: Option<String>| {
            let item = to_item(&KeyItem::new(&stored, pk, sk, verifier))?;
            let put = Put::builder().table_name(&self.config_table).set_item(Some(item)).build().ok();
            Ok::<_, StoreError>(TransactWriteItem::builder().set_put(put).build())
        };
        let project = keys::project(&tenant.project);
        let steps = vec![
            put(keys::api_key(&stored.id), keys::API_KEY.to_owned(), Some(verifier))?,
            put(project, keys::api_key(&stored.id), None)?,
            self.project_is_there(&tenant.project),
        ];
        match self.client.transact_write_items().set_transact_items(Some(steps)).send().await {
            Ok(_) => Ok(Some(stored)),
            Err(error) if canceled_for(&error).contains(&Some("ConditionalCheckFailed")) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A project's keys, expired ones too, in the order of their ids.
    ///
    /// # Errors
    /// Where DynamoDB cannot be read.
    pub async fn api_keys(&self, project: &ProjectId) -> Result<Vec<ApiKey>, StoreError> {
        let items = self.partition_items(&keys::project(project)).await?.into_iter();
        let listed = items.filter(|item| item.contains_key("key_id"));
        listed.map(|item| from_item::<KeyItem>(item).map(ApiKey::from)).collect()
    }

    /// Removes a project's API key. Returns `false` if the project has no key with this id. A process that has just
    /// used the key may accept it for another two seconds.
    ///
    /// # Errors
    /// Where DynamoDB does not take the write.
    pub async fn delete_api_key(&self, project: &ProjectId, id: &KeyId) -> Result<bool, StoreError> {
        let (pk, sk) = (keys::project(project), keys::api_key(id));
        let listed = Item::from([("pk".to_owned(), text(&pk)), ("sk".to_owned(), text(&sk))]);
        if self.item_at(&self.config_table, listed).await?.is_none() {
            return Ok(false);
        }
        // The item that gives access is deleted first. If the call is then interrupted, the key is still listed and can
        // be removed again.
        self.delete_config(keys::api_key(id), keys::API_KEY.to_owned()).await?;
        Ok(self.delete_config(pk, sk).await?.is_some())
    }
}

impl KeyItem {
    fn new(key: &ApiKey, pk: String, sk: String, verifier: Option<String>) -> Self {
        Self {
            pk,
            sk,
            v: ITEM_VERSION,
            key_id: key.id.clone(),
            verifier,
            name: key.name.clone(),
            project: key.tenant.project.clone(),
            environment: key.tenant.environment,
            permissions: key.permissions.clone(),
            created_at: key.created_at,
            ends_at: key.expires_at,
        }
    }
}

impl From<KeyItem> for ApiKey {
    fn from(item: KeyItem) -> Self {
        Self {
            id: item.key_id,
            name: item.name,
            tenant: Tenant { project: item.project, environment: item.environment },
            permissions: item.permissions,
            created_at: item.created_at,
            expires_at: item.ends_at,
        }
    }
}
