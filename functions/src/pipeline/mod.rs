//! The one way through: publish → events queue → fan_out → deliveries queue → deliver ⇄ retries queue; `sweep` brings
//! back what got lost on it.

mod batch;
mod conversation;
pub mod deliver;
mod dispatch;
mod endpoint;
pub mod event;
pub mod fan_out;
mod log_entry;
mod packing;
pub mod publish_events;
mod report;
mod sqs_record;
pub mod sweep;
