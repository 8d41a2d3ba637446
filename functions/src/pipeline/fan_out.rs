//! Triggered by the events queue: dispatches events to webhooks. A message that it cannot read ends in the dead-letter
//! queue.

use usecases::pipeline;

use crate::access::{Action, Resource, may};
use crate::function::{Function, Mapping, Trigger};

/// The function.
pub const FUNCTION: Function = Function {
    name: "pipeline-fan-out",
    summary: "Makes a delivery of each event for each webhook that gets it.",
    trigger: Trigger::Queues(
        &[Mapping { queue: Resource::EventsQueue, batch_size: 10, concurrency: None }],
        |app, records| Box::pin(pipeline::fan_out(app, records)),
    ),
    timeout_s: 60,
    access: &[
        may(Resource::ConfigTable, &[Action::Query, Action::UpdateItem]),
        may(Resource::LogTable, &[Action::GetItem, Action::PutItem, Action::Query, Action::UpdateItem]),
        may(Resource::EventsQueue, &[Action::SendMessage]),
        may(Resource::DeliveriesQueue, &[Action::SendMessage]),
        may(Resource::RetriesQueue, &[Action::SendMessage]),
    ],
    calls_customers: false,
};
