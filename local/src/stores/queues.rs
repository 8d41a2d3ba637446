//! The queues of the embedded SQS. winterbaume's state has their attributes, and [`Messages`] has their messages.

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use anyhow::Result as StartResult;
use domain::time::Clock;
use winterbaume_core::default_account_id;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{MessageAttribute, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsState};

use super::journal::{Change, Journal};
use super::messages::{Handle, Messages, Place, Received};
use crate::aws::REGION;

/// The queues.
pub(super) struct Queues {
    /// The queues' attributes. Calls that change neither queues nor messages use them directly.
    pub(super) state: SqsState,
    messages: HashMap<String, Messages>,
    next_place: Place,
    /// The changes that the journal does not have yet, in their order. `None` without a journal.
    changes: Option<Vec<Change>>,
    /// The memory of a queue beyond which the journal alone keeps new bodies.
    bodies_bytes_max: usize,
}

impl Queues {
    /// The queues of the journal, with their messages.
    pub(super) fn open(journal: Option<&Journal>, bodies_bytes_max: usize) -> StartResult<Self> {
        let mut queues = Self {
            state: SqsState::default(),
            messages: HashMap::new(),
            next_place: 1,
            changes: None,
            bodies_bytes_max,
        };
        if let Some(journal) = journal {
            for (name, attributes) in journal.queues()? {
                queues.create((default_account_id(), REGION), &name, &attributes, None)?;
            }
            journal.for_each(|kept| {
                queues.next_place = kept.place + 1;
                if let Some(messages) = queues.messages.get_mut(&kept.queue) {
                    messages.add(kept.place, kept.message, false);
                }
            })?;
            queues.changes = Some(Vec::new());
        }
        Ok(queues)
    }

    /// Takes the changes that the journal has to write.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        self.changes.as_mut().map(mem::take).unwrap_or_default()
    }

    fn changed(&mut self, change: impl FnOnce() -> Change) {
        if let Some(changes) = &mut self.changes {
            changes.push(change());
        }
    }

    fn messages(&mut self, queue: &str) -> Result<&mut Messages, SqsError> {
        self.messages.get_mut(queue).ok_or(SqsError::NonExistentQueue)
    }

    pub(super) fn create(
        &mut self,
        (account, region): (&str, &str),
        name: &str,
        attributes: &HashMap<String, String>,
        tags: Option<&HashMap<String, String>>,
    ) -> Result<Queue, SqsError> {
        let queue = self.state.create_queue(name, region, account, attributes, tags)?.clone();
        self.messages.entry(name.to_owned()).or_default();
        self.changed(|| Change::PutQueue { name: name.to_owned(), attributes: attributes.clone() });
        Ok(queue)
    }

    pub(super) fn delete_queue(&mut self, name: &str) -> Result<(), SqsError> {
        self.state.delete_queue(name)?;
        self.messages.remove(name);
        self.changed(|| Change::RemoveQueue { name: name.to_owned() });
        Ok(())
    }

    pub(super) fn purge(&mut self, name: &str) -> Result<(), SqsError> {
        *self.messages(name)? = Messages::default();
        self.changed(|| Change::Purge { name: name.to_owned() });
        Ok(())
    }

    /// A queue's attributes, with the numbers of its messages.
    pub(super) fn attributes(&self, name: &str) -> Result<HashMap<String, String>, SqsError> {
        let mut attributes = self.state.get_queue_attributes(name)?;
        if let Some(messages) = self.messages.get(name) {
            let counts = messages.counts(now_ms());
            let mut report = |name: &str, count: usize| attributes.insert(name.to_owned(), count.to_string());
            report("ApproximateNumberOfMessages", counts.visible);
            report("ApproximateNumberOfMessagesNotVisible", counts.in_flight);
            report("ApproximateNumberOfMessagesDelayed", counts.delayed);
        }
        Ok(attributes)
    }

    /// The memory that a queue's messages take, at most.
    pub(super) fn memory_bytes(&self, queue: &str) -> usize {
        self.messages.get(queue).map_or(0, Messages::memory_bytes)
    }

    pub(super) fn send(
        &mut self,
        queue: &str,
        body: &str,
        delay_seconds: Option<u32>,
        attributes: HashMap<String, MessageAttribute>,
        (group, deduplication): (Option<&str>, Option<&str>),
    ) -> Result<SendMessageOutput, SqsError> {
        let sent = self.state.send_message(queue, body, delay_seconds, attributes, group, deduplication)?;
        // winterbaume's state adds no message that repeats another one of a FIFO queue.
        if let Some(mut message) = self.state.queues.get_mut(queue).and_then(|queue| queue.messages.pop()) {
            let place = self.next_place;
            self.next_place += 1;
            let has_body = self.changes.is_none() || self.memory_bytes(queue) < self.bodies_bytes_max;
            let message_for_journal = || Box::new(message.clone());
            self.changed(|| Change::Put { place, queue: queue.to_owned(), message: message_for_journal() });
            if !has_body {
                message.body = String::new();
            }
            self.messages(queue)?.add(place, message, has_body);
        }
        Ok(SendMessageOutput { message_id: sent.message_id, body_md5: sent.body_md5 })
    }

    /// Receives up to `max` messages. Messages that were received too often move to the dead-letter queue.
    pub(super) fn receive(
        &mut self,
        queue: &str,
        max: usize,
        visibility_s: Option<u32>,
    ) -> Result<Vec<Received>, SqsError> {
        let settings = self.state.queues.get(queue).ok_or(SqsError::NonExistentQueue)?;
        let visibility_s = visibility_s.unwrap_or(settings.queue.visibility_timeout);
        let receives_max = receives_max(settings.redrive_policy.as_deref());
        let dead_letters = settings.dead_letter_target_arn.as_deref().and_then(|arn| arn.rsplit(':').next());
        let dead_letters = dead_letters.map(str::to_owned);
        let now_ms = now_ms();
        let mut received = Vec::new();
        while received.len() < max
            && let Some(found) = self.messages(queue)?.receive(now_ms, after(now_ms, visibility_s))
        {
            let (place, receives) = (found.place, found.message.approximate_receive_count);
            if receives_max.is_some_and(|max| receives > max) {
                self.move_message(queue, place, dead_letters.as_deref())?;
            } else {
                self.changed(|| Change::Received { place, receives });
                received.push(found);
            }
        }
        Ok(received)
    }

    /// Moves a message to the dead-letter queue. If there is none, the message is lost, as on AWS.
    fn move_message(&mut self, queue: &str, place: Place, target: Option<&str>) -> Result<(), SqsError> {
        let Some(Received { mut message, lacks_body, .. }) = self.messages(queue)?.remove(place) else { return Ok(()) };
        match target.and_then(|target| Some((target, self.messages.get_mut(target)?))) {
            Some((target, messages)) => {
                message.receipt_handle = None;
                message.approximate_receive_count = 0;
                message.approximate_first_receive_timestamp = None;
                message.visible_at = now_ms();
                messages.add(place, message, !lacks_body);
                self.changed(|| Change::Moved { place, queue: target.to_owned() });
            }
            None => self.changed(|| Change::Remove { place }),
        }
        Ok(())
    }

    /// The time until the queue has a visible message, or zero if it has one now. `None` if the queue is empty.
    pub(super) fn next_visible_in(&self, queue: &str) -> Option<Duration> {
        self.messages.get(queue)?.next_visible_in(now_ms())
    }

    /// Deletes a message. A message that is already deleted is no error.
    pub(super) fn delete(&mut self, queue: &str, receipt_handle: &str) -> Result<(), SqsError> {
        let handle = parse(receipt_handle)?;
        let messages = self.messages(queue)?;
        if let Some(place) = messages.find(&handle) {
            messages.remove(place);
            self.changed(|| Change::Remove { place });
        }
        Ok(())
    }

    /// Changes for how long a message stays hidden.
    pub(super) fn change_visibility(
        &mut self,
        queue: &str,
        receipt_handle: &str,
        visibility_s: u32,
    ) -> Result<(), SqsError> {
        let handle = parse(receipt_handle)?;
        let messages = self.messages(queue)?;
        let changed =
            messages.find(&handle).is_some_and(|place| messages.hide_until(place, after(now_ms(), visibility_s)));
        if changed { Ok(()) } else { Err(invalid(receipt_handle)) }
    }
}

fn parse(receipt_handle: &str) -> Result<Handle<'_>, SqsError> {
    Handle::parse(receipt_handle).ok_or_else(|| invalid(receipt_handle))
}

fn invalid(receipt_handle: &str) -> SqsError {
    SqsError::InvalidReceiptHandle { receipt_handle: receipt_handle.to_owned() }
}

fn now_ms() -> i64 {
    Clock::system().now().millis()
}

fn after(now_ms: i64, seconds: u32) -> i64 {
    now_ms + i64::from(seconds) * 1000
}

/// `maxReceiveCount` of a redrive policy.
fn receives_max(policy: Option<&str>) -> Option<u32> {
    let policy: serde_json::Value = serde_json::from_str(policy?).ok()?;
    let count = policy.get("maxReceiveCount")?;
    let number = count.as_u64().and_then(|count| u32::try_from(count).ok());
    number.or_else(|| count.as_str()?.parse().ok())
}
