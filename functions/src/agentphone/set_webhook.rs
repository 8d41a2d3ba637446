//! `POST /agentphone/v1/webhooks`: sets or replaces the project's default webhook.
//!
//! Body: `{url, contextLimit?, timeout?}`. 200 `WebhookReply` (`schema.rs`) with a new secret; 401; 422 where a field
//! is wrong: nothing is stored; 503.

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
    Function::http("agentphone-set-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    primary_webhook::set(app, &caller, request, &Owner::Project).await
}
