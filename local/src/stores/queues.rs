//! The queues of the embedded SQS: winterbaume's own state, and a [`Journal`] of its messages.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result as StartResult;
use domain::time::Clock;
use winterbaume_core::default_account_id;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{Message, MessageAttribute, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsState};

use super::journal::Journal;
use crate::aws::REGION;

/// Receipt handles of deleted messages that a queue keeps, so that deleting twice is not an error.
const DELETED_HANDLES_MAX: usize = 10_000;

/// The queues. Calls that change no message use `state` directly.
pub(super) struct Queues {
    pub(super) state: SqsState,
    journal: Option<Journal>,
}

impl Queues {
    /// Opens the queues in the journal, with their messages.
    pub(super) fn open(journal: Option<Journal>) -> StartResult<Self> {
        let known = journal.as_ref().map(Journal::queues).transpose()?.unwrap_or_default();
        let mut queues = Self { state: SqsState::default(), journal: None };
        for (name, attributes) in known {
            queues.create((default_account_id(), REGION), &name, &attributes, None)?;
            if let (Some(journal), Some(queue)) = (&journal, queues.state.queues.get_mut(&name)) {
                queue.messages = journal.load(&name)?;
            }
        }
        queues.journal = journal;
        Ok(queues)
    }

    fn journal(&self, write: impl FnOnce(&Journal) -> rusqlite::Result<()>) -> Result<(), SqsError> {
        self.journal.as_ref().map_or(Ok(()), write).map_err(|error| SqsError::InternalError(error.to_string()))
    }

    pub(super) fn rewrite(&self) -> Result<(), SqsError> {
        let queues = self.state.queues.iter();
        let all = queues.flat_map(|(name, queue)| queue.messages.iter().map(move |message| (name.as_str(), message)));
        self.journal(|journal| journal.rewrite(all))
    }

    pub(super) fn create(
        &mut self,
        (account, region): (&str, &str),
        name: &str,
        attributes: &HashMap<String, String>,
        tags: Option<&HashMap<String, String>>,
    ) -> Result<Queue, SqsError> {
        let queue = self.state.create_queue(name, region, account, attributes, tags)?.clone();
        self.journal(|journal| journal.put_queue(name, attributes))?;
        Ok(queue)
    }

    pub(super) fn delete_queue(&mut self, name: &str) -> Result<(), SqsError> {
        self.state.delete_queue(name)?;
        self.journal(|journal| journal.remove_queue(name))?;
        self.rewrite()
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
        if let Some(message) = self.state.queues.get(queue).and_then(|queue| queue.messages.last()) {
            self.journal(|journal| journal.put(queue, message))?;
        }
        Ok(SendMessageOutput { message_id: sent.message_id, body_md5: sent.body_md5 })
    }

    pub(super) fn receive(
        &mut self,
        queue: &str,
        max: usize,
        visibility: Option<u32>,
    ) -> Result<Vec<Message>, SqsError> {
        let moved_to = self.dead_letters_of(queue);
        let before = moved_to.as_ref().map(|name| self.len(name));
        let messages = self.state.receive_message(queue, max, visibility)?;
        if !messages.is_empty() {
            self.journal(|journal| journal.received(&messages))?;
        }
        // A receive also moves messages that were received too often to the end of the dead-letter queue.
        if let (Some(name), Some(before)) = (moved_to, before) {
            let moved = self.state.queues.get(&name).and_then(|queue| queue.messages.get(before..)).unwrap_or_default();
            for message in moved {
                self.journal(|journal| journal.put(&name, message))?;
            }
        }
        Ok(messages)
    }

    /// The time until the queue has a visible message, or zero if it has one now. `None` if the queue is empty.
    pub(super) fn next_visible_in(&self, queue: &str) -> Option<Duration> {
        let now_ms = Clock::system().now().millis();
        let messages = &self.state.queues.get(queue)?.messages;
        let mut soonest = None;
        for message in messages {
            let wait_ms = u64::try_from(message.visible_at - now_ms).unwrap_or(0);
            soonest = Some(soonest.map_or(wait_ms, |soonest: u64| soonest.min(wait_ms)));
            if wait_ms == 0 {
                break;
            }
        }
        soonest.map(Duration::from_millis)
    }

    fn dead_letters_of(&self, queue: &str) -> Option<String> {
        let arn = self.state.queues.get(queue)?.dead_letter_target_arn.as_ref()?;
        arn.rsplit(':').next().map(str::to_owned)
    }

    fn len(&self, queue: &str) -> usize {
        self.state.queues.get(queue).map_or(0, |queue| queue.messages.len())
    }

    pub(super) fn delete(&mut self, queue: &str, receipt_handle: &str) -> Result<(), SqsError> {
        let messages = self.state.queues.get(queue).map(|queue| queue.messages.as_slice()).unwrap_or_default();
        let found =
            messages.iter().find(|message| message.all_receipt_handles.iter().any(|handle| handle == receipt_handle));
        let id = found.map(|message| message.message_id.clone());
        self.state.delete_message(queue, receipt_handle)?;
        // winterbaume keeps these handles for repeated deletes, and never drops one.
        if let Some(queue) = self.state.queues.get_mut(queue).filter(|q| q.deleted_handles.len() > DELETED_HANDLES_MAX)
        {
            queue.deleted_handles.clear();
        }
        id.map_or(Ok(()), |id| self.journal(|journal| journal.remove(&id)))
    }
}
