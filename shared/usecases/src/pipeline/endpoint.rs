//! Makes an attempt, updates its endpoint's health, and disables an endpoint that is gone or fails for too long.
//! `deliver` calls it.

use std::error::Error;
use std::time::Duration;

use domain::endpoint_health::{self, Observation, SLOW_AFTER};
use domain::event_types::WEBHOOK_DISABLED;
use domain::time::Timestamp;
use domain::{Health, Tenant, Webhook};
use rules::retry::NextStep;
use serde_json::json;

use crate::app::App;
use crate::attempt::{Content, Outcome, make_attempt};
use crate::internal_error::InternalError;
use crate::publish::publish_system_event;

/// Makes an attempt. If the endpoint has not answered after `SLOW_AFTER`, its health says slow while the attempt still
/// runs. Its next deliveries then wait in the slow lane, and deliveries to other webhooks overtake them.
pub(super) async fn try_once(
    app: &App,
    tenant: &Tenant,
    webhook: &mut Webhook,
    content: Content<'_>,
    now: Timestamp,
) -> Outcome {
    let (recorded, outcome) = {
        let attempt = make_attempt(&*app.sender, webhook, content, now, Duration::MAX);
        tokio::pin!(attempt);
        if let Ok(outcome) = tokio::time::timeout(SLOW_AFTER, &mut attempt).await {
            return outcome;
        }
        // The attempt goes on meanwhile. Its outcome counts even if this write fails.
        futures::join!(write_observation(app, tenant, webhook, Observation::Slow), attempt)
    };
    match recorded {
        Ok(health) => webhook.health = health,
        Err(error) => log_error(webhook, &error),
    }
    outcome
}

/// Updates an endpoint's health after an attempt that started at `then`. Disables an endpoint that answered 410, or
/// that failed for too long. The attempt is already logged. If an update fails, the endpoint's next attempt makes up
/// for it.
pub(super) async fn update_health(
    app: &App,
    tenant: &Tenant,
    webhook: &mut Webhook,
    next_step: NextStep,
    then: Timestamp,
) {
    if let Err(error) = try_to_update_health(app, tenant, webhook, next_step, then).await {
        log_error(webhook, &error);
    }
}

fn log_error(webhook: &Webhook, error: &InternalError) {
    let error = error as &dyn Error;
    tracing::error!(error, webhook_id = %webhook.id, "a webhook's health could not be updated, or the webhook could not be disabled");
}

async fn try_to_update_health(
    app: &App,
    tenant: &Tenant,
    webhook: &mut Webhook,
    next_step: NextStep,
    then: Timestamp,
) -> Result<(), InternalError> {
    let now = app.clock.now();
    let observation = match next_step {
        NextStep::Delivered if now.since(then) < SLOW_AFTER => Observation::Healthy,
        NextStep::Delivered => Observation::Slow,
        NextStep::RetryAt(_) | NextStep::Exhausted | NextStep::Gone => Observation::Failed,
    };
    webhook.health = write_observation(app, tenant, webhook, observation).await?;
    let has_failed_too_long = |health| endpoint_health::has_failed_too_long(health, app.settings.disable_after, now);
    if next_step == NextStep::Gone {
        disable(app, tenant, webhook, "It answered 410.", |_| true).await
    } else if observation == Observation::Failed && has_failed_too_long(webhook.health) {
        disable(app, tenant, webhook, "It failed for too long without one success.", has_failed_too_long).await
    } else {
        Ok(())
    }
}

/// Writes an endpoint's health if the observation changes it, and returns the health.
async fn write_observation(
    app: &App,
    tenant: &Tenant,
    webhook: &Webhook,
    observation: Observation,
) -> Result<Health, InternalError> {
    let (key, now) = ((tenant.clone(), webhook.reference()), app.clock.now());
    // Several attempts may run at once. The first to end writes the new health for all of them.
    let mut known = app.webhook_cache.get(&key, now).filter(|cached| cached.updated_at == webhook.updated_at);
    let known = known.get_or_insert_with(|| webhook.clone());
    let Some(health) = endpoint_health::after(known.health, observation, now) else { return Ok(known.health) };
    let written = app.store.set_health(tenant, known, health).await;
    if matches!(written, Ok(true)) {
        app.webhook_cache.update(&key, |cached| {
            if cached.updated_at == webhook.updated_at {
                cached.health = health;
            }
        });
    } else {
        // Another attempt was faster, the webhook was changed, or the write failed. So the cached webhook may be wrong.
        app.webhook_cache.remove(&key);
    }
    written?;
    Ok(health)
}

/// Publishes `webhook.disabled` to the project's own webhooks, and then disables the webhook. If a crash comes in
/// between, the event is published again under the same client id, so it is dispatched once. A webhook stays enabled if
/// it was changed since the attempt, or if its health has recovered.
async fn disable(
    app: &App,
    tenant: &Tenant,
    webhook: &Webhook,
    reason: &str,
    calls_for_it: impl Fn(Health) -> bool,
) -> Result<(), InternalError> {
    let found = app.store.webhook(tenant, &webhook.reference()).await?;
    app.webhook_cache.remove(&(tenant.clone(), webhook.reference()));
    let is_same = |found: &Webhook| found.enabled && found.updated_at == webhook.updated_at;
    let Some(found) = found.filter(|found| is_same(found) && calls_for_it(found.health)) else { return Ok(()) };
    let now = app.clock.now();
    let event = json!({
        "type": WEBHOOK_DISABLED,
        "id": format!("{WEBHOOK_DISABLED}/{}/{}", found.id, found.updated_at.millis()),
        "data": {
            "webhook_id": found.id,
            "agent_id": found.owner.agent(),
            "url": found.url,
            "reason": reason,
            "failing_since": found.health.failing_since.map(Timestamp::iso8601),
            "disabled_at": now.iso8601(),
        },
    });
    publish_system_event(app, tenant, &event).await?;
    if app.store.disable(tenant, &found, found.next_updated_at(now)).await? {
        tracing::warn!(webhook_id = %found.id, error = reason, "a webhook was disabled");
    }
    Ok(())
}
