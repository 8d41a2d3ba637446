//! Runs every Switchhook function in one process, on embedded stores: `cargo run` starts it.
//!
//! The local stack follows `template.yaml`: it creates the tables and queues, serves the routes, polls the queues and
//! keeps the schedule. Functions get the events that API Gateway, SQS and EventBridge would send. Nothing here is
//! deployed.

pub mod aws;
mod backlogs;
pub mod cli;
pub mod demo;
mod gateway;
mod inbox;
pub mod invoke;
pub mod policy;
mod pollers;
mod provision;
mod ramp;
mod schedule;
pub mod stack;
pub mod stores;
pub mod template;
