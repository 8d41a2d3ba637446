//! Group commit: the requests that wait at the same moment are done in one transaction.
//!
//! The first request starts a task, and requests that arrive meanwhile wait for it. The task takes all waiting requests,
//! has them done together, and answers each one after the commit. The task ends when no request waits.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Does requests in groups.
pub(super) trait Worker: Send + 'static {
    /// A caller's request.
    type Request: Send;
    /// The answer to a request.
    type Answer: Send;

    /// Does these requests in order, and makes them durable. Returns one answer for each of them, in the same order.
    fn work(&mut self, requests: Vec<Self::Request>) -> Vec<Self::Answer>;
}

/// Callers that share one worker.
pub(super) struct Group<W: Worker> {
    waiting: Mutex<Waiting<W>>,
    worker: Mutex<W>,
}

struct Waiting<W: Worker> {
    requests: Vec<W::Request>,
    callers: Vec<oneshot::Sender<W::Answer>>,
    /// Whether a task takes the requests.
    is_running: bool,
}

impl<W: Worker> Group<W> {
    pub(super) fn new(worker: W) -> Arc<Self> {
        let waiting = Waiting { requests: Vec::new(), callers: Vec::new(), is_running: false };
        Arc::new(Self { waiting: Mutex::new(waiting), worker: Mutex::new(worker) })
    }

    /// Queues a request. Requests are done in the order of these calls. The answer fails if the worker panics or the runtime ends.
    pub(super) fn submit(self: &Arc<Self>, request: W::Request) -> oneshot::Receiver<W::Answer> {
        let (caller, answer) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        waiting.requests.push(request);
        waiting.callers.push(caller);
        if !mem::replace(&mut waiting.is_running, true) {
            drop(tokio::spawn(self.clone().run()));
        }
        answer
    }

    async fn run(self: Arc<Self>) {
        let mut is_running = true;
        while is_running {
            // Tasks that are ready submit their requests first, so that these requests join the group.
            tokio::task::yield_now().await;
            let (requests, callers) = {
                let mut waiting = lock(&self.waiting);
                (mem::take(&mut waiting.requests), mem::take(&mut waiting.callers))
            };
            // A panic fails the calls of this group alone: no caller waits forever.
            let work = AssertUnwindSafe(|| lock(&self.worker).work(requests));
            let answers = panic::catch_unwind(work).unwrap_or_default();
            is_running = self.waits();
            for (caller, answer) in callers.into_iter().zip(answers) {
                // A caller that has gone needs no answer.
                drop(caller.send(answer));
            }
        }
    }

    /// Whether more requests wait. If not, the next request starts a new task.
    fn waits(&self) -> bool {
        let mut waiting = lock(&self.waiting);
        waiting.is_running = !waiting.requests.is_empty();
        waiting.is_running
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    /// Answers each request with the size of its group, and panics at zero.
    struct Sizes;

    impl Worker for Sizes {
        type Request = u32;
        type Answer = usize;

        fn work(&mut self, requests: Vec<u32>) -> Vec<usize> {
            assert!(!requests.contains(&0), "zero");
            requests.iter().map(|_| requests.len()).collect()
        }
    }

    #[tokio::test]
    async fn requests_that_wait_at_the_same_moment_are_one_group() {
        let group = Group::new(Sizes);
        let answers: Vec<_> = (1..=3).map(|request| group.submit(request)).collect();
        for answer in answers {
            assert_eq!(answer.await.unwrap(), 3);
        }
        assert_eq!(group.submit(4).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_panic_fails_its_group_alone() {
        let group = Group::new(Sizes);
        assert!(group.submit(0).await.is_err());
        assert_eq!(group.submit(1).await.unwrap(), 1);
    }
}
