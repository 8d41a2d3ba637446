//! An owner's primary webhook: set, show and delete it.

use clients::store::webhooks::Replaced;
use domain::time::Timestamp;
use domain::{DialectName, EventFilter, Health, Ids, Owner, RequestOptions, Secret, Tenant, Webhook, WebhookKind};

use super::{TRIES_MAX, WebhookError, missing, pause, previous_secrets, registered};
use crate::app::App;

/// The settings that a dialect gives a primary webhook.
#[derive(Debug, Clone)]
pub struct PrimaryWebhookSettings {
    /// The dialect.
    pub dialect: DialectName,
    /// The URL that deliveries go to.
    pub url: String,
    /// The secret that signs from now on.
    pub secret: SecretChoice,
    /// The header of the dialect's signature, if the dialect lets the customer choose it.
    pub signature_header: Choice<Option<String>>,
    /// Retries after the first attempt.
    pub retries_max: u8,
    /// Seconds that an attempt may take.
    pub timeout_s: u16,
    /// The most messages of the conversation in a payload.
    pub history_limit: u8,
}

/// A primary webhook's next secret.
#[derive(Debug, Clone)]
pub enum SecretChoice {
    /// A new secret.
    New,
    /// The present secret; a new secret if the webhook is set for the first time.
    KeepOrNew,
    /// The customer's own secret.
    Given(Secret),
}

/// A setting that a call may leave as it was.
#[derive(Debug, Clone)]
pub enum Choice<T> {
    /// Keeps the present value; takes the default if the webhook is set for the first time.
    Keep,
    /// Sets this value.
    To(T),
}

/// Sets or replaces the owner's primary webhook. It keeps its id and its creation time. The old secret signs for
/// another 24 hours.
///
/// # Errors
/// Where the agent is not registered, others keep setting the webhook, or the store fails.
pub async fn set_primary_webhook(
    app: &App,
    tenant: &Tenant,
    owner: &Owner,
    settings: PrimaryWebhookSettings,
) -> Result<Webhook, WebhookError> {
    for attempt in 0..TRIES_MAX {
        let before = registered(&app.store, tenant, owner).await?.primary_webhook();
        let webhook = replacement(before.as_ref(), owner, settings.clone(), app.clock.now(), &app.ids);
        match app.store.replace(tenant, before.as_ref(), &webhook).await? {
            Replaced::Done => return Ok(webhook),
            Replaced::NoOwner => return Err(WebhookError::NoSuchAgent),
            Replaced::Conflict => pause(&app.ids, attempt).await,
        }
    }
    Err(WebhookError::Contended)
}

fn replacement(
    before: Option<&Webhook>,
    owner: &Owner,
    settings: PrimaryWebhookSettings,
    now: Timestamp,
    ids: &Ids,
) -> Webhook {
    let updated_at = before.map_or(now, |before| before.next_updated_at(now));
    let secret = match settings.secret {
        SecretChoice::New => ids.secret(),
        SecretChoice::KeepOrNew => before.map_or_else(|| ids.secret(), |before| before.secret.clone()),
        SecretChoice::Given(secret) => secret,
    };
    let signature_header = match settings.signature_header {
        Choice::Keep => before.and_then(|before| before.signature_header.clone()),
        Choice::To(header) => header,
    };
    let previous_secrets = before.map_or_else(Vec::new, |before| previous_secrets(before, &secret, now));
    Webhook {
        id: before.map_or_else(|| ids.webhook(now), |before| before.id.clone()),
        owner: owner.clone(),
        kind: WebhookKind::Primary,
        dialect: settings.dialect,
        description: None,
        url: settings.url,
        request: RequestOptions::default(),
        secret,
        secret_known: true,
        previous_secrets,
        signature_header,
        events: EventFilter::All,
        enabled: true,
        retries_max: settings.retries_max,
        timeout_s: settings.timeout_s,
        history_limit: settings.history_limit,
        log_shards: before.map_or(1, |before| before.log_shards),
        log_spread_at: before.and_then(|before| before.log_spread_at),
        health: Health::default(),
        created_at: before.map_or(now, |before| before.created_at),
        updated_at,
    }
}

/// The owner's primary webhook; `None` if it is not set.
///
/// # Errors
/// Where the agent is not registered, or the store fails.
pub async fn primary_webhook(app: &App, tenant: &Tenant, owner: &Owner) -> Result<Option<Webhook>, WebhookError> {
    Ok(registered(&app.store, tenant, owner).await?.primary_webhook())
}

/// Deletes the owner's primary webhook.
///
/// # Errors
/// Where the agent is not registered, the primary webhook is not set, or the store fails.
pub async fn delete_primary_webhook(app: &App, tenant: &Tenant, owner: &Owner) -> Result<(), WebhookError> {
    if app.store.delete_primary_webhook(tenant, owner).await? {
        return Ok(());
    }
    Err(missing(&app.store, tenant, owner).await?)
}
