//! What an attempt means for its endpoint: how it is doing, and whether it is to be disabled. `deliver` asks.

use std::error::Error;
use std::time::Duration;

use serde_json::json;
use shared::attempt::{Content, Outcome, attempt};
use shared::domain::{Health, Scope, Webhook};
use shared::health::{self, Impression, SLOW_AFTER};
use shared::retry::Verdict;
use shared::time::Timestamp;

use super::publish_events::publish_own;
use crate::app::App;
use crate::fault::Fault;

/// The event that tells the project's own webhooks that one was disabled.
const DISABLED_EVENT: &str = "webhook.disabled";

/// Makes an attempt. An endpoint that lets it wait is noted as slow while it still does: what comes next for it then waits
/// in the slow lane, and what is for others goes by.
pub(super) async fn try_once(
    app: &App,
    scope: &Scope,
    webhook: &mut Webhook,
    content: Content<'_>,
    now: Timestamp,
) -> Outcome {
    let (noted, outcome) = {
        let attempt = attempt(&app.sender, webhook, content, now, Duration::MAX);
        tokio::pin!(attempt);
        if let Ok(outcome) = tokio::time::timeout(SLOW_AFTER, &mut attempt).await {
            return outcome;
        }
        // The attempt goes on meanwhile, and counts whatever becomes of the note.
        futures::join!(note(app, scope, webhook, Impression::Slow), attempt)
    };
    match noted {
        Ok(health) => webhook.health = health,
        Err(fault) => log_fault(&fault),
    }
    outcome
}

/// Writes down what an attempt that started `then` says of its endpoint, and disables one that is gone or hopeless. The
/// attempt is logged already: what cannot be done now is done after the endpoint's next one.
pub(super) async fn judge(app: &App, scope: &Scope, webhook: &mut Webhook, verdict: Verdict, then: Timestamp) {
    if let Err(fault) = try_to_judge(app, scope, webhook, verdict, then).await {
        log_fault(&fault);
    }
}

fn log_fault(fault: &Fault) {
    tracing::error!(error = fault as &dyn Error, "what an attempt says of its endpoint could not be written");
}

async fn try_to_judge(
    app: &App,
    scope: &Scope,
    webhook: &mut Webhook,
    verdict: Verdict,
    then: Timestamp,
) -> Result<(), Fault> {
    let now = app.clock.now();
    let impression = match verdict {
        Verdict::Delivered if now.since(then) < SLOW_AFTER => Impression::Well,
        Verdict::Delivered => Impression::Slow,
        Verdict::RetryAt(_) | Verdict::Exhausted | Verdict::Gone => Impression::Failed,
    };
    webhook.health = note(app, scope, webhook, impression).await?;
    let is_hopeless = |health| health::is_hopeless(health, app.settings.disable_after, now);
    if verdict == Verdict::Gone {
        disable(app, scope, webhook, "It answered 410.", |_| true).await
    } else if impression == Impression::Failed && is_hopeless(webhook.health) {
        disable(app, scope, webhook, "It failed for too long without one success.", is_hopeless).await
    } else {
        Ok(())
    }
}

/// Writes an endpoint's health where it changes; returns what it is now.
async fn note(app: &App, scope: &Scope, webhook: &Webhook, impression: Impression) -> Result<Health, Fault> {
    let (place, now) = ((scope.clone(), webhook.reference()), app.clock.now());
    // Of the attempts that are made at once, the first to end writes down what they all found.
    let mut known = app.recent_webhooks.get(&place, now).filter(|recent| recent.updated_at == webhook.updated_at);
    let known = known.get_or_insert_with(|| webhook.clone());
    let Some(health) = health::after(known.health, impression, now) else { return Ok(known.health) };
    let written = app.store.set_health(scope, known, health).await;
    if matches!(written, Ok(true)) {
        app.recent_webhooks.change(&place, |recent| {
            if recent.updated_at == webhook.updated_at {
                recent.health = health;
            }
        });
    } else {
        // Another attempt was faster, or it is another webhook by now, or nobody knows.
        app.recent_webhooks.forget(&place);
    }
    written?;
    Ok(health)
}

/// Tells the project's own webhooks, and then disables: what is interrupted in between is told again under the same id,
/// and so once. It is left alone where it was changed since the attempt, or its health does not call for it any more.
async fn disable(
    app: &App,
    scope: &Scope,
    webhook: &Webhook,
    reason: &str,
    calls_for_it: impl Fn(Health) -> bool,
) -> Result<(), Fault> {
    let found = app.store.webhook(scope, &webhook.reference()).await?;
    app.recent_webhooks.forget(&(scope.clone(), webhook.reference()));
    let is_same = |found: &Webhook| found.enabled && found.updated_at == webhook.updated_at;
    let Some(found) = found.filter(|found| is_same(found) && calls_for_it(found.health)) else { return Ok(()) };
    let now = app.clock.now();
    let event = json!({
        "type": DISABLED_EVENT,
        "id": format!("{DISABLED_EVENT}/{}/{}", found.id, found.updated_at.millis()),
        "data": {
            "webhook_id": found.id,
            "agent_id": found.owner.agent(),
            "url": found.url,
            "reason": reason,
            "failing_since": found.health.failing_since.map(Timestamp::iso8601),
            "disabled_at": now.iso8601(),
        },
    });
    publish_own(app, scope, &event).await?;
    if app.store.disable(scope, &found, found.next_updated_at(now)).await? {
        tracing::warn!(webhook_id = %found.id, error = reason, "a webhook was disabled");
    }
    Ok(())
}
