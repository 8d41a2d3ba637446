//! `DELETE /agentphone/v1/agents/{agent_id}/webhook`: removes the agent's webhook; the project's default stands in.
//!
//! 200 `{success: true}`; 401; 404 where none is set, or the agent is not registered; 503.

use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::Reply;

use super::{primary_webhook, schema};
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentphone-delete-agent-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    primary_webhook::delete(app, &caller, &schema::agent(request)?).await
}
