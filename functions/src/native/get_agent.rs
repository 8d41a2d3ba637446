//! `GET /v1/agents/{agent_id}`: shows an agent.
//!
//! Neither query nor body.
//!
//! - 200 `{id, name, created_at}`.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 404 where the agent is not registered.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::schema::AgentReply;
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::read_request::agent_in_path;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "native-get-agent",
    "Shows an agent.",
    Endpoint {
        method: "GET",
        path: "/v1/agents/{agent_id}",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<AgentReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let agent = app.store.agent(&caller.tenant, &agent_in_path(request)?).await?.ok_or(ApiError::AgentNotFound)?;
    Ok(reply::json(StatusCode::OK, &AgentReply::from(agent)))
}
