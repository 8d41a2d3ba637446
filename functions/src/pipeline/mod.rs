//! The functions of the pipeline: publish → events queue → fan_out → deliveries queue → deliver ⇄ retries queue.
//! Attempts that wait for long are parked in the table: `sweep` finds them, and `run_task` queues them.

// <generated: handlers>
pub mod deliver;
pub mod fan_out;
pub mod publish_events;
pub mod run_task;
pub mod sweep;
// </generated>
