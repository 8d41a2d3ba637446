//! `GET /agentphone/v1/agents/{agent_id}/webhook`: shows the agent's webhook.
//!
//! 200 `WebhookReply` (`schema.rs`) with its full secret, or `null` where none is set; 401; 404 where the agent is not
//! registered; 503.

use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::Reply;

use super::{primary_webhook, schema};
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentphone-get-agent-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    primary_webhook::get(app, &caller, &schema::agent(request)?).await
}
