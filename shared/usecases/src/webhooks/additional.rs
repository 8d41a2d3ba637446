//! An owner's additional webhooks: add one, show them, change one, remove one.

use crate::app::App;

use super::{TRIES_MAX, WebhookError, missing, pause, previous_secrets, registered};
use clients::store::Store;
use clients::store::additional_webhooks::{Added, Removed};
use clients::store::webhooks::Replaced;
use domain::time::Timestamp;
use domain::{
    DialectName, EventFilter, Health, Ids, Owner, RequestOptions, Secret, Tenant, Webhook, WebhookId, WebhookKind,
    WebhookRef,
};

/// What a dialect adds a additional webhook with.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// A new id.
    pub id: WebhookId,
    /// The dialect.
    pub dialect: DialectName,
    /// What the customer calls it.
    pub description: Option<String>,
    /// Where deliveries go.
    pub url: String,
    /// How they are sent.
    pub request: RequestOptions,
    /// What they are signed with.
    pub secret: Secret,
    /// Whether the customer has it.
    pub secret_known: bool,
    /// The events it asks for.
    pub events: EventFilter,
    /// Whether it receives any yet.
    pub enabled: bool,
    /// Attempts after the first one.
    pub retries_max: u8,
    /// Seconds that an attempt may take.
    pub timeout_s: u16,
}

/// Adds a additional webhook to those of the owner.
///
/// # Errors
/// Where the agent is not registered, the owner has `max` already, or the store fails.
pub async fn add_webhook(
    store: &Store,
    (now, ids): (Timestamp, &Ids),
    tenant: &Tenant,
    owner: &Owner,
    new: NewWebhook,
    max: usize,
) -> Result<Webhook, WebhookError> {
    let webhook = Webhook {
        id: new.id,
        owner: owner.clone(),
        kind: WebhookKind::Additional,
        dialect: new.dialect,
        description: new.description,
        url: new.url,
        request: new.request,
        secret: new.secret,
        secret_known: new.secret_known,
        previous_secrets: Vec::new(),
        signature_header: None,
        events: new.events,
        enabled: new.enabled,
        retries_max: new.retries_max,
        timeout_s: new.timeout_s,
        history_limit: 0,
        log_shards: 1,
        health: Health::default(),
        created_at: now,
        updated_at: now,
    };
    for attempt in 0..TRIES_MAX {
        match store.add(tenant, &webhook, max).await? {
            Added::Done => return Ok(webhook),
            Added::TooMany => return Err(WebhookError::TooMany(max)),
            Added::NoOwner => return Err(WebhookError::NoSuchAgent),
            Added::Conflict => pause(ids, attempt).await,
        }
    }
    Err(WebhookError::Contended)
}

/// The owner's additional webhooks in one dialect, oldest first.
///
/// # Errors
/// Where the agent is not registered, or the store fails.
pub async fn additional_webhooks(
    store: &Store,
    tenant: &Tenant,
    owner: &Owner,
    dialect: &str,
) -> Result<Vec<Webhook>, WebhookError> {
    let mut webhooks = registered(store, tenant, owner).await?.webhooks;
    webhooks.retain(|webhook| is_additional(webhook, dialect));
    webhooks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(webhooks)
}

/// One of the owner's additional webhooks in one dialect.
///
/// # Errors
/// Where the agent is not registered, it has no such additional webhook, or the store fails.
pub async fn additional_webhook(
    store: &Store,
    tenant: &Tenant,
    owner: &Owner,
    dialect: &str,
    id: WebhookId,
) -> Result<Webhook, WebhookError> {
    let reference = WebhookRef { id, owner: owner.clone(), kind: WebhookKind::Additional };
    let found = store.webhook(tenant, &reference).await?;
    match found.filter(|webhook| is_additional(webhook, dialect)) {
        Some(webhook) => Ok(webhook),
        None => Err(missing(store, tenant, owner).await?),
    }
}

fn is_additional(webhook: &Webhook, dialect: &str) -> bool {
    webhook.kind == WebhookKind::Additional && webhook.dialect.as_str() == dialect
}

/// Changes a additional webhook to what `change` makes of it; that may be asked again where somebody else was faster. Id, owner
/// and times are not its to change. A secret that it replaces signs for another 24 h.
///
/// # Errors
/// Those of `change`; where the additional webhook is gone by now, others keep changing it, or the store fails.
pub async fn update_webhook<E: From<WebhookError>>(
    app: &App,
    tenant: &Tenant,
    mut before: Webhook,
    change: impl Fn(Webhook) -> Result<Webhook, E>,
) -> Result<Webhook, E> {
    for attempt in 0..TRIES_MAX {
        let now = app.clock.now();
        let mut after = change(before.clone())?;
        after.previous_secrets = previous_secrets(&before, &after.secret, now);
        after.health = Health::default();
        after.updated_at = before.next_updated_at(now);
        match app.store.replace(tenant, Some(&before), &after).await.map_err(WebhookError::from)? {
            Replaced::Done => return Ok(after),
            Replaced::NoOwner => return Err(WebhookError::NoSuchAgent.into()),
            Replaced::Conflict => pause(&app.ids, attempt).await,
        }
        let Webhook { id, owner, dialect, .. } = before;
        before = additional_webhook(&app.store, tenant, &owner, dialect.as_str(), id).await?;
    }
    Err(WebhookError::Contended.into())
}

/// Removes a additional webhook.
///
/// # Errors
/// Where it is gone by now, others keep writing at the same moment, or the store fails.
pub async fn remove_additional_webhook(
    store: &Store,
    ids: &Ids,
    tenant: &Tenant,
    webhook: &Webhook,
) -> Result<(), WebhookError> {
    for attempt in 0..TRIES_MAX {
        match store.delete_additional_webhook(tenant, &webhook.reference()).await? {
            Removed::Done => return Ok(()),
            Removed::Gone => return Err(missing(store, tenant, &webhook.owner).await?),
            Removed::Conflict => pause(ids, attempt).await,
        }
    }
    Err(WebhookError::Contended)
}
