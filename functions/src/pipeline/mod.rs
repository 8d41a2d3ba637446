//! The functions of the pipeline: publish → events queue → fan_out → deliveries queue → deliver ⇄ retries queue.
//! `sweep` finds attempts whose message was lost.

// <generated: handlers>
pub mod deliver;
pub mod fan_out;
pub mod publish_events;
pub mod sweep;
// </generated>
