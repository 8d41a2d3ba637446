//! Use cases on webhooks that more than one dialect has: set an owner's slot, show it, remove it; add a subscription.

use std::time::Duration;

use crate::domain::{DialectName, EventFilter, Ids, Owner, Place, PreviousSecret, Scope, Secret, Webhook};
use crate::store::webhooks::{Owned, Replaced};
use crate::store::{Store, StoreError};
use crate::time::{Clock, Timestamp};

/// How long a rotated secret still signs.
pub const PREVIOUS_SECRET_VALID: Duration = Duration::from_secs(24 * 60 * 60);

/// Old secrets that sign besides the new one: of a slot that is set more often within a day, the oldest ends early.
pub const PREVIOUS_SECRETS_MAX: usize = 4;

/// Subscriptions of one owner. Two that are added at the same moment may exceed it by one.
pub const SUBSCRIPTIONS_MAX: usize = 50;

/// How often a set starts over because somebody else set the same slot meanwhile.
const SET_TRIES_MAX: usize = 5;

/// What a dialect sets a slot to.
#[derive(Debug, Clone)]
pub struct SlotSettings {
    /// The dialect.
    pub dialect: DialectName,
    /// Where deliveries go.
    pub url: String,
    /// The secret to sign with from now on.
    pub secret: SecretChoice,
    /// The header for the dialect's signature, where the dialect lets the customer choose.
    pub signature_header: Choice<Option<String>>,
    /// Attempts after the first one.
    pub retries_max: u8,
    /// Seconds that an attempt may take.
    pub timeout_s: u16,
    /// Messages of the conversation that a payload may repeat.
    pub history_limit: u8,
}

/// A slot's next secret.
#[derive(Debug, Clone)]
pub enum SecretChoice {
    /// A new one.
    New,
    /// The one it has; a new one where it is set for the first time.
    KeepOrNew,
    /// The customer's own.
    Given(Secret),
}

/// A setting that a set may leave as it was.
#[derive(Debug, Clone)]
pub enum Choice<T> {
    /// As before; the default where the slot is set for the first time.
    Keep,
    /// This.
    To(T),
}

/// Why a use case ended without its result.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The agent is not registered in this scope.
    #[error("the agent is not registered")]
    NoSuchAgent,
    /// The slot is not set.
    #[error("no webhook is set")]
    NotSet,
    /// Others kept setting the same slot.
    #[error("the slot was set by others {SET_TRIES_MAX} times while this call tried to")]
    Contended,
    /// The owner has as many subscriptions as it may.
    #[error("there are {SUBSCRIPTIONS_MAX} subscriptions, and no more may be added")]
    TooMany,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sets or replaces the owner's slot. It keeps its id, and the time it was first set; the old secret signs for another 24 h.
///
/// # Errors
/// Where the agent is not registered, or the store fails.
pub async fn set_slot(
    store: &Store,
    (clock, ids): (&Clock, &Ids),
    scope: &Scope,
    owner: &Owner,
    settings: SlotSettings,
) -> Result<Webhook, WebhookError> {
    for _ in 0..SET_TRIES_MAX {
        let before = registered(store, scope, owner).await?.slot();
        let webhook = replacement(before.as_ref(), owner, settings.clone(), clock.now(), ids);
        match store.replace(scope, before.as_ref(), &webhook).await? {
            Replaced::Done => return Ok(webhook),
            Replaced::NoOwner => return Err(WebhookError::NoSuchAgent),
            Replaced::Conflict => {}
        }
    }
    Err(WebhookError::Contended)
}

fn replacement(before: Option<&Webhook>, owner: &Owner, settings: SlotSettings, now: Timestamp, ids: &Ids) -> Webhook {
    // Strictly later than before, so that the time tells one setting from the next.
    let updated_at = before.map_or(now, |before| now.max(before.updated_at.plus(Duration::from_millis(1))));
    let secret = match settings.secret {
        SecretChoice::New => ids.secret(),
        SecretChoice::KeepOrNew => before.map_or_else(|| ids.secret(), |before| before.secret.clone()),
        SecretChoice::Given(secret) => secret,
    };
    let signature_header = match settings.signature_header {
        Choice::Keep => before.and_then(|before| before.signature_header.clone()),
        Choice::To(header) => header,
    };
    let rotated = before
        .filter(|before| before.secret != secret)
        .map(|before| PreviousSecret { secret: before.secret.clone(), valid_until: now.plus(PREVIOUS_SECRET_VALID) });
    let older = before.into_iter().flat_map(|before| before.previous_secrets.iter().cloned());
    let older = older.filter(|older| now < older.valid_until && older.secret != secret);
    let previous_secrets = rotated.into_iter().chain(older).take(PREVIOUS_SECRETS_MAX).collect();
    Webhook {
        id: before.map_or_else(|| ids.webhook(now), |before| before.id.clone()),
        owner: owner.clone(),
        place: Place::Slot,
        dialect: settings.dialect,
        description: None,
        url: settings.url,
        secret,
        previous_secrets,
        signature_header,
        events: EventFilter::All,
        enabled: true,
        retries_max: settings.retries_max,
        timeout_s: settings.timeout_s,
        history_limit: settings.history_limit,
        log_shards: before.map_or(1, |before| before.log_shards),
        created_at: before.map_or(now, |before| before.created_at),
        updated_at,
    }
}

/// The owner's slot; `None` where it is not set.
///
/// # Errors
/// Where the agent is not registered, or the store fails.
pub async fn slot(store: &Store, scope: &Scope, owner: &Owner) -> Result<Option<Webhook>, WebhookError> {
    Ok(registered(store, scope, owner).await?.slot())
}

/// What a registered owner has; a project always is one.
async fn registered(store: &Store, scope: &Scope, owner: &Owner) -> Result<Owned, WebhookError> {
    let owned = store.owned(scope, owner).await?;
    if owner.agent().is_some() && owned.agent.is_none() { Err(WebhookError::NoSuchAgent) } else { Ok(owned) }
}

/// Empties the owner's slot.
///
/// # Errors
/// Where the agent is not registered, the slot is not set, or the store fails.
pub async fn remove_slot(store: &Store, scope: &Scope, owner: &Owner) -> Result<(), WebhookError> {
    if store.delete_slot(scope, owner).await? {
        return Ok(());
    }
    if store.owner_exists(scope, owner).await? { Err(WebhookError::NotSet) } else { Err(WebhookError::NoSuchAgent) }
}

/// What a dialect adds a subscription with.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The dialect.
    pub dialect: DialectName,
    /// What the customer calls it.
    pub description: Option<String>,
    /// Where deliveries go.
    pub url: String,
    /// The events it asks for.
    pub events: EventFilter,
    /// Attempts after the first one.
    pub retries_max: u8,
    /// Seconds that an attempt may take.
    pub timeout_s: u16,
}

/// Adds a subscription, with a new secret, to those of the owner.
///
/// # Errors
/// Where the agent is not registered, the owner has [`SUBSCRIPTIONS_MAX`] already, or the store fails.
pub async fn subscribe(
    store: &Store,
    (clock, ids): (&Clock, &Ids),
    scope: &Scope,
    owner: &Owner,
    subscription: Subscription,
) -> Result<Webhook, WebhookError> {
    let owned = registered(store, scope, owner).await?;
    if owned.webhooks.iter().filter(|webhook| webhook.place == Place::Subscription).count() >= SUBSCRIPTIONS_MAX {
        return Err(WebhookError::TooMany);
    }
    let now = clock.now();
    let webhook = Webhook {
        id: ids.webhook(now),
        owner: owner.clone(),
        place: Place::Subscription,
        dialect: subscription.dialect,
        description: subscription.description,
        url: subscription.url,
        secret: ids.secret(),
        previous_secrets: Vec::new(),
        signature_header: None,
        events: subscription.events,
        enabled: true,
        retries_max: subscription.retries_max,
        timeout_s: subscription.timeout_s,
        history_limit: 0,
        log_shards: 1,
        created_at: now,
        updated_at: now,
    };
    match store.replace(scope, None, &webhook).await? {
        Replaced::Done => Ok(webhook),
        Replaced::NoOwner => Err(WebhookError::NoSuchAgent),
        // Its id is new, so nothing can be in its place.
        Replaced::Conflict => Err(WebhookError::Contended),
    }
}
