//! `GET /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: shows a webhook.
//!
//! 200 `{success, data}`; 401; 404; 503.

use lambda_http::Request;
use shared::http::caller::Caller;
use shared::http::reply::Reply;

use super::Problem;
use super::schema::{WebhookReply, found, webhook};
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("talkover-get-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let webhook = webhook(&app.store, &caller.tenant, request).await?;
    Ok(found(&WebhookReply::from(&webhook)))
}
