//! `GET /agentline/v1/webhooks`: lists the agents' webhooks, their secrets masked.
//!
//! Query: `agent_id?`, for one agent's alone. 200 `{webhooks: [{agent_id, url, secret, signature_header, created_at}],
//! count}`; 400 where the project has over 10,000 webhooks; 401; 404 where the agent is not registered; 503. Without
//! `agent_id`, a webhook that was set within the last second may be missing.

use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::http::request::query_parameter;
use shared::webhooks;

use super::schema::{WebhookReply, owner};
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentline-list-webhooks", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let webhooks = match query_parameter(request, "agent_id") {
        Some(id) => webhooks::primary_webhook(&app.store, &caller.tenant, &owner(&id)?).await?.into_iter().collect(),
        None => app.store.primary_webhooks(&caller.tenant).await?,
    };
    let agents = webhooks.iter().filter(|webhook| webhook.owner.agent().is_some());
    let webhooks: Vec<_> = agents.map(WebhookReply::masked).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "webhooks": webhooks, "count": webhooks.len() })))
}
