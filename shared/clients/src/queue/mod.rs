//! The queues: their [`messages`], and sending messages in batches within SQS's limits.

pub mod messages;
mod split_batches;

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{StreamExt, stream};

pub use self::split_batches::{BATCH_MESSAGES_MAX, parts};
use crate::aws::AwsFailure;
use rules::settings::Settings;

/// The longest delay that SQS supports. An attempt with a longer wait waits in the table first.
pub const DELAY_MAX: Duration = Duration::from_secs(15 * 60);

/// The most SQS calls that one send makes at the same time.
const BATCHES_AT_ONCE: usize = 5;

/// The most tries of a batch. Each further try sends only the messages that SQS refused in the last one.
const SEND_TRIES_MAX: u32 = 3;

/// The pause before the second try of a batch. The pause before the third is twice as long.
const SEND_PAUSE: Duration = Duration::from_millis(50);

/// One of the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Published events, for `fan_out`.
    Events,
    /// First attempts, for `deliver`.
    Deliveries,
    /// Later attempts, for `deliver` too.
    Retries,
    /// Steps of longer work, for `run_task`.
    Tasks,
}

/// A message to send.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// JSON of a type in [`messages`].
    pub body: String,
    /// How long SQS hides the message, rounded up to seconds, at most [`DELAY_MAX`].
    pub delay: Duration,
    /// The SQS message group. SQS serves message groups fairly.
    pub group: String,
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// SQS refused the call or could not be reached. SQS may have taken some of the messages.
    #[error("the call to SQS failed: {0}")]
    Unavailable(AwsFailure),
    /// This message is too large for SQS, so no retry can succeed. None of the messages was sent.
    #[error("a message of {bytes} bytes is over SQS's limit of {}", split_batches::BYTES_MAX)]
    TooLarge {
        /// The size of the message's body.
        bytes: usize,
    },
}

/// The queues' URLs, and the SQS client.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    events_url: String,
    deliveries_url: String,
    retries_url: String,
    tasks_url: String,
}

impl Queues {
    /// The queues that the settings name.
    #[must_use]
    pub fn new(client: Client, settings: &Settings) -> Self {
        Self {
            client,
            events_url: settings.events_queue_url.clone(),
            deliveries_url: settings.deliveries_queue_url.clone(),
            retries_url: settings.retries_queue_url.clone(),
            tasks_url: settings.tasks_queue_url.clone(),
        }
    }

    /// Sends all messages, in as few calls as SQS's limits allow. Returns once SQS has all of them.
    ///
    /// # Errors
    /// Where SQS did not take all messages.
    pub async fn send(&self, queue: Queue, messages: Vec<Outgoing>) -> Result<(), QueueError> {
        let url = match queue {
            Queue::Events => &self.events_url,
            Queue::Deliveries => &self.deliveries_url,
            Queue::Retries => &self.retries_url,
            Queue::Tasks => &self.tasks_url,
        };
        let batches = stream::iter(split_batches::batches(messages)?).map(|batch| self.send_batch(url, batch));
        // A batch that fails must not stop the others.
        let sent: Vec<_> = batches.buffer_unordered(BATCHES_AT_ONCE).collect().await;
        sent.into_iter().collect()
    }

    async fn send_batch(&self, url: &str, mut messages: Vec<Outgoing>) -> Result<(), QueueError> {
        let mut tries = 0;
        loop {
            let entries = messages.iter().enumerate().map(|(index, message)| entry(index, message)).collect();
            let request = self.client.send_message_batch().queue_url(url).set_entries(Some(entries));
            let answer = request.send().await.map_err(|error| QueueError::Unavailable(AwsFailure::of(&error)))?;
            // SQS may take some entries of a batch and refuse others, with a 200.
            let Some(refusal) = answer.failed().first() else { return Ok(()) };
            tries += 1;
            if tries == SEND_TRIES_MAX || answer.failed().iter().any(|entry| entry.sender_fault()) {
                let message = refusal.message().unwrap_or_default();
                return Err(QueueError::Unavailable(AwsFailure::new(refusal.code(), message)));
            }
            let refused: Vec<usize> = answer.failed().iter().filter_map(|entry| entry.id().parse().ok()).collect();
            let mut indexes = 0..;
            messages.retain(|_| indexes.next().is_some_and(|index| refused.contains(&index)));
            tokio::time::sleep(SEND_PAUSE * tries).await;
        }
    }
}

fn entry(index: usize, message: &Outgoing) -> SendMessageBatchRequestEntry {
    #[allow(clippy::expect_used, reason = "both required fields are set here")]
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(&message.body)
        .delay_seconds(delay_s(message.delay))
        .message_group_id(&message.group)
        .build()
        .expect("id and body are set")
}

/// `DelaySeconds`, rounded up so that no message arrives a fraction of a second early.
fn delay_s(delay: Duration) -> i32 {
    let delay = delay.min(DELAY_MAX);
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_rounded_up_and_cut_to_what_sqs_takes() {
        assert_eq!(delay_s(Duration::ZERO), 0);
        assert_eq!(delay_s(Duration::from_millis(1)), 1);
        assert_eq!(delay_s(Duration::from_millis(4_999)), 5);
        assert_eq!(delay_s(Duration::from_secs(900)), 900);
        assert_eq!(delay_s(Duration::from_secs(86_400)), 900);
    }
}
