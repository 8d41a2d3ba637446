//! `POST /agentline/v1/webhooks`: sets or replaces an agent's webhook.
//!
//! Body: `{url, agent_id, secret?, signature_header?}`.
//!
//! - 200 `{agent_id, url, secret, signature_header, created_at}`. Only this reply shows the full secret.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered.
//! - 413 where the body is over 64 KiB.
//! - 422 where the body is not a JSON object, or a field is not valid: nothing is stored.
//! - 503 where AWS fails, or others keep changing the webhooks at the same time.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::render_error;
use super::schema::{SetRequest, WebhookReply, read_set_request};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentline-set-webhook",
    "Sets or replaces an agent's webhook.",
    Endpoint {
        method: "POST",
        path: "/agentline/v1/webhooks",
        permission: Permission::Manage,
        request: Some(Shape::of::<SetRequest<'_>>()),
        reply: (200, Some(Shape::of::<WebhookReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query, Action::ConditionCheckItem, Action::PutItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let (owner, settings) = read_set_request(request, app.dialects, app.settings.require_https)?;
    let webhook = webhooks::set_primary_webhook(app, &caller.tenant, &owner, settings).await?;
    Ok(reply::json(StatusCode::OK, &WebhookReply::with_secret(&webhook)))
}
