//! `POST /agentphone/v1/webhooks/test`: sends a test message to the project's default webhook now, and waits for the
//! answer.
//!
//! Query: `agentId?`. Body: none, or `{from?, to?, message?, channel?}`. The payload carries all of these values.
//!
//! - 200 `{success, httpStatus, errorMessage}`, also where the endpoint failed.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 404 where the webhook is not set, or the agent `agentId` is not registered.
//! - 413 where the body is over 64 KiB.
//! - 422 where the body is not a JSON object, or a field is not valid.
//! - 503 where AWS fails.

use domain::{Owner, Permission};
use lambda_http::Request;
use usecases::app::App;

use super::schema::{TestReply, TestRequest};
use super::{primary_webhook, render_error};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::Reply;
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "agentphone-test-webhook",
    "Sends a test message to the project's default webhook now, and waits for the answer.",
    Endpoint {
        method: "POST",
        path: "/agentphone/v1/webhooks/test",
        permission: Permission::Manage,
        request: Some(Shape::of::<TestRequest<'_>>()),
        reply: (200, Some(Shape::of::<TestReply>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query])],
)
.calling_customers();

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    primary_webhook::test(app, &caller, request, &Owner::Project).await
}
