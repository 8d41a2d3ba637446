//! `POST /agentphone/v1/agents/{agent_id}/webhook/test`: sends a test message to the agent's webhook now, and waits for
//! the answer.
//!
//! No body. 200 `{success, httpStatus, errorMessage}`, also where the endpoint failed; 401; 404 where the webhook is
//! not set, or the agent is not registered; 503.

use domain::Permission;
use lambda_http::Request;
use usecases::app::App;

use super::schema::{self, TestReply, TestRequest};
use super::{primary_webhook, render_error};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-test-agent-webhook",
    "Sends a test message to the agent's webhook now, and waits for the answer.",
    Endpoint {
        method: "POST",
        path: "/agentphone/v1/agents/{agent_id}/webhook/test",
        permission: Permission::Manage,
        request: Some(Shape::of::<TestRequest<'_>>()),
        reply: (200, Some(Shape::of::<TestReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query])],
)
.calling_customers();

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    primary_webhook::test(app, &caller, request, &schema::agent(request)?).await
}
