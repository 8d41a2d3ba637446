//! `DELETE /agentphone/v1/webhooks`: removes the project's default webhook.
//!
//! Neither query nor body.
//!
//! - 200 `{success: true}`.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the webhook is not set.
//! - 503 where AWS fails.

use domain::{Owner, Permission};
use lambda_http::Request;
use usecases::app::App;

use super::schema::DeletedReply;
use super::{primary_webhook, render_error};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-delete-webhook",
    "Removes the project's default webhook.",
    Endpoint {
        method: "DELETE",
        path: "/agentphone/v1/webhooks",
        permission: Permission::Manage,
        request: None,
        reply: (200, Some(Shape::of::<DeletedReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::DeleteItem])],
);

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, ApiError> {
    primary_webhook::delete(app, &caller, &Owner::Project).await
}
