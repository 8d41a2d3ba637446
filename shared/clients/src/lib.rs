//! Clients of all services that Switchhook calls: DynamoDB ([`store`]), SQS ([`queue`]), customers' URLs ([`send`]).
//!
//! The use cases call these clients. The clients decide nothing about events and webhooks, and know no dialect.

pub mod aws;
pub mod queue;
pub mod send;
pub mod store;
