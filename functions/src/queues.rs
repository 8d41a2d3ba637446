//! The queues, each with its dead-letter queue: `cargo regenerate` writes them into `template.yaml`.

use crate::access::Resource;

/// A queue's row.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// The queue.
    pub resource: Resource,
    /// The queue that takes messages which failed [`RECEIVES_MAX`] times.
    pub dead_letters: &'static str,
    /// The queue's messages, for people: `first attempts`.
    pub messages: &'static str,
}

/// How often a message is shown to a function before it is dead-lettered.
pub const RECEIVES_MAX: u8 = 5;

/// How long a message is kept: the longest that SQS has, 14 days.
pub const RETENTION_S: u32 = 14 * 24 * 60 * 60;

/// A message that a function works on stays hidden for so many times the function's timeout, as Lambda asks.
pub const VISIBILITY_TIMEOUTS: u16 = 6;

/// Every queue.
pub const QUEUES: &[Queue] = &[
    Queue { resource: Resource::EventsQueue, dead_letters: "EventsDeadLetters", messages: "events" },
    Queue { resource: Resource::DeliveriesQueue, dead_letters: "DeliveriesDeadLetters", messages: "first attempts" },
    Queue { resource: Resource::RetriesQueue, dead_letters: "RetriesDeadLetters", messages: "retries" },
    Queue { resource: Resource::TasksQueue, dead_letters: "TasksDeadLetters", messages: "tasks" },
];
