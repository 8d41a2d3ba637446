//! What Switchhook does, apart from how it is asked: HTTP handlers and queue handlers call these use cases.
//!
//! | module | does |
//! |---|---|
//! | [`webhooks`] | sets, shows, changes and removes a webhook |
//! | [`publish`] | reads events, keeps their conversations, queues them |
//! | [`pipeline`] | dispatches events to webhooks, delivers, retries, sweeps |
//! | [`test_webhook`] | sends to one webhook now, and waits for its answer |
//!
//! [`app::App`] holds what all of them are given. A dialect is known here by its row alone ([`dialect::Dialect`]).

pub mod app;
pub mod attempt;
mod coalescer;
pub mod dialect;
pub mod hot_keys;
pub mod internal_error;
pub mod metrics;
pub mod pipeline;
pub mod publish;
pub mod test_webhook;
pub mod ttl_cache;
pub mod webhooks;
