//! Keeps backlogs from growing without end: a poller pauses while a queue that its function fills is long.
//!
//! Lambda has no such pause, because SQS has room for any backlog. Here, the pause moves the backlog to the events queue.
//! When that queue is full, publishing waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::template::{Function, Template};

/// Messages that wait in a queue until the pollers of other queues pause.
const LONG: usize = 20_000;

/// The queues into which a function may send, without the queue `own` that it empties.
pub(crate) fn filled_by(function: &Function, own: &str) -> Vec<String> {
    let sends = function.permissions.iter().filter(|permission| permission.action == "sqs:SendMessage");
    sends.map(|permission| permission.resource.clone()).filter(|queue| queue != own).collect()
}

/// The number of messages that wait in each queue, by the queue's name. The queue's own poller measures it.
#[derive(Clone, Debug)]
pub(crate) struct Backlogs(Arc<BTreeMap<String, AtomicUsize>>);

impl Backlogs {
    /// An empty backlog for each queue of the template.
    pub(crate) fn of(template: &Template) -> Self {
        Self(Arc::new(template.queues.keys().map(|queue| (queue.clone(), AtomicUsize::new(0))).collect()))
    }

    /// Records how many messages wait in `queue`.
    pub(crate) fn record(&self, queue: &str, waiting: usize) {
        if let Some(backlog) = self.0.get(queue) {
            backlog.store(waiting, Ordering::Relaxed);
        }
    }

    /// Whether one of these queues is long.
    pub(crate) fn is_any_long(&self, queues: &[String]) -> bool {
        queues.iter().filter_map(|queue| self.0.get(queue)).any(|backlog| backlog.load(Ordering::Relaxed) > LONG)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    #[test]
    fn fan_out_fills_two_queues_besides_its_own() {
        let template = Template::built_in().unwrap();
        let function = template.functions.values().find(|function| function.name == "pipeline-fan-out").unwrap();
        assert_eq!(filled_by(function, "EventsQueue"), ["DeliveriesQueue", "RetriesQueue"]);
    }

    #[test]
    fn only_a_long_backlog_of_a_queue_that_the_function_fills_pauses_its_poller() {
        let backlogs = Backlogs::of(&Template::built_in().unwrap());
        let filled = ["DeliveriesQueue".to_owned(), "RetriesQueue".to_owned()];
        backlogs.record("EventsQueue", LONG + 1);
        backlogs.record("DeliveriesQueue", LONG);
        assert!(!backlogs.is_any_long(&filled));
        backlogs.record("DeliveriesQueue", LONG + 1);
        assert!(backlogs.is_any_long(&filled));
        backlogs.record("DeliveriesQueue", 0);
        assert!(!backlogs.is_any_long(&filled));
    }
}
