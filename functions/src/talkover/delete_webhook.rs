//! `DELETE /talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}`: removes a webhook.
//!
//! Neither query nor body.
//!
//! - 200 `{success, message}`.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the agent is not registered, or has no such webhook.
//! - 503 where AWS fails, or others keep changing the webhooks at the same time.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;
use usecases::webhooks;

use super::render_error;
use super::schema::{DeletedReply, find_webhook};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "talkover-delete-webhook",
    "Removes a webhook.",
    Endpoint {
        method: "DELETE",
        path: "/talkover/api/v1/agents/{agent_id}/webhooks/{webhook_id}",
        permission: Permission::Manage,
        request: None,
        reply: (200, Some(Shape::of::<DeletedReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::DeleteItem, Action::UpdateItem])],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let webhook = find_webhook(app, &caller.tenant, request).await?;
    webhooks::delete_additional_webhook(app, &caller.tenant, &webhook).await?;
    Ok(reply::json(StatusCode::OK, &DeletedReply { success: true, message: "Webhook deleted successfully" }))
}
