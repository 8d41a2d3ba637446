//! The queues as many callers share them.
//!
//! A call changes the queues in memory at once, and gets its answer after the journal has written the change. The changes
//! of all calls that wait at the same moment are one transaction.
//!
//! The memory of a backlog is limited. With a journal, bodies beyond 64 MiB of a queue stay on disk alone. A send waits
//! while its queue takes 128 MiB, or 512 MiB if the send has a delay. After 5 seconds the send is refused.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result as StartResult;
use tokio::sync::Notify;
use winterbaume_sqs::SendMessageOutput;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{Message, MessageAttribute};

use super::group::Group;
use super::journal::{Journal, Request};
use super::messages::Place;
use super::queues::Queues;

/// Limits on one queue.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// The memory beyond which the journal alone keeps new bodies.
    bodies_bytes_max: usize,
    /// The memory at which a send without a delay waits for room.
    queue_bytes_max: usize,
    /// The same for a send with a delay. The limit is higher, because a function that empties another queue makes it.
    delayed_bytes_max: usize,
    /// How long a send waits for room before it is refused.
    room_wait: Duration,
}

/// The limits of the local stack.
pub(super) const LIMITS: Limits = Limits {
    bodies_bytes_max: 64 << 20,
    queue_bytes_max: 128 << 20,
    delayed_bytes_max: 512 << 20,
    room_wait: Duration::from_secs(5),
};

/// The queues, and the journal that keeps them if they are on disk.
#[derive(Clone)]
pub(super) struct SharedQueues(Arc<Shared>);

struct Shared {
    queues: Mutex<Queues>,
    journal: Option<Arc<Group<Journal>>>,
    limits: Limits,
    /// Whether the journal could not write the last changes.
    is_failing: AtomicBool,
    /// Wakes the receives that wait for a message.
    arrivals: Notify,
    /// Wakes the sends that wait for room.
    departures: Notify,
}

impl SharedQueues {
    pub(super) fn open(journal: Option<Journal>, limits: Limits) -> StartResult<Self> {
        let queues = Mutex::new(Queues::open(journal.as_ref(), limits.bodies_bytes_max)?);
        let journal = journal.map(Group::new);
        let (arrivals, departures) = (Notify::new(), Notify::new());
        let is_failing = AtomicBool::new(false);
        Ok(Self(Arc::new(Shared { queues, journal, limits, is_failing, arrivals, departures })))
    }

    pub(super) fn queues(&self) -> MutexGuard<'_, Queues> {
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
        self.0.is_failing.store(answer.is_err(), Ordering::Relaxed);
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
        let limits = self.0.limits;
        let bytes_max = if is_delayed { limits.delayed_bytes_max } else { limits.queue_bytes_max };
        let deadline = Instant::now() + limits.room_wait;
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
    pub(super) async fn receive(
        &self,
        queue: &str,
        max: usize,
        visibility_s: Option<u32>,
    ) -> Result<Vec<Message>, SqsError> {
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

    /// Sends a message once its queue has room.
    pub(super) async fn send(
        &self,
        queue: &str,
        body: &str,
        delay_seconds: Option<u32>,
        attributes: HashMap<String, MessageAttribute>,
        ids: (Option<&str>, Option<&str>),
    ) -> Result<SendMessageOutput, SqsError> {
        if self.0.is_failing.load(Ordering::Relaxed) {
            // Otherwise messages that cannot be written would fill the memory.
            self.flush().await?;
        }
        self.wait_for_room(queue, delay_seconds.is_some()).await?;
        self.queues().send(queue, body, delay_seconds, attributes, ids)
    }

    /// Wakes every send that waits for room, to look again.
    pub(super) fn notify_of_departures(&self) {
        self.0.departures.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

    use std::path::Path;

    use futures::FutureExt;

    use super::*;

    const QUEUE: &str = "Events";
    const LIMITS: Limits = Limits {
        bodies_bytes_max: 100_000,
        queue_bytes_max: 200_000,
        delayed_bytes_max: 300_000,
        room_wait: Duration::from_millis(20),
    };

    fn open(folder: Option<&Path>) -> SharedQueues {
        let journal = folder.map(|folder| Journal::open(&folder.join("sqs.sqlite")).unwrap());
        let queues = SharedQueues::open(journal, LIMITS).unwrap();
        queues.queues().create(("1", "r"), QUEUE, &HashMap::new(), None).unwrap();
        queues
    }

    async fn send(queues: &SharedQueues, body: &str, delay_seconds: Option<u32>) -> Result<(), SqsError> {
        queues.send(QUEUE, body, delay_seconds, HashMap::new(), (None, None)).await.map(|_| ())
    }

    /// The body of message `n`: 1,000 bytes.
    fn body(n: usize) -> String {
        format!("{n:01000}")
    }

    #[tokio::test]
    async fn bodies_of_a_long_backlog_stay_on_disk_until_they_are_received() {
        let folder = tempfile::tempdir().unwrap();
        let queues = open(Some(folder.path()));
        for n in 0..150 {
            send(&queues, &body(n), None).await.unwrap();
        }
        queues.flush().await.unwrap();
        let bytes = queues.queues().memory_bytes(QUEUE);
        assert!(bytes < 150_000, "{bytes} bytes for 150 bodies of 1,000");
        for first in (0..100).step_by(10) {
            let received = queues.receive(QUEUE, 10, None).await.unwrap();
            let bodies: Vec<_> = received.iter().map(|message| message.body.clone()).collect();
            assert_eq!(bodies, (first..first + 10).map(body).collect::<Vec<_>>());
        }
        drop(queues);
        let queues = open(Some(folder.path()));
        let received = queues.receive(QUEUE, 150, None).await.unwrap();
        assert_eq!(received.len(), 150, "a message in flight is visible after a restart");
        assert_eq!((&received[149].body, received[0].approximate_receive_count), (&body(149), 2));
    }

    #[tokio::test]
    async fn a_send_to_a_full_queue_waits_until_a_message_is_deleted() {
        let queues = open(None);
        while send(&queues, &body(0), None).now_or_never().is_some() {}
        let text = body(1);
        let mut waiting = Box::pin(send(&queues, &text, None));
        assert!(waiting.as_mut().now_or_never().is_none());
        send(&queues, &body(2), Some(60)).await.unwrap();
        for message in queues.receive(QUEUE, 10, None).await.unwrap() {
            queues.queues().delete(QUEUE, &message.receipt_handle.unwrap()).unwrap();
        }
        queues.notify_of_departures();
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_send_to_a_queue_that_stays_full_is_refused() {
        let queues = open(None);
        while send(&queues, &body(0), None).now_or_never().is_some() {}
        let refusal = send(&queues, &body(1), None).await.unwrap_err();
        assert!(refusal.to_string().ends_with("Events is full"), "{refusal}");
        assert!(queues.queues().memory_bytes(QUEUE) < 202_000);
    }
}
