//! Triggered by the deliveries and retries queues: makes an attempt, logs it, and queues the next attempt if one is
//! due.
//!
//! A wait of up to 15 minutes is the message's delay. A delivery that waits longer is parked: it waits in the table, and
//! [`run_task`](super::run_task()) queues its attempt when it is near.
//!
//! It knows no dialect. Each step is durable before the previous step is forgotten. `deliver` logs the attempt, then
//! queues the next attempt, and then SQS deletes this message. An attempt is logged with a conditional write. Only the
//! invocation whose write succeeds queues the next attempt. An invocation that finds the attempt in the log already
//! leaves the delivery to the other.

use std::time::Duration;

use clients::queue::DELAY_MAX;
use clients::queue::messages::DeliveryMessage;
use clients::store::deliveries::{LogEntry, Logged};
use domain::time::Timestamp;
use domain::{Attempt, AttemptTrigger, Delivery, Status, Webhook};
use rules::retry::{self, NextStep};

use super::batch::Batch;
use super::endpoint;
use super::log_entry::{delivery_of, log_entry};
use super::process_records::process_records;
use super::queue_attempt::outgoing;
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
        return wait_longer(batch, &message, now).await;
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
    let Some(stored) = batch.app.store.delivery(&message.key).await? else { return Ok(false) };
    let logged = &stored.delivery;
    let ended = logged.status != Status::Pending;
    if logged.attempt_count < message.attempt && !ended {
        return Ok(false);
    }
    let is_this_one = logged.attempt_count == message.attempt;
    let waits_in_queue = is_redelivered && is_this_one && !ended && !stored.is_parked;
    if let Some(due_at) = logged.next_retry_at.filter(|_| waits_in_queue) {
        enqueue_attempt(batch, &next_attempt(message.clone(), due_at), now).await?;
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
    let duration = ended_at.since(started_at);
    let (logged, traceparent) =
        (delivery_after(&message, outcome, next_step, (started_at, duration)), message.traceparent.clone());
    let is_parked = logged.next_retry_at.is_some_and(|due_at| due_at.since(ended_at) > DELAY_MAX);
    let entry = log_entry(app, &message, logged.clone(), is_parked);
    if !(is_first && next_step == NextStep::Delivered && batch.log_success(entry.clone()).await) {
        log_and_go_on(batch, message, &entry, ended_at).await?;
    }
    let attempt = report::Attempt {
        dialect: webhook.dialect.as_str(),
        traceparent: traceparent.as_ref(),
        next_step,
        duration,
        latency: ended_at.since(logged.key.created_at),
    };
    report::report_attempt(app, &logged, attempt);
    endpoint::update_health(app, &logged.key.tenant, &mut webhook, next_step, started_at).await;
    Ok(())
}

/// A delivery after an attempt. `made` is the attempt's start and its duration.
fn delivery_after(
    message: &DeliveryMessage,
    outcome: Outcome,
    next_step: NextStep,
    made: (Timestamp, Duration),
) -> Delivery {
    let (status, next_retry_at) = match next_step {
        NextStep::Delivered => (Status::Success, None),
        NextStep::RetryAt(at) => (Status::Pending, Some(at)),
        NextStep::Exhausted | NextStep::Gone => (Status::Failed, None),
    };
    let (error, answer) = (outcome.error(), outcome.into_answer());
    let attempt = Attempt {
        number: message.attempt,
        trigger: AttemptTrigger::Automatic,
        at: made.0,
        duration_ms: u32::try_from(made.1.as_millis()).unwrap_or(u32::MAX),
        http_status: answer.as_ref().map(|answer| answer.status),
        error,
        response_headers: answer.as_ref().map(|answer| answer.headers.clone()).unwrap_or_default(),
        response_body: answer.map(|answer| answer.body),
    };
    let delivery = delivery_of(message, status, message.attempt);
    Delivery { attempts: vec![attempt], next_retry_at, ..delivery }
}

/// Logs an attempt that ended at `ended_at`. Queues the next attempt, unless there is none or it is parked.
async fn log_and_go_on(
    batch: &Batch<'_>,
    message: DeliveryMessage,
    entry: &LogEntry,
    ended_at: Timestamp,
) -> Result<(), InternalError> {
    match (batch.app.store.log_attempt(entry).await?, entry.delivery.next_retry_at) {
        (Logged::Done, Some(due_at)) if !entry.is_parked => {
            enqueue_attempt(batch, &next_attempt(message, due_at), ended_at).await
        }
        (Logged::Done | Logged::AlreadyLogged, _) => Ok(()),
    }
}

/// Ends a delivery whose webhook cannot receive it. The log keeps its request, so that it can be sent again.
async fn give_up(app: &App, message: DeliveryMessage, dialect: &str, reason: &str) -> Result<(), InternalError> {
    let mut delivery = delivery_of(&message, Status::Failed, message.attempt.saturating_sub(1));
    delivery.end_reason = Some(reason.to_owned());
    let entry = log_entry(app, &message, delivery, false);
    app.store.log_attempt(&entry).await?;
    report::report_given_up(app, &entry.delivery, dialect, message.traceparent.as_ref());
    Ok(())
}

/// Lets a message wait that SQS delivered before its attempt is due: release 0.1.0 split a long wait into several
/// delays. The rest of a long wait is spent in the table.
async fn wait_longer(batch: &Batch<'_>, message: &DeliveryMessage, now: Timestamp) -> Result<(), InternalError> {
    let is_long = message.due_at.since(now) > DELAY_MAX;
    if is_long && batch.app.store.park(&message.key, message.attempt, message.due_at).await? {
        return Ok(());
    }
    enqueue_attempt(batch, message, now).await
}

fn next_attempt(message: DeliveryMessage, due_at: Timestamp) -> DeliveryMessage {
    DeliveryMessage { attempt: message.attempt + 1, due_at, snapshot: None, ..message }
}

/// Puts an attempt into the retries queue. SQS delays the message until the attempt is due.
async fn enqueue_attempt(batch: &Batch<'_>, message: &DeliveryMessage, now: Timestamp) -> Result<(), InternalError> {
    batch.send_retries(vec![outgoing(message, message.due_at.since(now))?]).await
}
