//! Triggered by the deliveries and retries queues: makes an attempt, logs it, and queues the next where one is due.
//!
//! It knows no dialect. Each step is durable before the last is let go of: the attempt is in the log before the next
//! is queued, and the next is queued before SQS forgets this message. The invocation whose record of an attempt the log
//! took is the one that goes on; one that finds it there already leaves it to the other.

use aws_lambda_events::event::sqs::SqsMessage;
use shared::attempt::{Content, Outcome};
use shared::domain::{Status, Webhook};
use shared::queue::messages::DeliveryMessage;
use shared::queue::{Outgoing, Queue};
use shared::retry::{self, Verdict};
use shared::store::Consistency;
use shared::store::deliveries::Recorded;
use shared::time::Timestamp;

use super::endpoint;
use super::entry::entry;
use super::record;
use crate::app::App;
use crate::fault::Fault;
use crate::function::{Function, each_record};

/// The function.
pub const FUNCTION: Function =
    Function::sqs("pipeline-deliver", |app, event| Box::pin(each_record(app, event, deliver)));

async fn deliver(app: &App, record: &SqsMessage) -> Result<(), Fault> {
    let message: DeliveryMessage = record::message(record)?;
    let now = app.clock.now();
    let is_retry = message.attempt > 1;
    if is_retry && now < message.due_at {
        // A wait longer than SQS's: this was a hop of it.
        return queue(app, &message, now).await;
    }
    // A first attempt's message, seen for the first time, is spared the read.
    let seen_before = record::seen_before(record);
    if (is_retry || seen_before || message.slow_lane) && already_made(app, &message, seen_before, now).await? {
        return Ok(());
    }
    match webhook(app, &message).await? {
        None => give_up(app, message, "The webhook was deleted.").await,
        Some(webhook) if !webhook.enabled => give_up(app, message, "The webhook is disabled.").await,
        Some(webhook) if webhook.health.slow_since.is_some() && !is_retry && !message.slow_lane => {
            // It became slow after the event was fanned out.
            queue(app, &DeliveryMessage { slow_lane: true, due_at: now, ..message }, now).await
        }
        Some(webhook) => make_attempt(app, message, webhook, now).await,
    }
}

/// Whether the log has this attempt already: then this message is a copy, or an earlier invocation stopped after it had
/// logged the attempt. Of the latter the next attempt may not be queued yet, which is made up for.
async fn already_made(app: &App, message: &DeliveryMessage, seen_before: bool, now: Timestamp) -> Result<bool, Fault> {
    let Some((logged, next)) = app.store.delivery(&message.key).await? else { return Ok(false) };
    let ended = logged.status != Status::Pending;
    if logged.attempt_count < message.attempt && !ended {
        return Ok(false);
    }
    let is_this_one = logged.attempt_count == message.attempt;
    if let Some(next) = next.filter(|_| seen_before && is_this_one && !ended) {
        queue(app, &serde_json::from_str(&next)?, now).await?;
    }
    Ok(true)
}

/// The webhook as it is now. The cheaper read may be a moment behind, so what it says against a delivery is asked again.
async fn webhook(app: &App, message: &DeliveryMessage) -> Result<Option<Webhook>, Fault> {
    let (scope, reference) = (&message.key.scope, &message.webhook);
    let found = app.store.webhook(scope, reference, Consistency::Eventual).await?;
    if found.as_ref().is_some_and(|webhook| webhook.enabled) {
        return Ok(found);
    }
    Ok(app.store.webhook(scope, reference, Consistency::Strong).await?)
}

async fn make_attempt(app: &App, message: DeliveryMessage, mut webhook: Webhook, now: Timestamp) -> Result<(), Fault> {
    let content =
        Content { id: &message.key.id, scheme: &message.scheme, headers: &message.headers, body: message.body.get() };
    let outcome = endpoint::try_once(app, &message.key.scope, &mut webhook, content, now).await;
    let ended_at = app.clock.now();
    let answer = outcome.answer();
    let made = retry::Attempt {
        number: message.attempt,
        status: answer.map(|answer| answer.status),
        retry_after: answer.and_then(|answer| answer.retry_after.as_deref()),
    };
    let policy = retry::Policy {
        schedule: &app.settings.retry_schedule,
        retries_max: webhook.retries_max,
        jitter: app.settings.retry_jitter,
    };
    let verdict = retry::verdict(made, policy, ended_at, app.ids.jitter());
    let scope = message.key.scope.clone();
    log_and_go_on(app, message, outcome, verdict, (now, ended_at)).await?;
    endpoint::judge(app, &scope, &mut webhook, verdict, now).await;
    Ok(())
}

/// Logs an attempt that started and ended then, and queues the next one if there is to be one.
async fn log_and_go_on(
    app: &App,
    message: DeliveryMessage,
    outcome: Outcome,
    verdict: Verdict,
    (started_at, ended_at): (Timestamp, Timestamp),
) -> Result<(), Fault> {
    let (status, next_retry_at) = match verdict {
        Verdict::Delivered => (Status::Success, None),
        Verdict::RetryAt(at) => (Status::Pending, Some(at)),
        Verdict::Exhausted | Verdict::Gone => (Status::Failed, None),
    };
    let mut delivery = entry(&message, status, message.attempt);
    delivery.error = outcome.error();
    if let Outcome::Answered(answer) = outcome {
        delivery.http_status = Some(answer.status);
        delivery.response_body = Some(answer.body);
    }
    delivery.last_attempt_at = Some(started_at);
    delivery.next_retry_at = next_retry_at;
    let again = match status {
        Status::Success | Status::Skipped => None,
        Status::Pending | Status::Failed => Some(next_attempt(message, next_retry_at.unwrap_or(ended_at))),
    };
    let kept = again.as_ref().map(serde_json::to_string).transpose()?;
    match (app.store.record(&delivery, kept).await?, status, again) {
        (Recorded::Done, Status::Pending, Some(next)) => queue(app, &next, ended_at).await,
        (Recorded::Done | Recorded::Already, _, _) => Ok(()),
    }
}

/// Ends a delivery whose webhook cannot receive it. It is kept so that it can be sent again.
async fn give_up(app: &App, message: DeliveryMessage, reason: &str) -> Result<(), Fault> {
    let logged = app.store.delivery(&message.key).await?.map(|(logged, _)| logged);
    let mut delivery = logged.unwrap_or_else(|| entry(&message, Status::Failed, message.attempt.saturating_sub(1)));
    delivery.status = Status::Failed;
    delivery.error = Some(reason.to_owned());
    delivery.next_retry_at = None;
    app.store.record(&delivery, Some(serde_json::to_string(&message)?)).await?;
    Ok(())
}

fn next_attempt(mut message: DeliveryMessage, due_at: Timestamp) -> DeliveryMessage {
    message.attempt += 1;
    message.due_at = due_at;
    message
}

/// Puts an attempt into the retries queue, for when it is due or for the longest hop towards it.
async fn queue(app: &App, message: &DeliveryMessage, now: Timestamp) -> Result<(), Fault> {
    let outgoing = Outgoing {
        body: serde_json::to_string(message)?,
        delay: message.due_at.since(now),
        group: message.key.webhook_id.to_string(),
    };
    app.queues.send(Queue::Retries, vec![outgoing]).await?;
    Ok(())
}
