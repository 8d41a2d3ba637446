//! The native API, `/v1`: a platform registers its agents and publishes events.

// <generated: handlers>
pub mod delete_agent;
pub mod get_agent;
pub mod list_agents;
pub mod put_agent;
// </generated>

mod render_error;
pub(crate) mod schema;

pub(crate) use self::render_error::render_error;
