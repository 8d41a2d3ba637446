//! Group commit: the requests that wait at the same moment are done in one transaction.
//!
//! The first request starts a task, and requests that arrive meanwhile wait for it. The task takes all waiting requests,
//! has them done together, and answers each one after the commit. The task ends when no request waits.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Does requests in groups.
pub(super) trait Worker: Send + 'static {
    /// What a caller asks for.
    type Request: Send;
    /// What the caller gets.
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

    /// Queues a request. Requests are done in the order of these calls. The answer fails only if the runtime ends.
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
        loop {
            // Tasks that are ready submit their requests first, so that these requests join the group.
            tokio::task::yield_now().await;
            let (requests, callers) = {
                let mut waiting = lock(&self.waiting);
                if waiting.requests.is_empty() {
                    waiting.is_running = false;
                    return;
                }
                (mem::take(&mut waiting.requests), mem::take(&mut waiting.callers))
            };
            let answers = lock(&self.worker).work(requests);
            for (caller, answer) in callers.into_iter().zip(answers) {
                // A caller that has gone needs no answer.
                drop(caller.send(answer));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
