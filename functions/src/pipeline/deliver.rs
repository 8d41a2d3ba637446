//! Triggered by the deliveries and retries queues: makes an attempt, logs it, and queues the next where one is due.
//!
//! It knows no dialect. Each step is durable before the last is let go of: the attempt is in the log before the next
//! is queued, and the next is queued before SQS forgets this message. The invocation whose record of an attempt the log
//! took is the one that goes on; one that finds it there already leaves it to the other.

use aws_lambda_events::event::sqs::SqsMessage;
use shared::attempt::{Content, Outcome, attempt};
use shared::domain::{Delivery, Status, Webhook};
use shared::queue::messages::DeliveryMessage;
use shared::queue::{Outgoing, Queue};
use shared::retry::{self, Verdict};
use shared::store::Consistency;
use shared::store::deliveries::Recorded;
use shared::time::Timestamp;

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
    if now < message.due_at {
        // A wait longer than SQS's: this was a hop of it.
        return queue(app, &message, now).await;
    }
    if record::seen_before(record) && resume(app, &message, now).await? {
        return Ok(());
    }
    match app.store.webhook(&message.key.scope, &message.webhook, Consistency::Eventual).await? {
        None => give_up(app, message, "The webhook was deleted.").await,
        Some(webhook) if !webhook.enabled => give_up(app, message, "The webhook is disabled.").await,
        Some(webhook) => make_attempt(app, message, &webhook, now).await,
    }
}

/// Goes on where an earlier invocation with the same message stopped after it had logged the attempt. `false` where it
/// had not come that far.
async fn resume(app: &App, message: &DeliveryMessage, now: Timestamp) -> Result<bool, Fault> {
    let Some((logged, next)) = app.store.delivery(&message.key).await? else { return Ok(false) };
    if logged.attempt_count < message.attempt {
        return Ok(false);
    }
    if let (Status::Pending, true, Some(next)) = (logged.status, logged.attempt_count == message.attempt, next) {
        queue(app, &serde_json::from_str(&next)?, now).await?;
    }
    Ok(true)
}

async fn make_attempt(app: &App, message: DeliveryMessage, webhook: &Webhook, now: Timestamp) -> Result<(), Fault> {
    let content =
        Content { id: &message.key.id, scheme: message.scheme, headers: &message.headers, body: message.body.get() };
    let outcome = attempt(&app.sender, webhook, content, now, std::time::Duration::MAX).await;
    let ended_at = app.clock.now();
    let verdict = retry::verdict(
        retry::Attempt { number: message.attempt, status: outcome.status, retry_after: outcome.retry_after.as_deref() },
        retry::Policy {
            schedule: &app.settings.retry_schedule,
            retries_max: webhook.retries_max,
            jitter: app.settings.retry_jitter,
        },
        ended_at,
        app.ids.jitter(),
    );
    log_and_go_on(app, message, outcome, verdict, (now, ended_at)).await
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
        Verdict::Exhausted => (Status::Failed, None),
    };
    let mut delivery = entry(&message, status, message.attempt);
    delivery.http_status = outcome.status;
    delivery.error = outcome.error;
    delivery.response_body = outcome.response_body;
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

fn entry(message: &DeliveryMessage, status: Status, attempt_count: u32) -> Delivery {
    Delivery {
        key: message.key.clone(),
        event_id: message.event_id.clone(),
        event_type: message.event_type.clone(),
        agent_id: message.agent_id.clone(),
        message_id: message.message_id.clone(),
        channel: message.channel.clone(),
        status,
        attempt_count,
        http_status: None,
        error: None,
        response_body: None,
        last_attempt_at: None,
        next_retry_at: None,
    }
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
