//! The native API, `/v1`: a platform registers its agents here. Publishing, its other half, is
//! [`pipeline::publish_events`](crate::pipeline::publish_events).

pub mod delete_agent;
pub mod get_agent;
pub mod list_agents;
mod problem;
pub mod put_agent;
mod schema;

pub use problem::{Detail, Problem};
