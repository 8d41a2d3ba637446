//! Triggered by the tasks queue: makes a step of a longer work, such as queueing the attempts of a page of deliveries
//! that waited in the table.

use usecases::pipeline;

use crate::access::{Action, Resource, may};
use crate::function::{Function, Mapping, Trigger};

/// The function.
pub const FUNCTION: Function = Function {
    name: "pipeline-run-task",
    summary: "Queues the attempts of deliveries that waited in the table, a page at a time.",
    trigger: Trigger::Queues(
        &[Mapping { queue: Resource::TasksQueue, batch_size: 1, concurrency: None }],
        |app, records| Box::pin(pipeline::run_task(app, records)),
    ),
    timeout_s: 60,
    access: &[
        may(Resource::LogTable, &[Action::GetItem, Action::UpdateItem]),
        may(Resource::LogDue, &[Action::Query]),
        may(Resource::RetriesQueue, &[Action::SendMessage]),
        may(Resource::TasksQueue, &[Action::SendMessage]),
    ],
    calls_customers: false,
};
