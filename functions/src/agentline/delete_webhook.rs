//! `DELETE /agentline/v1/webhooks`: removes an agent's webhook.
//!
//! Query: `agent_id`.
//!
//! - 200 `{deleted: true, agent_id}`.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered, or its webhook is not set.
//! - 422 where `agent_id` is missing.
//! - 503 where AWS fails.

use domain::{AgentId, Permission};
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::render_error;
use super::schema::{DeletedReply, required_agent};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentline-delete-webhook",
    "Removes an agent's webhook.",
    Endpoint {
        method: "DELETE",
        path: "/agentline/v1/webhooks",
        permission: Permission::Manage,
        request: None,
        reply: (200, Some(Shape::of::<DeletedReply<'_>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::DeleteItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let owner = required_agent(request)?;
    webhooks::delete_primary_webhook(app, &caller.tenant, &owner).await?;
    let agent_id = owner.agent().map(AgentId::as_str).unwrap_or_default();
    Ok(reply::json(StatusCode::OK, &DeletedReply { deleted: true, agent_id }))
}
