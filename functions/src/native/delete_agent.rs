//! `DELETE /v1/agents/{agent_id}`: removes an agent and its webhooks.
//!
//! Neither query nor body.
//!
//! - 204 without a body.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered.
//! - 503 where AWS fails: some of it may be removed, and another call removes the rest.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::read_request::agent_in_path;
use crate::http::reply::{self, Reply};

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "native-delete-agent",
    "Removes an agent and its webhooks.",
    Endpoint {
        method: "DELETE",
        path: "/v1/agents/{agent_id}",
        permission: Permission::Manage,
        request: None,
        reply: (204, None),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query, Action::DeleteItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    if app.store.delete_agent(&caller.tenant, &agent_in_path(request)?).await? {
        Ok(reply::empty(StatusCode::NO_CONTENT))
    } else {
        Err(ApiError::AgentNotFound)
    }
}
