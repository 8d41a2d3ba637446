//! Triggered by the deliveries and retries queues: makes an attempt, logs it, and queues the next attempt if one is
//! due.
//!
//! It knows no dialect. Each step is durable before the previous step is forgotten. `deliver` logs the attempt, then
//! queues the next attempt, and then SQS deletes this message. An attempt is logged with a conditional write. Only the
//! invocation whose write succeeds queues the next attempt. An invocation that finds the attempt in the log already
//! leaves the delivery to the other.

use clients::queue::Outgoing;
use clients::queue::messages::{DeliveryMessage, deliveries_group};
use clients::store::deliveries::Logged;
use domain::time::Timestamp;
use domain::{Delivery, Status, Webhook};
use rules::retry::{self, NextStep};

use super::batch::Batch;
use super::endpoint;
use super::log_entry::log_entry;
use super::process_records::process_records;
use super::queue_record::QueueRecord;
use super::report;
use crate::app::App;
use crate::attempt::{Content, Outcome};
use crate::internal_error::InternalError;

/// Makes the attempts of a batch of messages. Returns the ids of the messages that failed: SQS redelivers them.
pub async fn deliver(app: &App, records: &[QueueRecord]) -> Vec<String> {
    process_records(&Batch::new(app, records.len()), records, deliver_one, Batch::leave).await
}

async fn deliver_one(batch: &Batch<'_>, record: &QueueRecord) -> Result<(), InternalError> {
    let message: DeliveryMessage = record.message()?;
    let app = batch.app;
    let now = app.clock.now();
    let is_retry = message.attempt > 1;
    if is_retry && now < message.due_at {
        // SQS delays a message by at most 15 minutes. A longer wait takes several hops, and this message was one of
        // them.
        return enqueue_attempt(batch, &message, now).await;
    }
    // A first attempt's message that arrives for the first time needs no read of the log: nobody made the attempt yet.
    let is_redelivered = record.is_redelivered();
    if (is_retry || is_redelivered || message.slow_lane) && already_made(batch, &message, is_redelivered, now).await? {
        return Ok(());
    }
    match webhook(batch, &message).await? {
        None => give_up(app, message, "unknown", "The webhook was deleted.").await,
        Some(webhook) if !webhook.enabled => {
            give_up(app, message, webhook.dialect.as_str(), "The webhook is disabled.").await
        }
        Some(webhook) if webhook.health.slow_since.is_some() && !is_retry && !message.slow_lane => {
            // The webhook became slow after the event was fanned out.
            enqueue_attempt(batch, &DeliveryMessage { slow_lane: true, due_at: now, ..message }, now).await
        }
        Some(webhook) => {
            let is_first = !is_retry && !is_redelivered && !message.slow_lane;
            make_attempt(batch, message, webhook, is_first).await
        }
    }
}

/// Whether the log has this attempt already. Then this message is a duplicate, or an earlier invocation stopped after
/// it logged the attempt. Such an invocation may not have queued the next attempt, so a redelivered message queues it
/// now.
async fn already_made(
    batch: &Batch<'_>,
    message: &DeliveryMessage,
    is_redelivered: bool,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let Some((logged, next)) = batch.app.store.delivery(&message.key).await? else { return Ok(false) };
    let ended = logged.status != Status::Pending;
    if logged.attempt_count < message.attempt && !ended {
        return Ok(false);
    }
    let is_this_one = logged.attempt_count == message.attempt;
    if let Some(next) = next.filter(|_| is_redelivered && is_this_one && !ended) {
        enqueue_attempt(batch, &serde_json::from_str(&next)?, now).await?;
    }
    Ok(true)
}

/// The webhook for this attempt. A first attempt may use a webhook read within the last second, but none older than the
/// fan-out's. A later attempt uses an eventually consistent read. If these find no enabled webhook, a strongly
/// consistent read decides.
async fn webhook(batch: &Batch<'_>, message: &DeliveryMessage) -> Result<Option<Webhook>, InternalError> {
    let (tenant, reference) = (&message.key.tenant, &message.webhook);
    let snapshot = message.snapshot.as_ref().filter(|_| message.attempt == 1);
    let found = batch.webhook(tenant, reference, snapshot).await;
    if found.as_ref().is_some_and(|webhook| webhook.enabled) {
        return Ok(found);
    }
    Ok(batch.app.store.webhook(tenant, reference).await?)
}

async fn make_attempt(
    batch: &Batch<'_>,
    message: DeliveryMessage,
    mut webhook: Webhook,
    is_first: bool,
) -> Result<(), InternalError> {
    let app = batch.app;
    let started_at = app.clock.now();
    let content = Content {
        id: &message.key.id,
        signature: &message.signature,
        headers: &message.headers,
        traceparent: message.traceparent.as_ref(),
        body: message.body.get(),
    };
    let outcome = endpoint::try_once(app, &message.key.tenant, &mut webhook, content, started_at).await;
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
    let next_step = retry::next_step(made, policy, ended_at, app.ids.jitter());
    let (logged, traceparent) =
        (logged_delivery(&message, outcome, next_step, started_at), message.traceparent.clone());
    if !(is_first && next_step == NextStep::Delivered && batch.log_success(logged.clone()).await) {
        log_and_go_on(batch, message, &logged, ended_at).await?;
    }
    let attempt = report::Attempt {
        dialect: webhook.dialect.as_str(),
        traceparent: traceparent.as_ref(),
        next_step,
        duration: ended_at.since(started_at),
        latency: ended_at.since(logged.key.created_at),
    };
    report::report_attempt(app, &logged, attempt);
    endpoint::update_health(app, &logged.key.tenant, &mut webhook, next_step, started_at).await;
    Ok(())
}

/// The log entry of a delivery after an attempt.
fn logged_delivery(
    message: &DeliveryMessage,
    outcome: Outcome,
    next_step: NextStep,
    started_at: Timestamp,
) -> Delivery {
    let (status, next_retry_at) = match next_step {
        NextStep::Delivered => (Status::Success, None),
        NextStep::RetryAt(at) => (Status::Pending, Some(at)),
        NextStep::Exhausted | NextStep::Gone => (Status::Failed, None),
    };
    let mut delivery = log_entry(message, status, message.attempt);
    delivery.error = outcome.error();
    if let Outcome::Answered(answer) = outcome {
        delivery.http_status = Some(answer.status);
        delivery.response_body = Some(answer.body);
    }
    delivery.last_attempt_at = Some(started_at);
    delivery.next_retry_at = next_retry_at;
    delivery
}

/// Logs an attempt that ended at `ended_at`, and queues the next attempt if there is one.
async fn log_and_go_on(
    batch: &Batch<'_>,
    message: DeliveryMessage,
    delivery: &Delivery,
    ended_at: Timestamp,
) -> Result<(), InternalError> {
    let again = match delivery.status {
        Status::Success | Status::Skipped => None,
        Status::Pending | Status::Failed => Some(next_attempt(message, delivery.next_retry_at.unwrap_or(ended_at))),
    };
    let kept = again.as_ref().map(serde_json::to_string).transpose()?;
    match (batch.app.store.log_attempt(delivery, kept).await?, delivery.status, again) {
        (Logged::Done, Status::Pending, Some(next)) => enqueue_attempt(batch, &next, ended_at).await,
        (Logged::Done | Logged::AlreadyLogged, _, _) => Ok(()),
    }
}

/// Ends a delivery whose webhook cannot receive it. The log keeps its message, so that it can be sent again.
async fn give_up(app: &App, message: DeliveryMessage, dialect: &str, reason: &str) -> Result<(), InternalError> {
    let message = DeliveryMessage { snapshot: None, ..message };
    let logged = app.store.delivery(&message.key).await?.map(|(logged, _)| logged);
    let mut delivery = logged.unwrap_or_else(|| log_entry(&message, Status::Failed, message.attempt.saturating_sub(1)));
    delivery.status = Status::Failed;
    delivery.error = Some(reason.to_owned());
    delivery.next_retry_at = None;
    app.store.log_attempt(&delivery, Some(serde_json::to_string(&message)?)).await?;
    report::report_given_up(app, &delivery, dialect, message.traceparent.as_ref());
    Ok(())
}

fn next_attempt(message: DeliveryMessage, due_at: Timestamp) -> DeliveryMessage {
    DeliveryMessage { attempt: message.attempt + 1, due_at, snapshot: None, ..message }
}

/// Puts an attempt into the retries queue. SQS delays the message until the attempt is due, at most `DELAY_MAX`.
async fn enqueue_attempt(batch: &Batch<'_>, message: &DeliveryMessage, now: Timestamp) -> Result<(), InternalError> {
    let outgoing = Outgoing {
        body: serde_json::to_string(message)?,
        delay: message.due_at.since(now),
        group: deliveries_group(&message.key),
    };
    batch.send_retries(vec![outgoing]).await
}
