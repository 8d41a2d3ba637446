//! `DELETE /agentphone/v1/webhooks`: removes the project's default webhook.
//!
//! 200 `{success: true}`; 401; 404 where none is set; 503.

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
    Function::http("agentphone-delete-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, Problem> {
    primary_webhook::delete(app, &caller, &Owner::Project).await
}
