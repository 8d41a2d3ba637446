//! `PATCH /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}/toggle`: disables an enabled webhook, and enables a
//! disabled one.
//!
//! Neither query nor body.
//!
//! - 200 `{success, message, data}`, with a `WebhookReply` (`schema.rs`) as `data`.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered, or has no such webhook.
//! - 503 where AWS fails, or others keep changing the webhooks at the same time.

use domain::{Permission, Webhook};
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::render_error;
use super::schema::{ChangedReply, changed, find_webhook};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "talkover-toggle-webhook",
    "Disables an enabled webhook, and enables a disabled one.",
    Endpoint {
        method: "PATCH",
        path: "/talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}/toggle",
        permission: Permission::Manage,
        request: None,
        reply: (200, Some(Shape::of::<ChangedReply<'_>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::ConditionCheckItem, Action::PutItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let before = find_webhook(app, &caller.tenant, request).await?;
    let toggled = |webhook: Webhook| Ok::<_, ApiError>(Webhook { enabled: !webhook.enabled, ..webhook });
    let webhook = webhooks::update_additional_webhook(app, &caller.tenant, before, toggled).await?;
    let message = if webhook.enabled { "Webhook enabled" } else { "Webhook disabled" };
    Ok(changed(StatusCode::OK, message, &webhook))
}
