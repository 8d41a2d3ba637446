//! A webhook as the config table holds it.

use serde::{Deserialize, Serialize};

use super::request_item::RequestItem;
use super::{ITEM_VERSION, keys};
use crate::domain::{
    DialectName, EventFilter, Health, Owner, Place, PreviousSecret, Scope, Secret, Webhook, WebhookId,
};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
pub(super) struct WebhookItem {
    pk: String,
    sk: String,
    v: u8,
    list_pk: String,
    list_sk: WebhookId,
    webhook_id: WebhookId,
    owner: Owner,
    place: Place,
    dialect: DialectName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    url: String,
    #[serde(default, skip_serializing_if = "RequestItem::is_default")]
    request: RequestItem,
    secret: String,
    #[serde(default = "known")]
    secret_known: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    previous_secrets: Vec<PreviousSecretItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature_header: Option<String>,
    events: EventFilter,
    enabled: bool,
    retries_max: u8,
    timeout_s: u16,
    history_limit: u8,
    log_shards: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failing_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slow_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    health_changed_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What an item says that was stored before it could.
const fn known() -> bool {
    true
}

#[derive(Serialize, Deserialize)]
struct PreviousSecretItem {
    secret: String,
    valid_until: Timestamp,
}

impl From<&PreviousSecret> for PreviousSecretItem {
    fn from(previous: &PreviousSecret) -> Self {
        Self { secret: previous.secret.expose().to_owned(), valid_until: previous.valid_until }
    }
}

impl From<PreviousSecretItem> for PreviousSecret {
    fn from(item: PreviousSecretItem) -> Self {
        Self { secret: Secret::new(item.secret), valid_until: item.valid_until }
    }
}

impl WebhookItem {
    pub(super) fn new(scope: &Scope, webhook: &Webhook) -> Self {
        Self {
            pk: keys::owner(scope, &webhook.owner),
            sk: keys::webhook(&webhook.reference()),
            v: ITEM_VERSION,
            list_pk: keys::webhooks(scope),
            list_sk: webhook.id.clone(),
            webhook_id: webhook.id.clone(),
            owner: webhook.owner.clone(),
            place: webhook.place,
            dialect: webhook.dialect.clone(),
            description: webhook.description.clone(),
            url: webhook.url.clone(),
            request: (&webhook.request).into(),
            secret: webhook.secret.expose().to_owned(),
            secret_known: webhook.secret_known,
            previous_secrets: webhook.previous_secrets.iter().map(PreviousSecretItem::from).collect(),
            signature_header: webhook.signature_header.clone(),
            events: webhook.events.clone(),
            enabled: webhook.enabled,
            retries_max: webhook.retries_max,
            timeout_s: webhook.timeout_s,
            history_limit: webhook.history_limit,
            log_shards: webhook.log_shards,
            failing_since: webhook.health.failing_since,
            slow_since: webhook.health.slow_since,
            health_changed_at: webhook.health.changed_at,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

impl From<WebhookItem> for Webhook {
    fn from(item: WebhookItem) -> Self {
        Self {
            id: item.webhook_id,
            owner: item.owner,
            place: item.place,
            dialect: item.dialect,
            description: item.description,
            url: item.url,
            request: item.request.into(),
            secret: Secret::new(item.secret),
            secret_known: item.secret_known,
            previous_secrets: item.previous_secrets.into_iter().map(PreviousSecret::from).collect(),
            signature_header: item.signature_header,
            events: item.events,
            enabled: item.enabled,
            retries_max: item.retries_max,
            timeout_s: item.timeout_s,
            history_limit: item.history_limit,
            log_shards: item.log_shards,
            health: Health {
                failing_since: item.failing_since,
                slow_since: item.slow_since,
                changed_at: item.health_changed_at,
            },
            created_at: item.created_at,
            updated_at: item.updated_at,
        }
    }
}
