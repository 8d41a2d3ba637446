//! winterbaume's trait for queues, implemented by [`Queues`], for one account in one region.
//!
//! A send, a receive or a delete changes the queues in memory at once. [`Backend::flush`] then waits until the journal
//! has these changes, and only after that the caller gets the answer.

use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result as StartResult;
use tokio::sync::Notify;
use winterbaume_core::StateViewError;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{Message, MessageAttribute, MessageMoveTask, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsBackend, SqsStateView};

use super::group::Group;
use super::journal::{Journal, Request};
use super::messages::Place;
use super::queues::Queues;

/// The memory of one queue's messages at which a send without a delay waits for room: 128 MiB.
const QUEUE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// The same for sends with a delay: 512 MiB. The limit is higher, because a function that empties another queue makes
/// them.
const DELAYED_BYTES_MAX: usize = 512 * 1024 * 1024;

/// How long a send waits for room before it is refused.
const ROOM_WAIT: Duration = Duration::from_secs(5);

/// The embedded SQS's backend.
#[derive(Clone)]
pub(super) struct Backend(Arc<Shared>);

struct Shared {
    queues: Mutex<Queues>,
    journal: Option<Arc<Group<Journal>>>,
    /// Wakes the receives that wait for a message.
    arrivals: Notify,
    /// Wakes the sends that wait for room.
    departures: Notify,
}

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Backend {
    pub(super) fn open(journal: Option<Journal>) -> StartResult<Self> {
        let queues = Mutex::new(Queues::open(journal.as_ref())?);
        let journal = journal.map(Group::new);
        Ok(Self(Arc::new(Shared { queues, journal, arrivals: Notify::new(), departures: Notify::new() })))
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes every receive that waits for a message, to look again.
    pub(super) fn notify_of_arrivals(&self) {
        self.0.arrivals.notify_waiters();
    }

    /// Waits until the journal has all changes.
    pub(super) async fn flush(&self) -> Result<(), SqsError> {
        self.flush_and_read(Vec::new()).await.map(|_| ())
    }

    /// Waits until the journal has all changes, and reads the bodies of these messages. A message that is gone has none.
    async fn flush_and_read(&self, bodies: Vec<Place>) -> Result<Vec<Option<String>>, SqsError> {
        let Some(journal) = &self.0.journal else { return Ok(Vec::new()) };
        let answer = {
            // Submitted under the lock, so that the journal gets the changes in their order.
            let mut queues = self.queues();
            journal.submit(Request { changes: queues.take_changes(), bodies })
        };
        let answer = answer.await.map_err(|error| SqsError::InternalError(error.to_string()))?;
        answer.map_err(|error| SqsError::InternalError(format!("the queues could not be written: {error}")))
    }

    /// Waits until the queue has a visible message, but no longer than `wait`.
    pub(super) async fn wait_for_message(&self, queue: &str, wait: Duration) {
        let deadline = Instant::now() + wait;
        loop {
            // Registered before the look, so that no arrival between the look and the wait is missed.
            let mut arrival = pin!(self.0.arrivals.notified());
            arrival.as_mut().enable();
            let next = self.queues().next_visible_in(queue);
            let until = next.map_or(deadline, |next| deadline.min(Instant::now() + next));
            if until <= Instant::now() {
                return;
            }
            tokio::time::timeout_at(until.into(), arrival).await.unwrap_or_default();
        }
    }

    /// Waits until the queue has room for a message, and refuses the message if that takes too long.
    async fn wait_for_room(&self, queue: &str, is_delayed: bool) -> Result<(), SqsError> {
        let bytes_max = if is_delayed { DELAYED_BYTES_MAX } else { QUEUE_BYTES_MAX };
        let deadline = Instant::now() + ROOM_WAIT;
        loop {
            let mut departure = pin!(self.0.departures.notified());
            departure.as_mut().enable();
            if self.queues().memory_bytes(queue) < bytes_max {
                return Ok(());
            }
            if tokio::time::timeout_at(deadline.into(), departure).await.is_err() {
                return Err(SqsError::InternalError(format!("{queue} is full")));
            }
        }
    }

    /// Receives messages. Bodies that are not in memory are read from the journal.
    async fn receive(&self, queue: &str, max: usize, visibility_s: Option<u32>) -> Result<Vec<Message>, SqsError> {
        let mut received = self.queues().receive(queue, max, visibility_s)?;
        if received.is_empty() {
            return Ok(Vec::new());
        }
        let on_disk: Vec<Place> = received.iter().filter(|found| found.lacks_body).map(|found| found.place).collect();
        let bodies = self.flush_and_read(on_disk).await?;
        for (found, body) in received.iter_mut().filter(|found| found.lacks_body).zip(bodies) {
            found.lacks_body = body.is_none();
            found.message.body = body.unwrap_or_default();
        }
        // A message without a body was deleted meanwhile.
        received.retain(|found| !found.lacks_body);
        Ok(received.into_iter().map(|found| found.message).collect())
    }

    /// Runs `work` at once, before the answer is awaited: nothing here blocks for long.
    fn answer<T: Send + 'static>(&self, work: impl FnOnce(&mut Queues) -> T) -> Answer<T> {
        Box::pin(std::future::ready(work(&mut self.queues())))
    }
}

impl SqsBackend for Backend {
    fn create_queue(
        &self,
        account_id: String,
        region: String,
        name: String,
        attributes: HashMap<String, String>,
        tags: Option<HashMap<String, String>>,
    ) -> Answer<Result<Queue, SqsError>> {
        self.answer(|queues| queues.create((&account_id, &region), &name, &attributes, tags.as_ref()))
    }

    fn delete_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        self.answer(|queues| queues.delete_queue(&queue))
    }

    fn get_queue_url(&self, _: String, _: String, queue: String) -> Answer<Result<String, SqsError>> {
        self.answer(|queues| queues.state.get_queue_url(&queue).map(str::to_owned))
    }

    fn get_queue_attributes(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<HashMap<String, String>, SqsError>> {
        self.answer(|queues| queues.attributes(&queue))
    }

    fn set_queue_attributes(
        &self,
        _: String,
        _: String,
        queue: String,
        attributes: HashMap<String, String>,
    ) -> Answer<Result<(), SqsError>> {
        self.answer(|queues| queues.state.set_queue_attributes(&queue, &attributes))
    }

    fn list_queues(&self, _: String, _: String, prefix: Option<String>) -> Answer<Result<Vec<Queue>, SqsError>> {
        self.answer(|queues| Ok(queues.state.list_queues(prefix.as_deref()).into_iter().cloned().collect()))
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
        let backend = self.clone();
        Box::pin(async move {
            backend.wait_for_room(&queue, delay_seconds.is_some()).await?;
            let ids = (group.as_deref(), deduplication.as_deref());
            backend.queues().send(&queue, &body, delay_seconds, attributes, ids)
        })
    }

    fn receive_messages(
        &self,
        _: String,
        _: String,
        queue: String,
        max: usize,
        visibility: Option<u32>,
    ) -> Answer<Result<Vec<Message>, SqsError>> {
        let backend = self.clone();
        Box::pin(async move { backend.receive(&queue, max, visibility).await })
    }

    fn delete_message(&self, _: String, _: String, queue: String, receipt: String) -> Answer<Result<(), SqsError>> {
        let answer = self.answer(|queues| queues.delete(&queue, &receipt));
        self.0.departures.notify_waiters();
        answer
    }

    fn purge_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        let answer = self.answer(|queues| queues.purge(&queue));
        self.0.departures.notify_waiters();
        answer
    }

    fn change_message_visibility(
        &self,
        _: String,
        _: String,
        queue: String,
        receipt: String,
        timeout: u32,
    ) -> Answer<Result<(), SqsError>> {
        self.answer(|queues| queues.change_visibility(&queue, &receipt, timeout))
    }

    fn change_message_visibility_batch(
        &self,
        _: String,
        _: String,
        queue: String,
        entries: Vec<(String, String, u32)>,
    ) -> Answer<Result<Vec<String>, SqsError>> {
        self.answer(|queues| {
            let change = |(id, receipt, timeout): &(String, String, u32)| {
                queues.change_visibility(&queue, receipt, *timeout).map(|()| id.clone())
            };
            entries.iter().map(change).collect()
        })
    }

    fn list_queue_tags(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<HashMap<String, String>, SqsError>> {
        self.answer(|queues| queues.state.list_queue_tags(&queue))
    }

    fn tag_queue(
        &self,
        _: String,
        _: String,
        queue: String,
        tags: HashMap<String, String>,
    ) -> Answer<Result<(), SqsError>> {
        self.answer(|queues| queues.state.tag_queue(&queue, &tags))
    }

    fn untag_queue(&self, _: String, _: String, queue: String, keys: Vec<String>) -> Answer<Result<(), SqsError>> {
        self.answer(|queues| queues.state.untag_queue(&queue, &keys))
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
        self.answer(|queues| queues.state.add_permission(&queue, &label, accounts, actions))
    }

    fn remove_permission(&self, _: String, _: String, queue: String, label: String) -> Answer<Result<(), SqsError>> {
        self.answer(|queues| queues.state.remove_permission(&queue, &label))
    }

    fn list_dead_letter_source_queues(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<Vec<String>, SqsError>> {
        self.answer(|queues| queues.state.list_dead_letter_source_queues(&queue))
    }

    fn start_message_move_task(
        &self,
        _: String,
        _: String,
        source_arn: String,
        destination_arn: Option<String>,
        a_second: Option<i32>,
    ) -> Answer<Result<String, SqsError>> {
        self.answer(|queues| queues.state.start_message_move_task(&source_arn, destination_arn.as_deref(), a_second))
    }

    fn cancel_message_move_task(&self, _: String, _: String, handle: String) -> Answer<Result<i64, SqsError>> {
        self.answer(|queues| queues.state.cancel_message_move_task(&handle))
    }

    fn list_message_move_tasks(
        &self,
        _: String,
        _: String,
        source_arn: String,
    ) -> Answer<Result<Vec<MessageMoveTask>, SqsError>> {
        self.answer(|queues| Ok(queues.state.list_message_move_tasks(&source_arn).into_iter().cloned().collect()))
    }

    fn scopes_with_state(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn snapshot(&self, _: String, _: String) -> Answer<SqsStateView> {
        self.answer(|queues| SqsStateView::from(&queues.state))
    }

    fn restore(&self, _: String, _: String, _: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.answer(|_| Err(StateViewError::Invalid("the journal restores these queues".to_owned())))
    }

    fn merge(&self, _: String, _: String, _: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.answer(|_| Err(StateViewError::Invalid("the journal restores these queues".to_owned())))
    }
}
