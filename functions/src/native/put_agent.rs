//! `PUT /v1/agents/{agent_id}`: registers an agent, or gives it another name.
//!
//! Body: none, or `{name?}` with a name of at most 255 characters. Without `name`, the agent's name is removed.
//!
//! - 200 `{id, name, created_at}`, or 201 where the agent is new.
//! - 400 where the body is not JSON.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 413 where the body is over 64 KiB.
//! - 422 where the body is not an object, or the id or a field is not valid: nothing is stored.
//! - 503 where AWS fails.

use clients::store::agents::Put;
use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::schema::{AgentReply, AgentRequest, new_agent_id, read_agent_request};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "native-put-agent",
    "Registers an agent, or gives it another name.",
    Endpoint {
        method: "PUT",
        path: "/v1/agents/{agent_id}",
        permission: Permission::Manage,
        request: Some(Shape::of::<AgentRequest>()),
        reply: (200, Some(Shape::of::<AgentReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::UpdateItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let (id, body) = (new_agent_id(request)?, read_agent_request(request)?);
    let (agent, put) = app.store.put_agent(&caller.tenant, &id, body.name.as_deref(), app.clock.now()).await?;
    let status = match put {
        Put::Created => StatusCode::CREATED,
        Put::Replaced => StatusCode::OK,
    };
    Ok(reply::json(status, &AgentReply::from(agent)))
}
