//! `POST /casey/v1/backend/webhooks/test`: sends `test.event` to every endpoint, through the queues like any event.
//!
//! Neither query nor body.
//!
//! - 200 `{data: {success: true, message_id}}` once the event is queued.
//! - 401 without a valid API key, and 403 where the key may not manage.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use serde_json::json;
use usecases::app::App;
use usecases::publish::publish_to_webhooks;

use super::render_error;
use super::schema::{Data, TestReply, list_endpoints};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "casey-test-webhooks",
    "Sends `test.event` to every endpoint, through the queues like any event.",
    Endpoint {
        method: "POST",
        path: "/casey/v1/backend/webhooks/test",
        permission: Permission::Manage,
        request: None,
        reply: (200, Some(Shape::of::<Data<TestReply<'_>>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query]), may(Resource::EventsQueue, &[Action::SendMessage])],
);

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, ApiError> {
    let endpoints = list_endpoints(app, &caller.tenant).await?;
    let ids = endpoints.into_iter().map(|webhook| webhook.id).collect();
    let event = json!({ "type": "test.event", "data": { "message": "This is a test event." } });
    let id = publish_to_webhooks(app, &caller.tenant, &event, ids).await?;
    Ok(reply::json(StatusCode::OK, &Data { data: TestReply { success: true, message_id: id.as_str() } }))
}
