//! What more than one function needs.
//!
//! The functions and the local stack call this crate; it calls AWS and customers' URLs, and nothing else. It never
//! knows which dialect it serves: a dialect hands it policy values ([`domain::Webhook`], [`sign::Scheme`]).
//!
//! ```text
//! domain ← routing, retry, health, sign, seal, render, address, url, header (pure) ← store, queue, send ← attempt, webhooks
//! ```

pub mod address;
pub mod attempt;
pub mod aws;
pub mod domain;
pub mod header;
pub mod health;
pub mod http;
pub mod queue;
pub mod render;
pub mod retry;
pub mod routing;
pub mod seal;
pub mod send;
pub mod settings;
pub mod sign;
pub mod store;
pub mod time;
pub mod url;
pub mod webhooks;
