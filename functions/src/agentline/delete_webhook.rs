//! `DELETE /agentline/v1/webhooks`: removes an agent's webhook.
//!
//! Query: `agent_id`. 200 `{deleted: true, agent_id}`; 401; 404 where none is set, or the agent is not registered; 422
//! where `agent_id` is missing; 503.

use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::webhooks;

use super::schema::required_agent;
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentline-delete-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let owner = required_agent(request)?;
    webhooks::remove_primary_webhook(&app.store, &caller.tenant, &owner).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "deleted": true, "agent_id": owner.agent() })))
}
