//! An owner's additional webhooks: add, show, list, change and delete them.

use clients::store::additional_webhooks::{Added, Deleted};
use clients::store::webhooks::Replaced;
use domain::{
    DialectName, EventFilter, Health, Owner, RequestOptions, Secret, Tenant, Webhook, WebhookId, WebhookKind,
    WebhookRef,
};

use super::{TRIES_MAX, WebhookError, missing, pause, previous_secrets, registered};
use crate::app::App;

/// The settings of a new additional webhook.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// A new id.
    pub id: WebhookId,
    /// The dialect.
    pub dialect: DialectName,
    /// The customer's name for the webhook, or its description.
    pub description: Option<String>,
    /// The URL that deliveries go to.
    pub url: String,
    /// The method, credentials, headers and templates of its requests.
    pub request: RequestOptions,
    /// The secret that signs its deliveries.
    pub secret: Secret,
    /// Whether the customer knows the secret.
    pub secret_known: bool,
    /// The event types that it asks for.
    pub events: EventFilter,
    /// Whether it receives events.
    pub enabled: bool,
    /// Retries after the first attempt.
    pub retries_max: u8,
    /// Seconds that an attempt may take.
    pub timeout_s: u16,
}

/// Adds an additional webhook to the owner's.
///
/// # Errors
/// Where the agent is not registered, the owner has `WEBHOOKS_MAX` already, others keep writing, or the store fails.
pub async fn add_additional_webhook(
    app: &App,
    tenant: &Tenant,
    owner: &Owner,
    new: NewWebhook,
) -> Result<Webhook, WebhookError> {
    let (now, max) = (app.clock.now(), app.settings.webhooks_max);
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
        log_spread_at: None,
        health: Health::default(),
        created_at: now,
        updated_at: now,
    };
    for attempt in 0..TRIES_MAX {
        match app.store.add_additional_webhook(tenant, &webhook, max).await? {
            Added::Done => return Ok(webhook),
            Added::TooMany => return Err(WebhookError::TooMany(max)),
            Added::NoOwner => return Err(WebhookError::NoSuchAgent),
            Added::Conflict => pause(&app.ids, attempt).await,
        }
    }
    Err(WebhookError::Contended)
}

/// The owner's additional webhooks in one dialect, oldest first.
///
/// # Errors
/// Where the agent is not registered, or the store fails.
pub async fn additional_webhooks(
    app: &App,
    tenant: &Tenant,
    owner: &Owner,
    dialect: &str,
) -> Result<Vec<Webhook>, WebhookError> {
    let mut webhooks = registered(&app.store, tenant, owner).await?.webhooks;
    webhooks.retain(|webhook| is_additional(webhook, dialect));
    webhooks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(webhooks)
}

/// The owner's additional webhook `id` in one dialect.
///
/// # Errors
/// Where the agent is not registered, the webhook does not exist, or the store fails.
pub async fn additional_webhook(
    app: &App,
    tenant: &Tenant,
    owner: &Owner,
    dialect: &str,
    id: WebhookId,
) -> Result<Webhook, WebhookError> {
    let reference = WebhookRef { id, owner: owner.clone(), kind: WebhookKind::Additional };
    let found = app.store.webhook(tenant, &reference).await?;
    match found.filter(|webhook| is_additional(webhook, dialect)) {
        Some(webhook) => Ok(webhook),
        None => Err(missing(&app.store, tenant, owner).await?),
    }
}

fn is_additional(webhook: &Webhook, dialect: &str) -> bool {
    webhook.kind == WebhookKind::Additional && webhook.dialect.as_str() == dialect
}

/// Changes an additional webhook to the result of `change`. If somebody else changes the webhook at the same time,
/// `change` runs again on the newer webhook. `change` must leave id, owner and times as they are. A replaced secret
/// signs for another 24 hours.
///
/// # Errors
/// Those of `change`. Also where the webhook is gone by now, others keep changing it, or the store fails.
pub async fn update_additional_webhook<E: From<WebhookError>>(
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
        before = additional_webhook(app, tenant, &owner, dialect.as_str(), id).await?;
    }
    Err(WebhookError::Contended.into())
}

/// Deletes an additional webhook.
///
/// # Errors
/// Where the webhook is gone by now, others keep writing at the same time, or the store fails.
pub async fn delete_additional_webhook(app: &App, tenant: &Tenant, webhook: &Webhook) -> Result<(), WebhookError> {
    for attempt in 0..TRIES_MAX {
        match app.store.delete_additional_webhook(tenant, &webhook.reference()).await? {
            Deleted::Done => return Ok(()),
            Deleted::NotFound => return Err(missing(&app.store, tenant, &webhook.owner).await?),
            Deleted::Conflict => pause(&app.ids, attempt).await,
        }
    }
    Err(WebhookError::Contended)
}
