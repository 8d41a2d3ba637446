//! Triggered every minute: queues attempts again whose queue message was lost.

use usecases::pipeline;

use crate::access::{Action, Resource, may};
use crate::function::{Function, Trigger};

/// The function.
pub const FUNCTION: Function = Function {
    name: "pipeline-sweep",
    summary: "Queues overdue attempts again.",
    trigger: Trigger::Schedule(1, |app| Box::pin(pipeline::sweep(app))),
    timeout_s: 60,
    access: &[
        may(Resource::LogTable, &[Action::GetItem, Action::UpdateItem]),
        may(Resource::LogDue, &[Action::Query]),
        may(Resource::RetriesQueue, &[Action::SendMessage]),
    ],
    calls_customers: false,
};
