//! The use cases of Switchhook. HTTP handlers, queue handlers and the schedule call them.
//!
//! | module | does |
//! |---|---|
//! | [`webhooks`] | sets, shows, changes and removes a webhook |
//! | [`publish`] | reads events, keeps their conversations, queues them |
//! | [`pipeline`] | dispatches events to webhooks, delivers, retries, sweeps |
//! | [`send_test`] | sends to one webhook now, and waits for its answer |
//!
//! Every use case gets [`app::App`]. The use cases know a dialect only by its row ([`dialect::Dialect`]).

pub mod app;
pub mod attempt;
mod coalescer;
pub mod dialect;
pub mod hot_keys;
pub mod internal_error;
pub mod metrics;
pub mod pipeline;
pub mod publish;
pub mod send_test;
pub mod ttl_cache;
pub mod webhooks;
