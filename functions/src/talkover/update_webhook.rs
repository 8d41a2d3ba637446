//! `PUT /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: changes the given fields of a webhook.
//!
//! Body: any of the fields of `WebhookRequest` (`read_webhook.rs`). Absent fields keep their values.
//!
//! - 200 `{success, message, data}`, with a `WebhookReply` (`schema.rs`) as `data`.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered, or has no such webhook.
//! - 413 where the body is over 64 KiB.
//! - 422 where the body is not a JSON object, or a field is not valid: nothing is changed.
//! - 503 where AWS fails, or others keep changing the webhooks at the same time.

use domain::{EventFilter, Permission, Webhook};
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::read_webhook::{WebhookRequest, read_webhook};
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
    "talkover-update-webhook",
    "Changes the given fields of a webhook.",
    Endpoint {
        method: "PUT",
        path: "/talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}",
        permission: Permission::Manage,
        request: Some(Shape::partial::<WebhookRequest>()),
        reply: (200, Some(Shape::of::<ChangedReply<'_>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::ConditionCheckItem, Action::PutItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let before = find_webhook(app, &caller.tenant, request).await?;
    let webhook =
        webhooks::update_additional_webhook(app, &caller.tenant, before, |webhook| updated(app, request, webhook));
    Ok(changed(StatusCode::OK, "Webhook updated successfully", &webhook.await?))
}

fn updated(app: &App, request: &Request, before: Webhook) -> Result<Webhook, ApiError> {
    let settings = read_webhook(app, request, Some(&before))?;
    let secret_known = settings.secret.is_some();
    let secret = match settings.secret {
        Some(secret) => secret,
        None if before.secret_known => app.ids.secret(),
        None => before.secret.clone(),
    };
    Ok(Webhook {
        description: Some(settings.name),
        url: settings.url,
        request: settings.request,
        secret,
        secret_known,
        events: EventFilter::Only(settings.events),
        enabled: settings.enabled,
        retries_max: settings.retries_max,
        timeout_s: settings.timeout_s,
        ..before
    })
}
