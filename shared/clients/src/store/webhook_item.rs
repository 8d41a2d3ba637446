//! A webhook as the config table stores it.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use domain::{DialectName, EventFilter, Health, Method, Owner, Tenant, Webhook, WebhookId, WebhookKind, WebhookRef};
use rules::seal::{NONCE_BYTES, SealingKeys};
use serde::{Deserialize, Serialize};

use super::secrets_item::SecretsItem;
use super::{ITEM_VERSION, StoreError, check_version, keys};

#[derive(Serialize, Deserialize)]
pub(super) struct WebhookItem {
    pk: String,
    sk: String,
    v: u8,
    list_pk: String,
    list_sk: WebhookId,
    webhook_id: WebhookId,
    owner: Owner,
    #[serde(rename = "place")]
    kind: WebhookKind,
    dialect: DialectName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    url: String,
    #[serde(default)]
    method: Method,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    templates: BTreeMap<String, String>,
    /// A [`SecretsItem`] as JSON, sealed for this item.
    sealed: String,
    secret_known: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature_header: Option<String>,
    events: EventFilter,
    enabled: bool,
    retries_max: u8,
    timeout_s: u16,
    history_limit: u8,
    log_shards: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_spread_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failing_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slow_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    health_changed_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl WebhookItem {
    /// The item of a webhook, with its secrets sealed with the first of `keys`.
    pub(super) fn seal(
        tenant: &Tenant,
        webhook: &Webhook,
        keys: &SealingKeys,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Self, StoreError> {
        let (pk, sk) = (keys::owner(tenant, &webhook.owner), keys::webhook(&webhook.reference()));
        let secrets = serde_json::to_string(&SecretsItem::from(webhook)).or(Err(StoreError::Secrets))?;
        Ok(Self {
            sealed: keys.seal(&secrets, &sealed_for(&pk, &sk, &webhook.id, &webhook.url), nonce)?,
            pk,
            sk,
            v: ITEM_VERSION,
            list_pk: keys::webhooks(tenant),
            list_sk: webhook.id.clone(),
            webhook_id: webhook.id.clone(),
            owner: webhook.owner.clone(),
            kind: webhook.kind,
            dialect: webhook.dialect.clone(),
            description: webhook.description.clone(),
            url: webhook.url.clone(),
            method: webhook.request.method,
            templates: webhook.request.templates.clone(),
            secret_known: webhook.secret_known,
            signature_header: webhook.signature_header.clone(),
            events: webhook.events.clone(),
            enabled: webhook.enabled,
            retries_max: webhook.retries_max,
            timeout_s: webhook.timeout_s,
            history_limit: webhook.history_limit,
            log_shards: webhook.log_shards,
            log_spread_at: webhook.log_spread_at,
            failing_since: webhook.health.failing_since,
            slow_since: webhook.health.slow_since,
            health_changed_at: webhook.health.changed_at,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        })
    }

    /// The sealed secrets.
    pub(super) fn sealed(&self) -> &str {
        &self.sealed
    }

    /// Whether this is the item of that webhook.
    pub(super) fn is_of(&self, tenant: &Tenant, reference: &WebhookRef) -> bool {
        let place = (keys::owner(tenant, &reference.owner), keys::webhook(reference));
        (&self.pk, &self.sk, &self.webhook_id) == (&place.0, &place.1, &reference.id)
    }

    /// The same item without payload templates, which an attempt does not need.
    pub(super) fn without_templates(self) -> Self {
        Self { templates: BTreeMap::new(), ..self }
    }

    /// The webhook, with its secrets opened.
    pub(super) fn open(self, keys: &SealingKeys) -> Result<Webhook, StoreError> {
        check_version(self.v, ITEM_VERSION)?;
        let secrets = keys.open(&self.sealed, &sealed_for(&self.pk, &self.sk, &self.webhook_id, &self.url))?;
        let secrets: SecretsItem = serde_json::from_str(&secrets).or(Err(StoreError::Secrets))?;
        let (secret, previous_secrets, request) = secrets.into_parts(self.method, self.templates);
        Ok(Webhook {
            id: self.webhook_id,
            owner: self.owner,
            kind: self.kind,
            dialect: self.dialect,
            description: self.description,
            url: self.url,
            request,
            secret,
            secret_known: self.secret_known,
            previous_secrets,
            signature_header: self.signature_header,
            events: self.events,
            enabled: self.enabled,
            retries_max: self.retries_max,
            timeout_s: self.timeout_s,
            history_limit: self.history_limit,
            log_shards: self.log_shards,
            log_spread_at: self.log_spread_at,
            health: Health {
                failing_since: self.failing_since,
                slow_since: self.slow_since,
                changed_at: self.health_changed_at,
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// The place that a webhook's secrets are sealed for: the item's keys, the webhook's id and its URL. Secrets that are
/// moved to another item or URL do not open.
fn sealed_for(pk: &str, sk: &str, webhook: &WebhookId, url: &str) -> String {
    format!("{pk}|{sk}|{webhook}|{url}")
}
