//! `GET /agentline/v1/webhooks`: lists the agents' webhooks, with masked secrets.
//!
//! Query: `agent_id?`, for the webhook of this agent only.
//!
//! - 200 `{webhooks: [{agent_id, url, secret, signature_header, created_at}], count}`. Without `agent_id`, a webhook
//!   that was set within the last second may be missing.
//! - 400 where the project has more than 10,000 webhooks.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 404 where the agent is not registered.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::render_error;
use super::schema::{WebhookReply, WebhooksReply, owner};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::read_request::query_parameter;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentline-list-webhooks",
    "Lists the agents' webhooks, with masked secrets.",
    Endpoint {
        method: "GET",
        path: "/agentline/v1/webhooks",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<WebhooksReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query]), may(Resource::ConfigListing, &[Action::Query])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let webhooks = match query_parameter(request, "agent_id") {
        Some(id) => webhooks::primary_webhook(app, &caller.tenant, &owner(&id)?).await?.into_iter().collect(),
        None => app.store.primary_webhooks(&caller.tenant).await?,
    };
    let agents = webhooks.iter().filter(|webhook| webhook.owner.agent().is_some());
    let webhooks: Vec<_> = agents.map(WebhookReply::masked).collect();
    Ok(reply::json(StatusCode::OK, &WebhooksReply { count: webhooks.len(), webhooks }))
}
