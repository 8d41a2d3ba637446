//! `POST /agentline/v1/webhooks/test`: sends `webhook.test` to an agent's webhook, through the queues like any event.
//!
//! Query: `agent_id`. No body.
//!
//! - 200 `{sent: true, url, event_type}` once the event is queued.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered, or its webhook is not set.
//! - 422 where `agent_id` is missing.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use usecases::app::App;
use usecases::publish::publish_to_webhooks;
use usecases::webhooks::{self, WebhookError};

use super::render_error;
use super::schema::{SentReply, required_agent};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

const EVENT_TYPE: &str = "webhook.test";

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentline-test-webhook",
    "Sends `webhook.test` to an agent's webhook, through the queues like any event.",
    Endpoint {
        method: "POST",
        path: "/agentline/v1/webhooks/test",
        permission: Permission::Manage,
        request: None,
        reply: (200, Some(Shape::of::<SentReply<'_>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query]), may(Resource::EventsQueue, &[Action::SendMessage])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let owner = required_agent(request)?;
    let webhook = webhooks::primary_webhook(app, &caller.tenant, &owner).await?.ok_or(WebhookError::NotSet)?;
    let data = json!({ "message": "This is a test event." });
    let event = json!({ "type": EVENT_TYPE, "agent_id": owner.agent(), "data": data });
    publish_to_webhooks(app, &caller.tenant, &event, vec![webhook.id]).await?;
    Ok(reply::json(StatusCode::OK, &SentReply { sent: true, url: &webhook.url, event_type: EVENT_TYPE }))
}
