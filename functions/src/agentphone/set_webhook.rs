//! `POST /agentphone/v1/webhooks`: sets or replaces the project's default webhook.
//!
//! Body: `{url, contextLimit?, timeout?}`.
//!
//! - 200 `WebhookReply` (`schema.rs`) with a new secret.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 413 where the body is over 64 KiB.
//! - 422 where the body is not a JSON object, or a field is not valid: nothing is stored.
//! - 503 where AWS fails, or others keep changing the webhooks at the same time.

use domain::{Owner, Permission};
use lambda_http::Request;
use usecases::app::App;

use super::schema::{SetRequest, WebhookReply};
use super::{primary_webhook, render_error};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-set-webhook",
    "Sets or replaces the project's default webhook.",
    Endpoint {
        method: "POST",
        path: "/agentphone/v1/webhooks",
        permission: Permission::Manage,
        request: Some(Shape::of::<SetRequest<'_>>()),
        reply: (200, Some(Shape::of::<WebhookReply<'_>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query, Action::PutItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    primary_webhook::set(app, &caller, request, &Owner::Project).await
}
