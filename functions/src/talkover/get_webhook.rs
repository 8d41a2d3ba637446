//! `GET /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: shows a webhook.
//!
//! Neither query nor body.
//!
//! - 200 `{success, data}`, with a `WebhookReply` (`schema.rs`) as `data`.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 404 where the agent is not registered, or has no such webhook.
//! - 503 where AWS fails.

use domain::Permission;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::schema::{FoundReply, WebhookReply, find_webhook, found};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "talkover-get-webhook",
    "Shows a webhook.",
    Endpoint {
        method: "GET",
        path: "/talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<FoundReply<WebhookReply<'_>>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let webhook = find_webhook(app, &caller.tenant, request).await?;
    Ok(found(WebhookReply::from(&webhook)))
}
