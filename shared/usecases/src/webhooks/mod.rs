//! Use cases on webhooks that more than one dialect has: those of an owner's primary webhook (set, show,
//! remove), and those of its additional webhooks (add, show, list, change, remove).

mod additional;
mod primary;

use std::time::Duration;

pub use self::additional::{
    NewWebhook, add_webhook, additional_webhook, additional_webhooks, remove_additional_webhook, update_webhook,
};
pub use self::primary::{
    Choice, PrimaryWebhookSettings, SecretChoice, primary_webhook, remove_primary_webhook, set_primary_webhook,
};
use clients::store::webhooks::Owned;
use clients::store::{Store, StoreError};
use domain::time::Timestamp;
use domain::{Ids, Owner, PreviousSecret, Secret, Tenant, Webhook};

/// How long a rotated secret still signs.
pub const PREVIOUS_SECRET_VALID: Duration = Duration::from_secs(24 * 60 * 60);

/// Old secrets that sign besides the new one: of a webhook whose secret changes more often within a day, the oldest ends early.
pub const PREVIOUS_SECRETS_MAX: usize = 4;

/// How often a change starts over because somebody else changed the same webhook, or added one, meanwhile.
const TRIES_MAX: u32 = 20;

/// The longest pause before it does; the first ones are shorter.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Why a use case ended without its result.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The agent is not registered in this tenant.
    #[error("the agent is not registered")]
    NoSuchAgent,
    /// The primary webhook is not set, or there is no such additional webhook.
    #[error("no webhook is set")]
    NotSet,
    /// Others kept setting the same webhook.
    #[error("the webhook was set by others {TRIES_MAX} times while this call tried to")]
    Contended,
    /// The owner has as many additional webhooks as it may.
    #[error("there are {0} subscriptions, and no more may be added")]
    TooMany(usize),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a registered owner has; a project always is one.
async fn registered(store: &Store, tenant: &Tenant, owner: &Owner) -> Result<Owned, WebhookError> {
    let owned = store.owned(tenant, owner).await?;
    if owner.agent().is_some() && owned.agent.is_none() { Err(WebhookError::NoSuchAgent) } else { Ok(owned) }
}

/// Why nothing of the owner's is found: the owner is not registered, or what was asked for is not set.
async fn missing(store: &Store, tenant: &Tenant, owner: &Owner) -> Result<WebhookError, StoreError> {
    let exists = store.owner_exists(tenant, owner).await?;
    Ok(if exists { WebhookError::NotSet } else { WebhookError::NoSuchAgent })
}

/// Waits for a moment of chance, so that those who change the same thing at once do not keep meeting.
async fn pause(ids: &Ids, attempt: u32) {
    let longest = Duration::from_millis(10).saturating_mul(attempt + 1).min(PAUSE_MAX);
    tokio::time::sleep(longest.mul_f64(ids.jitter().abs())).await;
}

/// The old secrets that still sign when `secret` takes the place of the webhook's, newest first.
fn previous_secrets(before: &Webhook, secret: &Secret, now: Timestamp) -> Vec<PreviousSecret> {
    let valid_until = now.plus(PREVIOUS_SECRET_VALID);
    let rotated = (before.secret != *secret && before.secret_known)
        .then(|| PreviousSecret { secret: before.secret.clone(), valid_until });
    let older = before.previous_secrets.iter().filter(|older| now < older.valid_until && older.secret != *secret);
    rotated.into_iter().chain(older.cloned()).take(PREVIOUS_SECRETS_MAX).collect()
}
