//! What an attempt means for its endpoint: how it is doing, and whether it is to be disabled. `deliver` asks.

use std::error::Error;
use std::time::Duration;

use crate::attempt::{Content, Outcome, attempt};
use domain::endpoint_health::{self, Observation, SLOW_AFTER};
use domain::event_types::WEBHOOK_DISABLED;
use domain::time::Timestamp;
use domain::{Health, Tenant, Webhook};
use rules::retry::NextStep;
use serde_json::json;

use crate::app::App;
use crate::internal_error::InternalError;
use crate::publish::publish_own_event;

/// Makes an attempt. An endpoint that lets it wait is noted as slow while it still does: what comes next for it then waits
/// in the slow lane, and what is for others goes by.
pub(super) async fn try_once(
    app: &App,
    tenant: &Tenant,
    webhook: &mut Webhook,
    content: Content<'_>,
    now: Timestamp,
) -> Outcome {
    let (noted, outcome) = {
        let attempt = attempt(&*app.sender, webhook, content, now, Duration::MAX);
        tokio::pin!(attempt);
        if let Ok(outcome) = tokio::time::timeout(SLOW_AFTER, &mut attempt).await {
            return outcome;
        }
        // The attempt goes on meanwhile, and counts whatever becomes of the note.
        futures::join!(write_observation(app, tenant, webhook, Observation::Slow), attempt)
    };
    match noted {
        Ok(health) => webhook.health = health,
        Err(fault) => log_fault(&fault),
    }
    outcome
}

/// Writes down what an attempt that started `then` says of its endpoint, and disables one that is gone or hopeless. The
/// attempt is logged already: what cannot be done now is done after the endpoint's next one.
pub(super) async fn update_health(
    app: &App,
    tenant: &Tenant,
    webhook: &mut Webhook,
    next_step: NextStep,
    then: Timestamp,
) {
    if let Err(fault) = try_to_update_health(app, tenant, webhook, next_step, then).await {
        log_fault(&fault);
    }
}

fn log_fault(fault: &InternalError) {
    tracing::error!(error = fault as &dyn Error, "what an attempt says of its endpoint could not be written");
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

/// Writes an endpoint's health where it changes; returns what it is now.
async fn write_observation(
    app: &App,
    tenant: &Tenant,
    webhook: &Webhook,
    observation: Observation,
) -> Result<Health, InternalError> {
    let (place, now) = ((tenant.clone(), webhook.reference()), app.clock.now());
    // Of the attempts that are made at once, the first to end writes down what they all found.
    let mut known = app.webhook_cache.get(&place, now).filter(|recent| recent.updated_at == webhook.updated_at);
    let known = known.get_or_insert_with(|| webhook.clone());
    let Some(health) = endpoint_health::after(known.health, observation, now) else { return Ok(known.health) };
    let written = app.store.set_health(tenant, known, health).await;
    if matches!(written, Ok(true)) {
        app.webhook_cache.change(&place, |recent| {
            if recent.updated_at == webhook.updated_at {
                recent.health = health;
            }
        });
    } else {
        // Another attempt was faster, or it is another webhook by now, or nobody knows.
        app.webhook_cache.forget(&place);
    }
    written?;
    Ok(health)
}

/// Tells the project's own webhooks, and then disables: what is interrupted in between is told again under the same id,
/// and so once. It is left alone where it was changed since the attempt, or its health does not call for it any more.
async fn disable(
    app: &App,
    tenant: &Tenant,
    webhook: &Webhook,
    reason: &str,
    calls_for_it: impl Fn(Health) -> bool,
) -> Result<(), InternalError> {
    let found = app.store.webhook(tenant, &webhook.reference()).await?;
    app.webhook_cache.forget(&(tenant.clone(), webhook.reference()));
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
    publish_own_event(app, tenant, &event).await?;
    if app.store.disable(tenant, &found, found.next_updated_at(now)).await? {
        tracing::warn!(webhook_id = %found.id, error = reason, "a webhook was disabled");
    }
    Ok(())
}
