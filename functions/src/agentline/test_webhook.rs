//! `POST /agentline/v1/webhooks/test`: sends `webhook.test` to an agent's webhook, the way that real events go.
//!
//! Query: `agent_id`. 200 `{sent: true, url, event_type}` once the event is queued; 401; 404 where none is set, or the
//! agent is not registered; 422 where `agent_id` is missing; 503.

use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::webhooks::{self, WebhookError};

use super::schema::required_agent;
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};
use crate::pipeline::publish_events::publish_to;

const EVENT_TYPE: &str = "webhook.test";

/// The function.
pub const FUNCTION: Function =
    Function::http("agentline-test-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let owner = required_agent(request)?;
    let webhook = webhooks::primary_webhook(&app.store, &caller.tenant, &owner).await?.ok_or(WebhookError::NotSet)?;
    let data = json!({ "message": "This is a test event." });
    let event = json!({ "type": EVENT_TYPE, "agent_id": owner.agent(), "data": data });
    publish_to(app, &caller.tenant, &event, vec![webhook.id]).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "sent": true, "url": webhook.url, "event_type": EVENT_TYPE })))
}
