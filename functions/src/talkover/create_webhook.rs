//! `POST /talkover/api/v1/agents/{agent_id}/webhooks`: adds a webhook to an agent.
//!
//! Body: `WebhookRequest` (`read_webhook.rs`).
//!
//! - 201 `{success, message, data}`, with a `WebhookReply` (`schema.rs`) as `data`.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered.
//! - 413 where the body is over 64 KiB.
//! - 422 where the body is not a JSON object, or a field is not valid. Also where the agent has as many webhooks as the
//!   setting `WEBHOOKS_MAX` allows. Nothing is stored.
//! - 503 where AWS fails, or others keep changing the webhooks at the same time.

use domain::{DialectName, EventFilter, Permission};
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks::{self, NewWebhook};

use super::read_webhook::{WebhookRequest, read_webhook};
use super::schema::{ChangedReply, agent, changed};
use super::{DIALECT, render_error};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "talkover-create-webhook",
    "Adds a webhook to an agent.",
    Endpoint {
        method: "POST",
        path: "/talkover/api/v1/agents/{agent_id}/webhooks",
        permission: Permission::Manage,
        request: Some(Shape::of::<WebhookRequest>()),
        reply: (201, Some(Shape::of::<ChangedReply<'_>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::ConditionCheckItem, Action::PutItem, Action::UpdateItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let (owner, settings) = (agent(request)?, read_webhook(app, request, None)?);
    let secret_known = settings.secret.is_some();
    let new = NewWebhook {
        id: app.ids.webhook_uuid(app.clock.now()),
        dialect: DialectName::new(DIALECT.name),
        description: Some(settings.name),
        url: settings.url,
        request: settings.request,
        secret: settings.secret.unwrap_or_else(|| app.ids.secret()),
        secret_known,
        events: EventFilter::Only(settings.events),
        enabled: settings.enabled,
        retries_max: settings.retries_max,
        timeout_s: settings.timeout_s,
    };
    let webhook = webhooks::add_additional_webhook(app, &caller.tenant, &owner, new).await?;
    Ok(changed(StatusCode::CREATED, "Webhook created successfully", &webhook))
}
