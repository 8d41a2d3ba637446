//! Triggered by the deliveries and retries queues: makes an attempt, logs it, and queues the next attempt if one is
//! due.

use usecases::pipeline;

use crate::access::{Action, Resource, may};
use crate::function::{Function, Mapping, Trigger};

/// The function.
pub const FUNCTION: Function = Function {
    name: "pipeline-deliver",
    summary: "Makes the attempts of deliveries: signs, sends, logs, and queues the next one.",
    trigger: Trigger::Queues(
        &[
            Mapping { queue: Resource::DeliveriesQueue, batch_size: 10, concurrency: None },
            Mapping { queue: Resource::RetriesQueue, batch_size: 10, concurrency: Some("RetriesConcurrency") },
        ],
        |app, records| Box::pin(pipeline::deliver(app, records)),
    ),
    // The longest webhook timeout (120 seconds), and time for the reads and writes before and after.
    timeout_s: 150,
    access: &[
        may(Resource::ConfigTable, &[Action::GetItem, Action::BatchGetItem, Action::UpdateItem]),
        may(Resource::LogTable, &[Action::GetItem, Action::PutItem, Action::UpdateItem, Action::BatchWriteItem]),
        may(Resource::EventsQueue, &[Action::SendMessage]),
        may(Resource::RetriesQueue, &[Action::SendMessage]),
    ],
    calls_customers: true,
};
