//! The one way through: publish → events queue → fan_out → deliveries queue → deliver ⇄ retries queue; `sweep` brings
//! back what got lost on it.

mod batch;
mod conversation;
pub mod deliver;
mod endpoint;
mod entry;
pub mod event;
pub mod fan_out;
mod packing;
pub mod publish_events;
mod record;
mod report;
pub mod sweep;
mod tell;
