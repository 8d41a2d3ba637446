//! `GET /casey/v1/backend/webhooks`: lists the endpoints, oldest first.
//!
//! Neither query nor body.
//!
//! - 200 `{data: [{id, url, description, event_types, enabled, created_at}]}`.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::schema::{Data, EndpointReply, list_endpoints};
use crate::access::{Action, Resource, may};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "casey-list-webhooks",
    "Lists the endpoints, oldest first.",
    Endpoint {
        method: "GET",
        path: "/casey/v1/backend/webhooks",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<Data<Vec<EndpointReply<'_>>>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[may(Resource::ConfigTable, &[Action::Query])],
);

async fn handle(app: &App, caller: Caller, _: &Request) -> Result<Reply, ApiError> {
    let webhooks = list_endpoints(app, &caller.tenant).await?;
    let data: Vec<EndpointReply<'_>> = webhooks.iter().map(EndpointReply::from).collect();
    Ok(reply::json(StatusCode::OK, &Data { data }))
}
