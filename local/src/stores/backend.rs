//! winterbaume's trait for queues, implemented by [`SharedQueues`], for one account in one region.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use winterbaume_core::StateViewError;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{Message, MessageAttribute, MessageMoveTask, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsBackend, SqsStateView};

use super::queues::Queues;
use super::shared_queues::SharedQueues;

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl SharedQueues {
    /// Runs `work` at once, before the answer is awaited: nothing here blocks for long.
    fn answer<T: Send + 'static>(&self, work: impl FnOnce(&mut Queues) -> T) -> Answer<T> {
        Box::pin(std::future::ready(work(&mut self.queues())))
    }
}

impl SqsBackend for SharedQueues {
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
        let queues = self.clone();
        Box::pin(async move {
            let ids = (group.as_deref(), deduplication.as_deref());
            queues.send(&queue, &body, delay_seconds, attributes, ids).await
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
        let queues = self.clone();
        Box::pin(async move { queues.receive(&queue, max, visibility).await })
    }

    fn delete_message(&self, _: String, _: String, queue: String, receipt: String) -> Answer<Result<(), SqsError>> {
        let answer = self.answer(|queues| queues.delete(&queue, &receipt));
        self.notify_of_departures();
        answer
    }

    fn purge_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        let answer = self.answer(|queues| queues.purge(&queue));
        self.notify_of_departures();
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
