//! `POST /agentphone/v1/agents/{agent_id}/webhook/test`: sends a test message to the agent's webhook now, and waits.
//!
//! No body. 200 `{success, httpStatus, errorMessage}`, also where the endpoint failed; 401; 404 where none is set, or
//! the agent is not registered; 503.

use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::Reply;

use super::{primary_webhook, schema};
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentphone-test-agent-webhook", |app, request| Box::pin(answer(app, request, handle)))
        .calling_customers();

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    primary_webhook::test(app, &caller, request, &schema::agent(request)?).await
}
