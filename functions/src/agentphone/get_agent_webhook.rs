//! `GET /agentphone/v1/agents/{agent_id}/webhook`: shows the agent's webhook.
//!
//! Neither query nor body.
//!
//! - 200 `WebhookReply` (`schema.rs`) with its full secret, or `null` where the webhook is not set.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 404 where the agent is not registered.
//! - 503 where AWS fails.

use domain::Permission;
use lambda_http::Request;
use usecases::app::App;

use super::schema::{self, WebhookReply};
use super::{primary_webhook, render_error};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-get-agent-webhook",
    "Shows the agent's webhook.",
    Endpoint {
        method: "GET",
        path: "/agentphone/v1/agents/{agent_id}/webhook",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<Option<WebhookReply<'_>>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    primary_webhook::get(app, &caller, &schema::agent(request)?).await
}
