//! An owner's subscriptions: add one, show them, change one, remove one.

use super::{TRIES_MAX, WebhookError, missing, pause, previous_secrets, registered};
use crate::domain::{
    DialectName, EventFilter, Health, Ids, Owner, Place, RequestOptions, Scope, Secret, Webhook, WebhookId, WebhookRef,
};
use crate::store::Store;
use crate::store::subscriptions::{Added, Removed};
use crate::store::webhooks::Replaced;
use crate::time::{Clock, Timestamp};

/// What a dialect adds a subscription with.
#[derive(Debug, Clone)]
pub struct Subscription {
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

/// Adds a subscription to those of the owner.
///
/// # Errors
/// Where the agent is not registered, the owner has `max` already, or the store fails.
pub async fn subscribe(
    store: &Store,
    (now, ids): (Timestamp, &Ids),
    scope: &Scope,
    owner: &Owner,
    subscription: Subscription,
    max: usize,
) -> Result<Webhook, WebhookError> {
    let webhook = Webhook {
        id: subscription.id,
        owner: owner.clone(),
        place: Place::Subscription,
        dialect: subscription.dialect,
        description: subscription.description,
        url: subscription.url,
        request: subscription.request,
        secret: subscription.secret,
        secret_known: subscription.secret_known,
        previous_secrets: Vec::new(),
        signature_header: None,
        events: subscription.events,
        enabled: subscription.enabled,
        retries_max: subscription.retries_max,
        timeout_s: subscription.timeout_s,
        history_limit: 0,
        log_shards: 1,
        health: Health::default(),
        created_at: now,
        updated_at: now,
    };
    for attempt in 0..TRIES_MAX {
        match store.add(scope, &webhook, max).await? {
            Added::Done => return Ok(webhook),
            Added::TooMany => return Err(WebhookError::TooMany(max)),
            Added::NoOwner => return Err(WebhookError::NoSuchAgent),
            Added::Conflict => pause(ids, attempt).await,
        }
    }
    Err(WebhookError::Contended)
}

/// The owner's subscriptions in one dialect, oldest first.
///
/// # Errors
/// Where the agent is not registered, or the store fails.
pub async fn subscriptions(
    store: &Store,
    scope: &Scope,
    owner: &Owner,
    dialect: &str,
) -> Result<Vec<Webhook>, WebhookError> {
    let mut webhooks = registered(store, scope, owner).await?.webhooks;
    webhooks.retain(|webhook| is_subscription(webhook, dialect));
    webhooks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(webhooks)
}

/// One of the owner's subscriptions in one dialect.
///
/// # Errors
/// Where the agent is not registered, it has no such subscription, or the store fails.
pub async fn subscription(
    store: &Store,
    scope: &Scope,
    owner: &Owner,
    dialect: &str,
    id: WebhookId,
) -> Result<Webhook, WebhookError> {
    let reference = WebhookRef { id, owner: owner.clone(), place: Place::Subscription };
    let found = store.webhook(scope, &reference).await?;
    match found.filter(|webhook| is_subscription(webhook, dialect)) {
        Some(webhook) => Ok(webhook),
        None => Err(missing(store, scope, owner).await?),
    }
}

fn is_subscription(webhook: &Webhook, dialect: &str) -> bool {
    webhook.place == Place::Subscription && webhook.dialect.as_str() == dialect
}

/// Changes a subscription to what `change` makes of it; that may be asked again where somebody else was faster. Id, owner
/// and times are not its to change. A secret that it replaces signs for another 24 h.
///
/// # Errors
/// Those of `change`; where the subscription is gone by now, others keep changing it, or the store fails.
pub async fn change<E: From<WebhookError>>(
    store: &Store,
    (clock, ids): (&Clock, &Ids),
    scope: &Scope,
    mut before: Webhook,
    change: impl Fn(Webhook) -> Result<Webhook, E>,
) -> Result<Webhook, E> {
    for attempt in 0..TRIES_MAX {
        let now = clock.now();
        let mut after = change(before.clone())?;
        after.previous_secrets = previous_secrets(&before, &after.secret, now);
        after.health = Health::default();
        after.updated_at = before.next_updated_at(now);
        match store.replace(scope, Some(&before), &after).await.map_err(WebhookError::from)? {
            Replaced::Done => return Ok(after),
            Replaced::NoOwner => return Err(WebhookError::NoSuchAgent.into()),
            Replaced::Conflict => pause(ids, attempt).await,
        }
        let Webhook { id, owner, dialect, .. } = before;
        before = subscription(store, scope, &owner, dialect.as_str(), id).await?;
    }
    Err(WebhookError::Contended.into())
}

/// Removes a subscription.
///
/// # Errors
/// Where it is gone by now, others keep writing at the same moment, or the store fails.
pub async fn unsubscribe(store: &Store, ids: &Ids, scope: &Scope, webhook: &Webhook) -> Result<(), WebhookError> {
    for attempt in 0..TRIES_MAX {
        match store.delete_subscription(scope, &webhook.reference()).await? {
            Removed::Done => return Ok(()),
            Removed::Gone => return Err(missing(store, scope, &webhook.owner).await?),
            Removed::Conflict => pause(ids, attempt).await,
        }
    }
    Err(WebhookError::Contended)
}
