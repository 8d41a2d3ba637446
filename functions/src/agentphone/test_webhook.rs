//! `POST /agentphone/v1/webhooks/test`: sends a test message to the project's default webhook now, and waits.
//!
//! Query: `agentId?`, told in the payload. Body: none, or `{from?, to?, message?, channel?}`, told in the payload.
//! 200 `{success, httpStatus, errorMessage}`, also where the endpoint failed; 401; 404 where none is set; 422 where a
//! field is wrong; 503.

use lambda_http::Request;
use shared::domain::Owner;
use shared::http::caller::Caller;
use shared::http::reply::Reply;

use super::primary_webhook;
use crate::app::App;
use crate::fastapi::Problem;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("agentphone-test-webhook", |app, request| Box::pin(answer(app, request, handle)))
        .calling_customers();

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    primary_webhook::test(app, &caller, request, &Owner::Project).await
}
