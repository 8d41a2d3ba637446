//! Use cases on webhooks that several dialects share. A primary webhook can be set, shown and deleted. Additional
//! webhooks can be added, shown, listed, changed and deleted.

mod additional;
mod primary;

use std::time::Duration;

pub use self::additional::{
    NewWebhook, add_additional_webhook, additional_webhook, additional_webhooks, delete_additional_webhook,
    update_additional_webhook,
};
pub use self::primary::{
    Choice, PrimaryWebhookSettings, SecretChoice, delete_primary_webhook, primary_webhook, set_primary_webhook,
};
use clients::store::webhooks::Owned;
use clients::store::{Store, StoreError};
use domain::time::Timestamp;
use domain::{Ids, Owner, PreviousSecret, Secret, Tenant, Webhook};

/// How long an old secret still signs after a rotation.
pub const PREVIOUS_SECRET_VALID: Duration = Duration::from_secs(24 * 60 * 60);

/// Old secrets that sign besides the new secret. If a secret changes more often than that within 24 hours, the oldest
/// stops signing early.
pub const PREVIOUS_SECRETS_MAX: usize = 4;

/// How often a change is tried while others change or add webhooks at the same time.
const TRIES_MAX: u32 = 20;

/// The longest pause between two tries. The first pauses are shorter.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The agent is not registered in this tenant.
    #[error("the agent is not registered")]
    NoSuchAgent,
    /// The primary webhook is not set, or the additional webhook does not exist.
    #[error("no webhook is set")]
    NotSet,
    /// Others changed the same webhook at every try.
    #[error("others changed the webhook at each of {TRIES_MAX} tries")]
    Contended,
    /// The owner has as many additional webhooks as allowed.
    #[error("the owner has {0} additional webhooks, and no more may be added")]
    TooMany(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A registered owner's agent and webhooks. A project is always registered.
async fn registered(store: &Store, tenant: &Tenant, owner: &Owner) -> Result<Owned, WebhookError> {
    let owned = store.owned(tenant, owner).await?;
    if owner.agent().is_some() && owned.agent.is_none() { Err(WebhookError::NoSuchAgent) } else { Ok(owned) }
}

/// Why a webhook was not found: its owner is not registered, or the webhook is not set.
async fn missing(store: &Store, tenant: &Tenant, owner: &Owner) -> Result<WebhookError, StoreError> {
    let exists = store.owner_exists(tenant, owner).await?;
    Ok(if exists { WebhookError::NotSet } else { WebhookError::NoSuchAgent })
}

/// Waits for a random time, so that concurrent changes of the same webhook do not collide again.
async fn pause(ids: &Ids, attempt: u32) {
    let longest = Duration::from_millis(10).saturating_mul(attempt + 1).min(PAUSE_MAX);
    tokio::time::sleep(longest.mul_f64(ids.jitter().abs())).await;
}

/// The old secrets that still sign once `secret` replaces the webhook's secret, newest first.
fn previous_secrets(before: &Webhook, secret: &Secret, now: Timestamp) -> Vec<PreviousSecret> {
    let valid_until = now.plus(PREVIOUS_SECRET_VALID);
    let rotated = (before.secret != *secret && before.secret_known)
        .then(|| PreviousSecret { secret: before.secret.clone(), valid_until });
    let older = before.previous_secrets.iter().filter(|older| now < older.valid_until && older.secret != *secret);
    rotated.into_iter().chain(older.cloned()).take(PREVIOUS_SECRETS_MAX).collect()
}
