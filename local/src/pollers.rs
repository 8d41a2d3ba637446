//! Event source mappings, as Lambda runs them. A poller receives a batch, invokes the function, and deletes the
//! messages that the answer does not report as failed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName};
use functions::find_function;
use functions::function::{self, QueueHandler};
use functions::lambda::invoke_queue;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use usecases::app::App;

use crate::backlogs::{self, Backlogs};
use crate::ramp::Ramp;
use crate::template::{Template, Trigger};
use crate::{aws, invoke, provision};

/// How long one receive waits for a message: short, so that a stop does not take long.
const RECEIVE_WAIT_S: i32 = 1;

/// The pause after a receive that failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// How often the length of a queue with a backlog is measured.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);

/// The pause while a queue that the function fills is long.
const BACKLOG_PAUSE: Duration = Duration::from_millis(100);

/// The function behind one queue.
#[derive(Clone)]
struct Mapping {
    app: Arc<App>,
    sqs: Client,
    name: &'static str,
    handler: QueueHandler,
    timeout: Duration,
    queue: String,
    queue_url: String,
    queue_arn: String,
    batch_size: i32,
    concurrency_max: Option<usize>,
    backlogs: Backlogs,
    /// The other queues into which the function sends.
    filled: Vec<String>,
}

/// Polls every queue that triggers a function, until `stop`. The returned tasks end once their batches are done.
pub(crate) async fn start(
    template: &Template,
    references: &BTreeMap<String, String>,
    sqs: &Client,
    app: &Arc<App>,
    stop: &CancellationToken,
) -> Result<JoinSet<()>> {
    let (mut tasks, lengths) = (JoinSet::new(), Backlogs::of(template));
    for function in template.functions.values() {
        let known = find_function::by_name(&function.name);
        let Some((name, function::Trigger::Queues(_, handler))) = known.map(|known| (known.name, known.trigger)) else {
            continue;
        };
        for trigger in &function.triggers {
            let Trigger::Queue { queue, batch_size, concurrency_max } = trigger else { continue };
            let queue_url = references.get(queue).with_context(|| format!("no queue {queue}"))?.clone();
            let mapping = Mapping {
                app: app.clone(),
                sqs: sqs.clone(),
                name,
                handler,
                timeout: function.timeout,
                queue_arn: invoke::as_function(name, provision::queue_arn(sqs, &queue_url)).await?,
                queue: queue.clone(),
                queue_url,
                batch_size: *batch_size,
                concurrency_max: *concurrency_max,
                backlogs: lengths.clone(),
                filled: backlogs::filled_by(function, queue),
            };
            tasks.spawn(invoke::as_function(name, poll(mapping, stop.clone())));
        }
    }
    Ok(tasks)
}

async fn poll(mapping: Mapping, stop: CancellationToken) {
    let mut ramp = Ramp::new(mapping.concurrency_max);
    let mut invocations = JoinSet::new();
    let mut measures_at = Instant::now();
    while !stop.is_cancelled() {
        while invocations.try_join_next().is_some() {}
        if invocations.len() >= ramp.limit() {
            let now = Instant::now();
            if measures_at <= now {
                mapping.measure().await;
                measures_at = now + MEASURE_INTERVAL;
            }
            let grows_at = ramp.is_exhausted(now).unwrap_or(measures_at);
            if invocations.len() >= ramp.limit() {
                wait_for_a_place(&mut invocations, grows_at, &stop).await;
            }
            continue;
        }
        if mapping.backlogs.is_any_long(&mapping.filled) {
            stop.run_until_cancelled(tokio::time::sleep(BACKLOG_PAUSE)).await;
            continue;
        }
        match mapping.receive().await {
            Ok(messages) if messages.is_empty() => {
                ramp.is_empty();
                mapping.backlogs.record(&mapping.queue, 0);
            }
            Ok(messages) => {
                let mapping = mapping.clone();
                invocations.spawn(invoke::as_function(mapping.name, async move { mapping.work(messages).await }));
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a queue could not be polled");
                tokio::time::sleep(FAILURE_PAUSE).await;
            }
        }
    }
    while invocations.join_next().await.is_some() {}
}

/// Waits until an invocation ends, or until `deadline`.
async fn wait_for_a_place(invocations: &mut JoinSet<()>, deadline: Instant, stop: &CancellationToken) {
    let place = tokio::time::timeout_at(deadline.into(), invocations.join_next());
    drop(stop.run_until_cancelled(place).await);
}

impl Mapping {
    /// Records how many messages wait in the queue. If the queue does not answer, its last length stays.
    async fn measure(&self) {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let call = self.sqs.get_queue_attributes().queue_url(&self.queue_url).attribute_names(name.clone()).send();
        let attributes = call.await.ok().and_then(|answer| answer.attributes);
        if let Some(waiting) = attributes.and_then(|all| all.get(&name)?.parse().ok()) {
            self.backlogs.record(&self.queue, waiting);
        }
    }

    async fn receive(&self) -> Result<Vec<Message>> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(self.batch_size)
            .wait_time_seconds(RECEIVE_WAIT_S)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await?;
        Ok(received.messages.unwrap_or_default())
    }

    /// Invokes the function with a batch. If the invocation fails, SQS shows the whole batch again.
    async fn work(&self, messages: Vec<Message>) {
        let (app, handler, event) = (self.app.clone(), self.handler, self.event(&messages));
        let answer =
            invoke::run_invocation(self.name, self.timeout, async move { invoke_queue(&app, handler, event).await })
                .await;
        let Some(answer) = answer else { return };
        if let Err(error) = self.delete(&messages, &answer).await {
            tracing::error!(error = format!("{error:#}"), "messages could not be deleted");
        }
    }

    /// The event with which Lambda passes messages to a function.
    fn event(&self, messages: &[Message]) -> SqsEvent {
        let mut event = SqsEvent::default();
        event.records = messages.iter().map(|message| self.record(message)).collect();
        event
    }

    fn record(&self, message: &Message) -> SqsMessage {
        let attributes = message.attributes().into_iter().flatten();
        let mut record = SqsMessage::default();
        record.message_id = message.message_id.clone();
        record.receipt_handle = message.receipt_handle.clone();
        record.body = message.body.clone();
        record.md5_of_body = message.md5_of_body.clone();
        record.attributes = attributes.map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
        record.event_source = Some("aws:sqs".to_owned());
        record.event_source_arn = Some(self.queue_arn.clone());
        record.aws_region = Some(aws::REGION.to_owned());
        record
    }

    async fn delete(&self, messages: &[Message], answer: &SqsBatchResponse) -> Result<()> {
        let failed: HashSet<&str> =
            answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
        let done = messages.iter().filter(|message| !failed.contains(message.message_id().unwrap_or_default()));
        let entries: Vec<_> = done
            .enumerate()
            .map(|(index, message)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(message.receipt_handle().unwrap_or_default())
                    .build()
            })
            .collect::<Result<_, _>>()?;
        if !entries.is_empty() {
            self.sqs.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send().await?;
        }
        Ok(())
    }
}
