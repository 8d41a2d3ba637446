//! Triggered every minute: queues a task for each shard with deliveries that are due soon, or whose queue message was
//! lost.

use usecases::pipeline;

use crate::access::{Action, Resource, may};
use crate::function::{Function, Trigger};

/// The function.
pub const FUNCTION: Function = Function {
    name: "pipeline-sweep",
    summary: "Finds deliveries that are due soon or overdue, and queues tasks that release them.",
    trigger: Trigger::Schedule(1, |app| Box::pin(pipeline::sweep(app))),
    timeout_s: 60,
    access: &[may(Resource::LogDue, &[Action::Query]), may(Resource::TasksQueue, &[Action::SendMessage])],
    calls_customers: false,
};
