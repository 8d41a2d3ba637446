//! `DELETE /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: removes a webhook.
//!
//! 200 `{success, message}`; 401; 404; 503.

use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use shared::http::caller::Caller;
use shared::http::reply::{self, Reply};
use shared::webhooks;

use super::Problem;
use super::schema::webhook;
use crate::app::App;
use crate::function::{Function, answer};

/// The function.
pub const FUNCTION: Function =
    Function::http("talkover-delete-webhook", |app, request| Box::pin(answer(app, request, handle)));

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, Problem> {
    let webhook = webhook(&app.store, &caller.tenant, request).await?;
    webhooks::remove_additional_webhook(&app.store, &app.ids, &caller.tenant, &webhook).await?;
    let body = json!({ "success": true, "message": "Webhook deleted successfully" });
    Ok(reply::json(StatusCode::OK, &body))
}
