//! `GET /casey/v1/backend/webhooks/{id}`: shows an endpoint.
//!
//! Neither query nor body.
//!
//! - 200 `{data: {id, url, description, event_types, enabled, created_at}}`.
//! - 401 without a valid API key, and 403 where the key may not read.
//! - 404 where the endpoint does not exist.
//! - 503 where AWS fails.

use domain::Permission;
use http::StatusCode;
use lambda_http::Request;
use usecases::app::App;

use super::render_error;
use super::schema::{Data, EndpointReply, find_endpoint};
use crate::function::{Endpoint, Function};
use crate::http::api_error::ApiError;
use crate::http::authenticate::Caller;
use crate::http::reply::{self, Reply};
use crate::json_schema::Shape;

/// The endpoint.
pub const FUNCTION: Function = Function::http(
    "casey-get-webhook",
    "Shows an endpoint.",
    Endpoint {
        method: "GET",
        path: "/casey/v1/backend/webhooks/{id}",
        permission: Permission::Read,
        request: None,
        reply: (200, Some(Shape::of::<Data<EndpointReply<'_>>>())),
        render_error,
        handler: |app, caller, request| Box::pin(handle(app, caller, request)),
    },
    &[],
);

async fn handle(app: &App, caller: Caller, request: &Request) -> Result<Reply, ApiError> {
    let webhook = find_endpoint(app, &caller.tenant, request).await?;
    Ok(reply::json(StatusCode::OK, &Data { data: EndpointReply::from(&webhook) }))
}
