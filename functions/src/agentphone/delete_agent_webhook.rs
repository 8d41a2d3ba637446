//! `DELETE /agentphone/v1/agents/{agent_id}/webhook`: removes the agent's webhook; the project's default stands in.
//!
//! Neither query nor body.
//!
//! - 200 `{success: true}`.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered, or its webhook is not set.
//! - 503 where AWS fails.

use domain::Permission;
use lambda_http::Request;
use usecases::app::App;

use super::schema::{self, DeletedReply};
use super::{primary_webhook, render_error};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-delete-agent-webhook",
    "Removes the agent's webhook; the project's default stands in.",
    Endpoint {
        method: "DELETE",
        path: "/agentphone/v1/agents/{agent_id}/webhook",
        permission: Permission::Manage,
        request: None,
        reply: (200, Some(Shape::of::<DeletedReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::DeleteItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    primary_webhook::delete(app, &caller, &schema::agent(request)?).await
}
