//! The embedded SQS's backend: winterbaume's own state, and a [`Journal`] of what waits in it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use winterbaume_core::StateViewError;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{Message, MessageAttribute, MessageMoveTask, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsBackend, SqsState, SqsStateView};

use super::journal::Journal;

/// The queues, of one account in one region.
pub(super) struct Queues(Mutex<Inner>);

struct Inner {
    state: SqsState,
    journal: Option<Journal>,
}

/// Receipt handles that a queue remembers, so that deleting twice is no error.
const DELETED_HANDLES_MAX: usize = 10_000;

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Queues {
    pub(super) fn new(journal: Option<Journal>) -> Self {
        Self(Mutex::new(Inner { state: SqsState::default(), journal }))
    }

    /// All of it is done before the answer is waited for: nothing here blocks for long.
    fn answer<T: Send + 'static>(&self, work: impl FnOnce(&mut Inner) -> T) -> Answer<T> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(std::future::ready(work(&mut inner)))
    }
}

impl Inner {
    fn journal(&self, write: impl FnOnce(&Journal) -> rusqlite::Result<()>) -> Result<(), SqsError> {
        self.journal.as_ref().map_or(Ok(()), write).map_err(|error| SqsError::InternalError(error.to_string()))
    }

    fn rewrite(&self) -> Result<(), SqsError> {
        let queues = self.state.queues.iter();
        let all = queues.flat_map(|(name, queue)| queue.messages.iter().map(move |message| (name.as_str(), message)));
        self.journal(|journal| journal.rewrite(all))
    }

    fn create(
        &mut self,
        (account, region): (&str, &str),
        name: &str,
        attributes: &HashMap<String, String>,
        tags: Option<&HashMap<String, String>>,
    ) -> Result<Queue, SqsError> {
        let is_new = !self.state.queues.contains_key(name);
        let queue = self.state.create_queue(name, region, account, attributes, tags)?.clone();
        if let (true, Some(journal)) = (is_new, &self.journal) {
            let messages = journal.load(name).map_err(|error| SqsError::InternalError(error.to_string()))?;
            if let Some(queue) = self.state.queues.get_mut(name) {
                queue.messages = messages;
            }
        }
        Ok(queue)
    }

    fn send(
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

    fn receive(&mut self, queue: &str, max: usize, visibility: Option<u32>) -> Result<Vec<Message>, SqsError> {
        let moved_to = self.dead_letters_of(queue);
        let before = moved_to.as_ref().map(|name| self.len(name));
        let messages = self.state.receive_message(queue, max, visibility)?;
        for message in &messages {
            self.journal(|journal| journal.received(message))?;
        }
        // Receiving also moves what was received too often to the end of the dead-letter queue.
        if let (Some(name), Some(before)) = (moved_to, before) {
            let moved = self.state.queues.get(&name).and_then(|queue| queue.messages.get(before..)).unwrap_or_default();
            for message in moved {
                self.journal(|journal| journal.put(&name, message))?;
            }
        }
        Ok(messages)
    }

    fn dead_letters_of(&self, queue: &str) -> Option<String> {
        let arn = self.state.queues.get(queue)?.dead_letter_target_arn.as_ref()?;
        arn.rsplit(':').next().map(str::to_owned)
    }

    fn len(&self, queue: &str) -> usize {
        self.state.queues.get(queue).map_or(0, |queue| queue.messages.len())
    }

    fn delete(&mut self, queue: &str, receipt_handle: &str) -> Result<(), SqsError> {
        let messages = self.state.queues.get(queue).map(|queue| queue.messages.as_slice()).unwrap_or_default();
        let found =
            messages.iter().find(|message| message.all_receipt_handles.iter().any(|held| held == receipt_handle));
        let id = found.map(|message| message.message_id.clone());
        self.state.delete_message(queue, receipt_handle)?;
        // winterbaume keeps these for repeated deletes, and forgets none.
        if let Some(queue) = self.state.queues.get_mut(queue).filter(|q| q.deleted_handles.len() > DELETED_HANDLES_MAX)
        {
            queue.deleted_handles.clear();
        }
        id.map_or(Ok(()), |id| self.journal(|journal| journal.remove(&id)))
    }
}

impl SqsBackend for Queues {
    fn create_queue(
        &self,
        account_id: String,
        region: String,
        name: String,
        attributes: HashMap<String, String>,
        tags: Option<HashMap<String, String>>,
    ) -> Answer<Result<Queue, SqsError>> {
        self.answer(|inner| inner.create((&account_id, &region), &name, &attributes, tags.as_ref()))
    }

    fn delete_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| {
            inner.state.delete_queue(&queue)?;
            inner.rewrite()
        })
    }

    fn get_queue_url(&self, _: String, _: String, queue: String) -> Answer<Result<String, SqsError>> {
        self.answer(|inner| inner.state.get_queue_url(&queue).map(str::to_owned))
    }

    fn get_queue_attributes(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<HashMap<String, String>, SqsError>> {
        self.answer(|inner| inner.state.get_queue_attributes(&queue))
    }

    fn set_queue_attributes(
        &self,
        _: String,
        _: String,
        queue: String,
        attributes: HashMap<String, String>,
    ) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| inner.state.set_queue_attributes(&queue, &attributes))
    }

    fn list_queues(&self, _: String, _: String, prefix: Option<String>) -> Answer<Result<Vec<Queue>, SqsError>> {
        self.answer(|inner| Ok(inner.state.list_queues(prefix.as_deref()).into_iter().cloned().collect()))
    }

    fn send_message(
        &self,
        _: String,
        _: String,
        queue: String,
        body: String,
        delay_seconds: Option<u32>,
        attributes: HashMap<String, MessageAttribute>,
        group: Option<String>,
        deduplication: Option<String>,
    ) -> Answer<Result<SendMessageOutput, SqsError>> {
        let ids = (group.as_deref(), deduplication.as_deref());
        self.answer(|inner| inner.send(&queue, &body, delay_seconds, attributes, ids))
    }

    fn receive_messages(
        &self,
        _: String,
        _: String,
        queue: String,
        max: usize,
        visibility: Option<u32>,
    ) -> Answer<Result<Vec<Message>, SqsError>> {
        self.answer(|inner| inner.receive(&queue, max, visibility))
    }

    fn delete_message(&self, _: String, _: String, queue: String, receipt: String) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| inner.delete(&queue, &receipt))
    }

    fn purge_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| {
            inner.state.purge_queue(&queue)?;
            inner.rewrite()
        })
    }

    fn change_message_visibility(
        &self,
        _: String,
        _: String,
        queue: String,
        receipt: String,
        timeout: u32,
    ) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| inner.state.change_message_visibility(&queue, &receipt, timeout))
    }

    fn change_message_visibility_batch(
        &self,
        _: String,
        _: String,
        queue: String,
        entries: Vec<(String, String, u32)>,
    ) -> Answer<Result<Vec<String>, SqsError>> {
        self.answer(|inner| inner.state.change_message_visibility_batch(&queue, &entries))
    }

    fn list_queue_tags(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<HashMap<String, String>, SqsError>> {
        self.answer(|inner| inner.state.list_queue_tags(&queue))
    }

    fn tag_queue(
        &self,
        _: String,
        _: String,
        queue: String,
        tags: HashMap<String, String>,
    ) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| inner.state.tag_queue(&queue, &tags))
    }

    fn untag_queue(&self, _: String, _: String, queue: String, keys: Vec<String>) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| inner.state.untag_queue(&queue, &keys))
    }

    fn add_permission(
        &self,
        _: String,
        _: String,
        queue: String,
        label: String,
        accounts: Vec<String>,
        actions: Vec<String>,
    ) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| inner.state.add_permission(&queue, &label, accounts, actions))
    }

    fn remove_permission(&self, _: String, _: String, queue: String, label: String) -> Answer<Result<(), SqsError>> {
        self.answer(|inner| inner.state.remove_permission(&queue, &label))
    }

    fn list_dead_letter_source_queues(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<Vec<String>, SqsError>> {
        self.answer(|inner| inner.state.list_dead_letter_source_queues(&queue))
    }

    fn start_message_move_task(
        &self,
        _: String,
        _: String,
        source_arn: String,
        destination_arn: Option<String>,
        a_second: Option<i32>,
    ) -> Answer<Result<String, SqsError>> {
        self.answer(|inner| {
            let handle = inner.state.start_message_move_task(&source_arn, destination_arn.as_deref(), a_second)?;
            inner.rewrite()?;
            Ok(handle)
        })
    }

    fn cancel_message_move_task(&self, _: String, _: String, handle: String) -> Answer<Result<i64, SqsError>> {
        self.answer(|inner| inner.state.cancel_message_move_task(&handle))
    }

    fn list_message_move_tasks(
        &self,
        _: String,
        _: String,
        source_arn: String,
    ) -> Answer<Result<Vec<MessageMoveTask>, SqsError>> {
        self.answer(|inner| Ok(inner.state.list_message_move_tasks(&source_arn).into_iter().cloned().collect()))
    }

    fn scopes_with_state(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn snapshot(&self, _: String, _: String) -> Answer<SqsStateView> {
        self.answer(|inner| SqsStateView::from(&inner.state))
    }

    fn restore(&self, _: String, _: String, _: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.answer(|_| Err(StateViewError::Invalid("the journal restores these queues".to_owned())))
    }

    fn merge(&self, _: String, _: String, _: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.answer(|_| Err(StateViewError::Invalid("the journal restores these queues".to_owned())))
    }
}
