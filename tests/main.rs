//! Tests Switchhook end to end. Each test starts a stack of its own in memory and speaks HTTP to it, as platforms and
//! their customers do. `stack` and `receiver` are the harness.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

mod admin;
mod agentline;
mod agentphone;
mod agents;
mod bad_input;
mod calls;
mod casey;
mod conversations;
mod crashes;
mod dead_letters;
mod documented_calls;
mod faults;
mod fuzz;
mod gateway;
mod generated;
mod golden;
mod groups;
mod health;
mod hostile;
mod idempotency;
mod kept;
mod kills;
mod log;
mod model;
mod pipeline;
mod policies;
mod pollers;
mod process;
mod promises;
mod publishing;
mod receiver;
mod restart;
mod retries;
mod routing;
mod secrets;
mod sender;
mod stack;
mod statistics;
mod stores;
mod talkover;
mod telemetry;
mod tenants;
mod upgrade;
