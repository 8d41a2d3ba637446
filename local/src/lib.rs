//! Every Switchhook function in one process, on embedded stores: what `cargo run` starts.
//!
//! It mounts what `template.yaml` lists: tables and queues are made, routes served, queues polled and the schedule kept
//! as the template says, and the functions are handed the events that API Gateway, SQS and EventBridge would send.
//! Nothing here is deployed.

pub mod aws;
pub mod cli;
pub mod demo;
mod gateway;
mod inbox;
pub mod invoke;
pub mod policy;
mod pollers;
mod provision;
mod schedule;
pub mod stack;
pub mod stores;
pub mod template;
