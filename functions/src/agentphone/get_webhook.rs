//! `GET /agentphone/v1/webhooks`: shows the project's default webhook.
//!
//! 200 `WebhookReply` (`schema.rs`) with its full secret, or `null` where none is set; 401; 503.

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
    Function::http("agentphone-get-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, Problem> {
    primary_webhook::get(app, &caller, &Owner::Project).await
}
